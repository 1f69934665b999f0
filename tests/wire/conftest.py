"""Each test gets a tenant of its own, and trusts the server's authority as a user would: by the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire import sdk
from tests.wire.faults import proxy
from tests.wire.tenants import register
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.faults import Proxy
    from tests.wire.tenants import WireTenant
    from xtap.testing.local_server import LocalServer


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker of xdist also where xdist is off."""
    config.addinivalue_line("markers", "xdist_group(name): run in one worker with the others of this name")


@pytest.fixture
def trusted(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> LocalServer:
    """The server; SDKs in this process trust its authority."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(server.ca))
    return server


@pytest.fixture
def tenant(trusted: LocalServer) -> WireTenant:
    """A tenant that nobody used before."""
    return register(trusted)


@pytest.fixture
async def graph(tenant: WireTenant) -> AsyncIterator[GraphServiceClient]:
    """An SDK client of the tenant's administrator."""
    async with sdk.client(tenant) as client:
        yield client


@pytest.fixture
def faulty(trusted: LocalServer) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxy(trusted) as started:
        yield started


@pytest.fixture
def own_tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WireTenant]:
    """A tenant of a server that the test may kill."""
    with running(tmp_path) as started:
        monkeypatch.setenv("SSL_CERT_FILE", str(started.ca))
        yield register(started)
