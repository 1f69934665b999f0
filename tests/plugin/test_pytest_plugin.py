"""The fixtures as a project that installs xtap uses them, each in a run of pytest of its own."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., pytest.RunResult]

ROOT = Path(__file__).parents[2]
MODULE = "xtap.testing.pytest_plugin"
INSTALLED = any(each.value == MODULE for each in entry_points(group="pytest11"))

PARTNERS = """
import httpx

PARTNERS = "/policies/crossTenantAccessPolicy/partners"
FABRIKAM = "22222222-2222-4222-8222-222222222222"
"""

MODES = pytest.mark.parametrize("mode", ["process", "in-process"])


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run the text of a test file in a process of its own, with the plugin as installed."""

    def run(text: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(PARTNERS + text)
        plugin = [] if INSTALLED else ["-p", MODULE]
        return pytester.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", *arguments, timeout=60)

    return run


def test_the_package_names_the_plugin():
    assert f'[project.entry-points.pytest11]\nxtap = "{MODULE}"\n' in (ROOT / "pyproject.toml").read_text()


@MODES
def test_a_client_writes_and_reads(run: Run, mode: str) -> None:
    text = """
def test_it(graph_client):
    assert graph_client.post(PARTNERS, json={"tenantId": FABRIKAM}).status_code == 201
    assert graph_client.get(PARTNERS + "/$count").text == "1"
    page = graph_client.get(PARTNERS + "?$top=1").json()
    assert [each["tenantId"] for each in page["value"]] == [FABRIKAM]
"""
    run(text, f"--xtap-mode={mode}").assert_outcomes(passed=1)


@MODES
def test_each_test_has_a_tenant_of_its_own(run: Run, mode: str) -> None:
    text = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_it(graph_client, number):
    assert graph_client.post(PARTNERS, json={"tenantId": FABRIKAM}).status_code == 201
"""
    run(text, f"--xtap-mode={mode}").assert_outcomes(passed=3)


@MODES
def test_a_test_has_several_tenants_and_smaller_tokens(run: Run, mode: str) -> None:
    text = """
def test_it(xtap_server, xtap_tenant):
    other = xtap_server.fresh_tenant("other")
    assert other.id != xtap_tenant.id
    with other.client("beta") as client:
        assert client.post(PARTNERS, json={"tenantId": xtap_tenant.id}).status_code == 201
    with xtap_tenant.client(token=xtap_tenant.token(["Policy.Read.All"])) as client:
        assert client.get(PARTNERS).json()["value"] == []
        assert client.post(PARTNERS, json={"tenantId": other.id}).status_code == 403
    user = xtap_tenant.user_token(["Policy.ReadWrite.CrossTenantAccess"], ["Security Administrator"])
    with xtap_tenant.client(token=user) as client:
        assert client.post(PARTNERS, json={"tenantId": other.id}).status_code == 201
"""
    run(text, f"--xtap-mode={mode}").assert_outcomes(passed=1)


@MODES
def test_an_async_test_uses_the_client_too(run: Run, mode: str) -> None:
    text = """
async def test_it(graph_client):
    assert graph_client.get(PARTNERS).status_code == 200
"""
    run(text, f"--xtap-mode={mode}", "-o", "asyncio_mode=auto").assert_outcomes(passed=1)


def test_the_real_server_is_there_for_every_client(run: Run) -> None:
    text = """
def test_it(xtap_server, xtap_tenant):
    form = {"grant_type": "client_credentials", "client_id": xtap_tenant.client_id,
            "client_secret": xtap_tenant.client_secret, "scope": "https://graph.microsoft.com/.default"}
    token = httpx.post(f"{xtap_server.url}/{xtap_tenant.domain}/oauth2/v2.0/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{xtap_server.url}/v1.0{PARTNERS}", headers=headers).status_code == 200
    assert xtap_server.local.ca.is_file()
"""
    run(text).assert_outcomes(passed=1)


def test_the_mode_stands_in_the_configuration(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nxtap_mode = in-process\n")
    text = """
def test_it(xtap_server):
    assert type(xtap_server).__name__ == "InProcessServer"
"""
    run(text).assert_outcomes(passed=1)


def test_without_a_process_its_address_is_refused_in_words(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nxtap_mode = in-process\n")
    text = """
def test_it(xtap_server):
    xtap_server.local
"""
    result = run(text)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AttributeError: xtap_server.local is * it needs --xtap-mode process."])


def test_an_unknown_mode_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nxtap_mode = fast\n")
    result = run("def test_it(xtap_server): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*xtap_mode is 'fast'. Use one of: process, in-process.*"])


def test_a_run_without_the_fixtures_loads_nothing(run: Run) -> None:
    text = """
import sys

def test_it():
    assert not [name for name in sys.modules if name.startswith(("xtap.server", "xtap.testing.fresh"))]
"""
    run(text).assert_outcomes(passed=1)
