"""A server in process whose clock the test turns, and tenants of it that play together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import httpx
import msgspec

from xtap.model.audit import AuditRecord
from xtap.model.directory import Application, Tenant
from xtap.model.directory_audit import directory_audit
from xtap.model.ids import DIRECTORY, TenantId
from xtap.server.asgi import assemble
from xtap.server.settings import Settings
from xtap.service import tenants
from xtap.service.context import Service
from xtap.service.permissions import PERMISSIONS
from xtap.store.memory import MemoryStore
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from xtap.server.asgi import Application as Server
    from xtap.store.protocol import Store

MTO = "/tenantRelationships/multiTenantOrganization"
POLICY = "/policies/crossTenantAccessPolicy"
START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)

LETTERS = ("a", "b", "c", "d")


def ids(letter: str) -> TenantId:
    return TenantId(str(uuid5(UUID(DIRECTORY), f"stage {letter}")))


class Stage:
    """A server whose clock the test turns, and tenants by letters."""

    def __init__(self, folder: Path, store: Store, join_delay: timedelta) -> None:
        self.time = START
        self.store = store
        self.service = Service(self.store, join_delay=join_delay, now=lambda: self.time)
        self.settings = Settings(data=str(folder), embedded_issuer=True)
        self.server: Server
        self.client: httpx.AsyncClient

    async def open(self) -> None:
        """Build the server on the store: again after a restart."""
        self.server = await assemble(self.settings, self.service)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.server), base_url="https://localhost")

    async def ask(
        self, tenant: str, method: str, path: str, body: object = None, status: int = 0, version: str = "v1.0"
    ) -> Any:
        """Send a request of a tenant, and return the JSON of the answer; status 0 stands for any success."""
        answer = await self.client.request(method, f"/{version}{path}", headers=self.headers(tenant), json=body)
        assert answer.status_code == status if status else answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def headers(self, tenant: str) -> dict[str, str]:
        """Return the headers of an application that may do everything in a tenant."""
        issuer = self.server.issuer
        assert issuer is not None
        application = Application(f"app of {tenant}", f"app of {tenant}", ids(tenant), "", PERMISSIONS)
        return {"Authorization": f"Bearer {issuer.mint_app(ids(tenant), application, AUDIENCE)}"}

    async def create(self, tenant: str = "a") -> None:
        await self.ask(tenant, "PUT", MTO, {"displayName": f"organization of {tenant}"})

    async def add(self, tenant: str, *, by: str = "a", role: str = "member") -> None:
        body = {"tenantId": ids(tenant), "displayName": tenant, "role": role}
        await self.ask(by, "POST", f"{MTO}/tenants", body)

    async def join(self, tenant: str, *, by: str = "a") -> None:
        await self.ask(tenant, "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": ids(by)})

    async def gather(self, *others: str, role: str = "member") -> None:
        """Let these tenants join an organization of tenant a."""
        await self.create()
        for tenant in others:
            await self.add(tenant, role=role)
            await self.join(tenant)

    async def members(self, tenant: str) -> dict[str, tuple[str, str]]:
        """Return role and state of each tenant, as a tenant sees them."""
        found = (await self.ask(tenant, "GET", f"{MTO}/tenants"))["value"]
        return {each["displayName"]: (each["role"], each["state"]) for each in found}

    async def partner(self, tenant: str, other: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask(tenant, "GET", f"{POLICY}/partners/{ids(other)}")
        return found

    async def partners(self, tenant: str) -> dict[str, bool]:
        """Return the partners of a tenant by letter, each with its mark."""
        found = (await self.ask(tenant, "GET", f"{POLICY}/partners"))["value"]
        names = {ids(letter): letter for letter in LETTERS}
        return {names[each["tenantId"]]: each["isInMultiTenantOrganization"] for each in found}

    async def request_of(self, tenant: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask(tenant, "GET", f"{MTO}/joinRequest")
        return found

    async def told(self, tenant: str) -> list[tuple[str, str | None, str | None]]:
        """Return what a tenant's audit log says: activity, object, application."""
        entries = [each for _, each in await self.store.audit(ids(tenant), limit=10_000)]
        records = [msgspec.json.decode(each.document, type=AuditRecord) for each in entries]
        audits = [directory_audit(record, ids(tenant)) for record in records]
        apps = [audit.initiated_by.app for audit in audits]
        return [
            (audit.activity_display_name, record.key or None, app.display_name if app else None)
            for record, audit, app in zip(records, audits, apps, strict=True)
        ]


@asynccontextmanager
async def opened(folder: Path, join_delay: timedelta = timedelta(), store: Store | None = None) -> AsyncIterator[Stage]:
    """Open a stage; its store is in memory unless another is given."""
    made = Stage(folder, store or MemoryStore(), join_delay)
    for letter in LETTERS:
        await tenants.add(made.store, Tenant(id=ids(letter), display_name=letter))
    await made.open()
    yield made
    await made.client.aclose()
    await made.server.close()
