"""The cases of what policies mean, asked of a running server: written by Graph, answered by AuthZEN."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.testing.decisions import load, main
from xtap.testing.local_server import running
from xtap.testing.remote import Remote, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer

FOLDER = Path(__file__).parents[2] / "conformance" / "decisions"
OPERATOR = "99999999-9999-4999-8999-999999999999"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with running(tmp_path_factory.mktemp("server"), "--operator-tenant", OPERATOR) as server:
        server.run("tenant", "add", "operator", "--id", OPERATOR)
        yield server


def tenants(server: LocalServer) -> dict[str, str]:
    return {CONTOSO.id: server.token("contoso"), FABRIKAM.id: server.token("fabrikam")}


def operator(server: LocalServer) -> str:
    return server.run("token", "--tenant", "operator").stdout.strip()


@pytest.mark.parametrize("as_operator", [True, False], ids=["as the operator", "as a tenant"])
def test_a_server_means_the_same(server: LocalServer, *, as_operator: bool) -> None:
    with httpx.Client(base_url=server.http, timeout=30) as client:
        remote = Remote(client, tenants(server), operator(server) if as_operator else None)
        found = ask(remote, load(FOLDER))
    assert not [(case.id, problems) for case, problems in found if problems]
    kinds = {kind: sum(case.kind == kind for case, _ in found) for kind in ("decide", "restrictions", "invite", "sync")}
    assert all(kinds.values()), kinds
    assert len(found) >= 120, kinds


def test_the_command_finds_faults(server: LocalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (FOLDER / "sync.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("expected: {outcome: allowed", "expected: {outcome: blocked", 1))
    flags = [f"--tenant={tenant}={token}" for tenant, token in tenants(server).items()]
    assert main(["--against", server.http, *flags, "--cases", str(FOLDER), "--only", "sync-"]) == 0
    assert main(["--against", server.http, *flags, "--cases", str(tmp_path)]) == 1
    assert "sync-all-needs-met: $.outcome is 'allowed' instead of 'blocked'" in capsys.readouterr().out
