"""Which server does a test suite ask, and which tenant of it does one test have for itself?

Two kinds of server give out tenants in the same way: ``xtap serve`` in a process of its own, which any client can
reach, and the application in this process, which is faster and which only :class:`httpx.Client` reaches.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID, uuid5

import httpx

from xtap.identity.client_secrets import hash_secret
from xtap.identity.embedded import Delegation, EmbeddedIssuer
from xtap.model.directory import Application, Tenant
from xtap.model.ids import DIRECTORY, TenantId
from xtap.server.storage import DATABASE
from xtap.service import tenants
from xtap.service.permissions import DIRECTORY_ROLES, PERMISSIONS
from xtap.store.sqlite import SqliteStore
from xtap.testing.in_process import BASE, in_process
from xtap.testing.local_server import AUDIENCE, running

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from pathlib import Path

    from xtap.store.protocol import Store
    from xtap.testing.in_process import InProcess
    from xtap.testing.local_server import LocalServer

T = TypeVar("T")

CLIENT_ID: Final = "test-app"
CLIENT_SECRET: Final = "test-secret"  # noqa: S105 - of servers that live as long as a test run


class TenantServer(ABC):
    """A server that gives each test a tenant of its own.

    Attributes:
        url: its address, without version.
        issuer: mints tokens that it accepts.
    """

    def __init__(self, url: str, issuer: EmbeddedIssuer) -> None:
        self.url = url
        self.issuer = issuer
        self._numbers = count(1)

    def fresh_tenant(self, name: str) -> FreshTenant:
        """Register a tenant that nobody configured, with an application that may everything, and return it."""
        number = next(self._numbers)
        tenant_id = TenantId(str(uuid5(UUID(DIRECTORY), f"test {number}")))
        domain = f"tenant{number}.example"
        self._register(Tenant(id=tenant_id, display_name=name, domains=(domain,)), _application(tenant_id))
        return FreshTenant(self, tenant_id, name, domain)

    @abstractmethod
    def client(self, version: str, authorization: str) -> httpx.Client:
        """Return a client whose addresses are below an API version, and that sends an authorization."""

    @abstractmethod
    def _register(self, tenant: Tenant, application: Application) -> None: ...


@dataclass(frozen=True, slots=True)
class FreshTenant:
    """A tenant of one test.

    Attributes:
        server: where it lives.
        id: its tenant id.
        name: its display name.
        domain: its domain.
    """

    server: TenantServer
    id: TenantId
    name: str
    domain: str

    @property
    def client_id(self) -> str:
        """The client id of its application, for SDKs that fetch tokens themselves."""
        return CLIENT_ID

    @property
    def client_secret(self) -> str:
        """The secret of its application."""
        return CLIENT_SECRET

    def token(self, permissions: Sequence[str] = PERMISSIONS) -> str:
        """Return an app-only token with these application permissions."""
        return self.server.issuer.mint_app(self.id, _application(self.id, permissions), AUDIENCE)

    def user_token(self, scopes: Sequence[str], roles: Sequence[str] = ()) -> str:
        """Return a delegated token with these scopes, of a user with these directory roles (display names)."""
        ids = tuple(DIRECTORY_ROLES[role] for role in roles)
        user = Delegation(f"user@{self.domain}", self.id, tuple(scopes), ids)
        return self.server.issuer.mint_delegated(self.id, user, AUDIENCE)

    def client(self, version: str = "v1.0", token: str | None = None) -> httpx.Client:
        """Return a client for an API version, with this token or one that may everything; close it after use."""
        return self.server.client(version, f"Bearer {token or self.token()}")


class ProcessServer(TenantServer):
    """``xtap serve`` in a process and folder of its own.

    Attributes:
        local: the process, its folder, ports and certificate authority.
    """

    def __init__(self, local: LocalServer) -> None:
        super().__init__(local.http, local.issuer())
        self.local = local

    def client(self, version: str, authorization: str) -> httpx.Client:
        """Return a client that asks over the network."""
        return httpx.Client(base_url=f"{self.url}/{version}", headers={"Authorization": authorization})

    def _register(self, tenant: Tenant, application: Application) -> None:
        loop = _LoopThread()
        try:
            loop.do(self._write(tenant, application))
        finally:
            loop.close()

    async def _write(self, tenant: Tenant, application: Application) -> None:
        store = SqliteStore.open(self.local.folder / ".xtap" / DATABASE, exclusive=False)
        try:
            await _add(store, tenant, application)
        finally:
            await store.close()


class InProcessServer(TenantServer):
    """The application in this process, on an event loop in a thread of its own: tests may be async or not."""

    def __init__(self, app: InProcess, loop: _LoopThread) -> None:
        issuer = app.application.issuer
        if issuer is None:
            raise TypeError("the embedded issuer is off")
        super().__init__(BASE, issuer)
        self._application = app.application
        self._loop = loop

    @property
    def local(self) -> LocalServer:
        """There is no process.

        Raises:
            AttributeError: always; says which mode has one.
        """
        raise AttributeError("xtap_server.local is the process of a real server: it needs --xtap-mode process.")

    def client(self, version: str, authorization: str) -> httpx.Client:
        """Return a client that calls the application."""
        bridge = _Bridge(httpx.ASGITransport(self._application), self._loop)
        return httpx.Client(
            base_url=f"{self.url}/{version}", headers={"Authorization": authorization}, transport=bridge
        )

    def _register(self, tenant: Tenant, application: Application) -> None:
        self._loop.do(_add(self._application.store, tenant, application))


@contextlib.contextmanager
def process_server(folder: Path) -> Iterator[ProcessServer]:
    """Run a server in a process of its own until the block ends."""
    with running(folder) as local:
        yield ProcessServer(local)


@contextlib.contextmanager
def in_process_server(folder: Path) -> Iterator[InProcessServer]:
    """Run the application in this process until the block ends."""
    loop = _LoopThread()
    context = in_process(folder)
    try:
        app = loop.do(context.__aenter__())
        try:
            yield InProcessServer(app, loop)
        finally:
            loop.do(context.__aexit__(None, None, None))
    finally:
        loop.close()


class _LoopThread:
    """An event loop in a thread: callers may have one of their own running."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="xtap", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Bridge(httpx.BaseTransport):
    """Sends the requests of a client that waits to an application that does not."""

    def __init__(self, transport: httpx.ASGITransport, loop: _LoopThread) -> None:
        self._transport = transport
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._loop.do(self._ask(request, request.read()))

    async def _ask(self, request: httpx.Request, content: bytes) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        answer = await self._transport.handle_async_request(asked)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


async def _add(store: Store, tenant: Tenant, application: Application) -> None:
    await tenants.add(store, tenant)
    await tenants.add_application(store, tenant.id, application)


def _application(tenant_id: TenantId, permissions: Sequence[str] = PERMISSIONS) -> Application:
    return Application(
        client_id=CLIENT_ID,
        display_name="Test application",
        object_id=tenant_id,
        secret=_hashed(),
        permissions=tuple(permissions),
    )


@cache
def _hashed() -> str:
    return hash_secret(CLIENT_SECRET)
