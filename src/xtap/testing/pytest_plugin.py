"""What does pytest find when xtap is installed? Three fixtures: a server, a tenant for this test, a client for it.

    def test_our_script(graph_client):
        graph_client.post("/policies/crossTenantAccessPolicy/partners", json={"tenantId": "..."})

``xtap_mode`` in the configuration (``--xtap-mode`` on the command line) says where the server runs. This module is
imported in every run of pytest, so it imports the rest when a fixture is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from xtap.testing.fresh_tenants import FreshTenant, TenantServer

MODES: Final = ("process", "in-process")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the key of the configuration that choose where the server runs."""
    text = "where the xtap server of tests runs: 'process' for a real server (default), 'in-process' for a faster one"
    parser.getgroup("xtap").addoption("--xtap-mode", choices=MODES, help=text)
    parser.addini("xtap_mode", text, default=MODES[0])


@pytest.fixture(scope="session")
def xtap_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantServer]:
    """A server for the whole run, with data of its own that goes with the run."""
    from xtap.testing.fresh_tenants import in_process_server, process_server  # noqa: PLC0415 - see above

    mode = request.config.getoption("--xtap-mode") or request.config.getini("xtap_mode")
    if mode not in MODES:
        raise pytest.UsageError(f"xtap_mode is '{mode}'. Use one of: {', '.join(MODES)}.")
    start = in_process_server if mode == "in-process" else process_server
    with start(tmp_path_factory.mktemp("xtap")) as server:
        yield server


@pytest.fixture
def xtap_tenant(xtap_server: TenantServer, request: pytest.FixtureRequest) -> FreshTenant:
    """A tenant for this test only, as nobody configured it."""
    return xtap_server.fresh_tenant(request.node.name)


@pytest.fixture
def graph_client(xtap_tenant: FreshTenant) -> Iterator[httpx.Client]:
    """A client for v1.0 of the Graph of this test's tenant, with a token that may everything."""
    with xtap_tenant.client() as client:
        yield client
