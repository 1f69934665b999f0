"""A fresh tenant for each test: singletons are per tenant, so one server serves tests that would disturb each other."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from xtap.identity.client_secrets import hash_secret
from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId
from xtap.server.settings import Settings
from xtap.server.storage import open_store
from xtap.service import tenants
from xtap.service.permissions import PERMISSIONS

if TYPE_CHECKING:
    from xtap.testing.local_server import LocalServer

ADMINISTRATOR = "wire-administrator"
READER = "wire-reader"
SECRET = "wire-secret"


@dataclass(frozen=True, slots=True)
class WireTenant:
    """One tenant of a running server, with an application that may everything and one that may read."""

    server: LocalServer
    id: str

    @property
    def authority(self) -> str:
        return self.server.https

    def token(self) -> str:
        """Return an administrator's token, as the application would get it."""
        form = {"grant_type": "client_credentials", "client_id": ADMINISTRATOR, "client_secret": SECRET}
        form["scope"] = "https://localhost/.default"
        context = ssl.create_default_context(cafile=str(self.server.ca))
        answer = httpx.post(f"{self.authority}/{self.id}/oauth2/v2.0/token", data=form, verify=context)
        return str(answer.json()["access_token"])

    def read(self, path: str = "") -> dict[str, Any]:
        """Read an object below the policy without SDK, so that nothing is lost on the way."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = httpx.get(f"{self.server.graph}{path}", headers=headers)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document


def register(server: LocalServer) -> WireTenant:
    """Register a tenant while the server runs, as ``xtap tenant add`` does in another process."""

    async def add() -> str:
        store = open_store(Settings(data=str(server.ca.parent)), exclusive=False)
        try:
            tenant = Tenant(id=TenantId(str(uuid4())), display_name="wire", domains=())
            await tenants.add(store, tenant)
            for client_id, permissions in ((ADMINISTRATOR, PERMISSIONS), (READER, ("Policy.Read.All",))):
                application = Application(
                    client_id=client_id,
                    display_name=client_id,
                    object_id=tenant.id,
                    secret=_hashed_secret(),
                    permissions=permissions,
                )
                await tenants.add_application(store, tenant.id, application)
            return tenant.id
        finally:
            await store.close()

    return WireTenant(server, asyncio.run(add()))


@cache
def _hashed_secret() -> str:
    return hash_secret(SECRET)
