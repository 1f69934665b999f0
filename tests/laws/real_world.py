"""The real application over a file of SQLite, which can be shut down and started again; the test turns its clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId
from xtap.server.asgi import assemble
from xtap.server.settings import Settings
from xtap.server.storage import DATABASE
from xtap.service import tenants as register
from xtap.service.context import Service
from xtap.service.permissions import PERMISSIONS
from xtap.store.sqlite import SqliteStore
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from xtap.server.asgi import Application as Server


class RealWorld:
    """One application, in a folder of its own.

    Args:
        folder: of the database and the signing keys.
        tenants: that are registered.
        delay: how long a join takes.
        time: what the clock shows.
    """

    def __init__(self, folder: Path, tenants: Sequence[str], delay: timedelta, time: datetime) -> None:
        self.time = time
        self._folder, self._delay = folder, delay
        self._runner = asyncio.Runner()
        self._server: Server
        self._client: httpx.AsyncClient
        self._start()
        for each in tenants:
            tenant = Tenant(id=TenantId(each), display_name=f"name of {each}")
            self._runner.run(register.add(self._server.store, tenant))
        self._headers = {each: self._authorized(each) for each in tenants}

    def ask(self, tenant: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request of a tenant, and return status and decoded body."""
        answer = self._runner.run(self._client.request(method, path, headers=self._headers[tenant], json=body))
        return answer.status_code, answer.json() if answer.content else None

    def restart(self) -> None:
        """Shut the application down, and start it on the same file."""
        self._stop()
        self._start()

    def close(self) -> None:
        """Shut the application down."""
        self._stop()
        self._runner.close()

    def _start(self) -> None:
        store = SqliteStore.open(self._folder / DATABASE, exclusive=True)
        service = Service(store, join_delay=self._delay, now=lambda: self.time)
        settings = Settings(data=str(self._folder), embedded_issuer=True)
        self._server = self._runner.run(assemble(settings, service))
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self._server), base_url="https://localhost")

    def _stop(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.run(self._server.close())

    def _authorized(self, tenant: str) -> dict[str, str]:
        issuer = self._server.issuer
        assert issuer is not None
        application = Application("test", "test", tenant, "", PERMISSIONS)
        return {"Authorization": f"Bearer {issuer.mint_app(TenantId(tenant), application, AUDIENCE)}"}
