"""A storage that went away under a running server: callers learn that, the operator learns why, and balancers wait."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from pathlib import Path

QUESTION = {
    "subject": {"type": "user", "id": FABRIKAM.id, "properties": {"tenantId": FABRIKAM.id, "groups": []}},
    "action": {"name": "b2bCollaboration"},
    "resource": {"type": "application", "id": FABRIKAM.id, "properties": {"tenantId": CONTOSO.id}},
}
DEFAULT = "/v1.0/policies/crossTenantAccessPolicy/default"


def test_callers_do_not_learn_where_the_database_is_and_the_operator_does(tmp_path: Path):
    database = tmp_path / ".xtap" / "xtap.db"
    with running(tmp_path) as server, httpx.Client(base_url=server.http, headers=server.headers()) as http:
        http.patch(DEFAULT, json={"inboundTrust": {"isMfaAccepted": False}}).raise_for_status()
        database.rename(tmp_path / "away.db")
        demand = {"xtap-at-least": f"{CONTOSO.id}=99"}
        answers = [
            http.patch(DEFAULT, json={"inboundTrust": {"isMfaAccepted": True}}),
            http.get("/v1.0/auditLogs/directoryAudits"),
            http.post("/access/v1/evaluation", headers=demand, json=QUESTION),
        ]
        (tmp_path / "away.db").rename(database)
        log = server.log().splitlines()
    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert "The database cannot be found. Put it back." in answer.text
        assert [told for told in (str(tmp_path), ".xtap", "No such file") if told in answer.text] == []
        name = "request-id" if "request-id" in answer.headers else "x-request-id"
        (line,) = (line for line in log if answer.headers[name] in line)
        assert f"cannot answer: The database cannot be found. Put it back. ({database}: No such file" in line


@pytest.mark.parametrize("change", ["DROP TABLE audit", "ALTER TABLE tenants RENAME COLUMN sequence TO seq"])
def test_tables_that_are_changed_under_a_running_server(tmp_path: Path, change: str):
    with running(tmp_path) as server, httpx.Client(base_url=server.http, headers=server.headers()) as http:
        trust = {"inboundTrust": {"isMfaAccepted": True}}
        http.patch(DEFAULT, json=trust).raise_for_status()
        with closing(sqlite3.connect(tmp_path / ".xtap" / "xtap.db")) as other:
            other.execute(change)
        answer = http.patch(DEFAULT, json={"inboundTrust": {"isMfaAccepted": False}})
        assert (answer.status_code, "not those of xtap. Restore it" in answer.text) == (503, True)
        assert "Traceback" not in server.log()


def test_a_server_is_ready_for_as_long_as_it_may_answer_from_memory(tmp_path: Path):
    database = tmp_path / ".xtap" / "xtap.db"
    with running(tmp_path, "--stale-limit", "8") as server, httpx.Client(headers=server.headers()) as http:
        http.get(f"{server.http}{DEFAULT}").raise_for_status()
        database.rename(tmp_path / "away.db")
        states: list[tuple[int, str]] = []
        while not states or states[-1][0] == 200:
            answer = http.get(f"{server.http}/readyz")
            states.append((answer.status_code, answer.json()["status"]))
            if len(states) == 1:
                assert server.run("healthcheck").returncode == 0
            time.sleep(0.05)
        assert set(states[:-1]) == {(200, "degraded")}
        assert states[-1] == (503, "unavailable")
        assert server.run("healthcheck", check=False).returncode == 1
        (tmp_path / "away.db").rename(database)
        deadline = time.monotonic() + 30
        while http.get(f"{server.http}/readyz").json() != {"status": "ok"}:  # memory is compared first
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert http.get(f"{server.http}{DEFAULT}").status_code == 200, "who is ready answers"
        assert http.get(f"{server.http}/healthz").json() == {"status": "ok"}
