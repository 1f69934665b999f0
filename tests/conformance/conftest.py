from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from msgspec import convert, json

from tests.conformance.direct import Direct
from xtap.identity.embedded import Delegation
from xtap.model.directory import Application, Tenant
from xtap.model.directory_files import read
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import Kind
from xtap.server.storage import DATABASE
from xtap.service.directory import put_objects
from xtap.service.permissions import DIRECTORY_ROLES, PERMISSIONS
from xtap.store.protocol import Change, Write
from xtap.store.sqlite import SqliteStore
from xtap.testing.in_process import in_process
from xtap.testing.local_server import AUDIENCE, running
from xtap.testing.transcripts import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xtap.identity.embedded import EmbeddedIssuer
    from xtap.testing.local_server import LocalServer

TENANTS = 2000
"""More than there are cases: each case has a tenant of its own."""


@dataclass
class Tokens:
    """Authorizations of one tenant, for every kind of caller that a case can name."""

    issuer: EmbeddedIssuer
    tenant: TenantId

    def __call__(self, caller: Caller | None) -> str:
        if caller is None:
            caller = Caller(permissions=PERMISSIONS)
        if caller.authorization is not None:
            return caller.authorization
        if caller.kind == "delegated":
            roles = tuple(DIRECTORY_ROLES[role] for role in caller.roles)
            user = Delegation("user@tenant.example", self.tenant, caller.permissions, roles)
            return f"Bearer {self.issuer.mint_delegated(self.tenant, user, AUDIENCE)}"
        application = Application(
            client_id="test", display_name="test", object_id=self.tenant, secret="", permissions=caller.permissions
        )
        return f"Bearer {self.issuer.mint_app(self.tenant, application, AUDIENCE)}"


@dataclass
class FreshTenants:
    """A server, and tenants of it that nobody used."""

    server: LocalServer
    issuer: EmbeddedIssuer
    taken: dict[str, TenantId] = field(default_factory=dict)

    def take(self, name: str) -> Tokens:
        """Return the authorizations of a tenant that nobody took."""
        tenant = tenant_id(len(self.taken))
        self.taken[name] = tenant
        return Tokens(self.issuer, tenant)

    def fill(self, tenant: TenantId, people: dict[str, Any]) -> None:
        """Import a directory, as ``xtap tenant import`` does, and register its ``tenants``, as ``xtap tenant add``."""
        others = [convert(each, Tenant) for each in people.get("tenants", ())]
        writes = tuple(Write(Kind.TENANT, each.id, json.encode(each)) for each in others)
        imported = {name: those for name, those in people.items() if name != "tenants"}

        async def put() -> None:
            store = SqliteStore.open(self.server.folder / ".xtap" / DATABASE, exclusive=False)
            await store.change(DIRECTORY, lambda _: Change(writes))
            if imported:
                await put_objects(store, tenant, read([("directory", json.encode(imported))]), whole=True)
            await store.close()

        asyncio.run(put())


def tenant_id(number: int) -> TenantId:
    return TenantId(str(uuid5(UUID(DIRECTORY), str(number))))


@contextmanager
def with_tenants(server: LocalServer) -> Iterator[FreshTenants]:
    """Register the tenants beside the running server, as ``xtap tenant add`` does."""

    async def register() -> None:
        store = SqliteStore.open(server.folder / ".xtap" / DATABASE, exclusive=False)
        made = [Tenant(id=tenant_id(number), display_name=f"case {number}") for number in range(TENANTS)]
        writes = tuple(Write(Kind.TENANT, tenant.id, json.encode(tenant)) for tenant in made)
        await store.change(DIRECTORY, lambda _: Change(writes))
        await store.close()

    asyncio.run(register())
    yield FreshTenants(server, server.issuer())


@pytest.fixture(scope="session")
def tenants(server: LocalServer) -> Iterator[FreshTenants]:
    """The server that all tests share, with fresh tenants."""
    with with_tenants(server) as registered:
        yield registered


@pytest.fixture(scope="session")
def strict_tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshTenants]:
    """A server that also enforces the rules of the admin center, with fresh tenants."""
    with (
        running(tmp_path_factory.mktemp("strict"), "--validation", "strict") as server,
        with_tenants(server) as registered,
    ):
        yield registered


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Direct]:
    folder: Path = tmp_path_factory.mktemp("app")
    with asyncio.Runner() as runner, ExitStack() as stack:
        context = in_process(folder)
        app = runner.run(context.__aenter__())
        stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
        made = Direct(runner, app)
        made.prepare()
        yield made
