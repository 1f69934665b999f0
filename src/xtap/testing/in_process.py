"""The whole application without a socket, for tests that make thousands of requests: httpx transport, no disk."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from xtap.server import demo
from xtap.server.asgi import assemble, service_of
from xtap.server.settings import Settings
from xtap.service.permissions import PERMISSIONS
from xtap.store.memory import MemoryStore
from xtap.testing.local_server import AUDIENCE, TENANTS, registered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from xtap.server.asgi import Application
    from xtap.store.protocol import Store

BASE = "https://localhost"


@dataclass(frozen=True, slots=True)
class InProcess:
    """An application and a client that calls it directly."""

    application: Application
    client: httpx.AsyncClient

    def token(self, tenant: str = "contoso", permissions: Sequence[str] = PERMISSIONS) -> str:
        """Return an app-only token of a demo tenant with these application permissions."""
        issuer = self.application.issuer
        if issuer is None:
            raise TypeError("the embedded issuer is off")
        return issuer.mint_app(TENANTS[tenant].id, registered(tenant, permissions), AUDIENCE)

    def headers(self, tenant: str = "contoso") -> dict[str, str]:
        """Return request headers with a token that may do everything in a demo tenant."""
        return {"Authorization": f"Bearer {self.token(tenant)}"}


@contextlib.asynccontextmanager
async def in_process(folder: Path, store: Store | None = None, /, **settings: object) -> AsyncIterator[InProcess]:
    """Build the application with the demo tenants.

    Args:
        folder: where signing keys are kept.
        store: where policies live, closed at the end; one in memory if none is given.
        settings: fields of :class:`~xtap.server.settings.Settings` that differ from the defaults.
    """
    configured = Settings(data=str(folder), embedded_issuer=True, **settings)  # type: ignore[arg-type]
    store = MemoryStore() if store is None else store
    await demo.install(store)
    application = await assemble(configured, service_of(configured, store))
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield InProcess(application, client)
    await application.close()
