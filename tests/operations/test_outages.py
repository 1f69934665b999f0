"""A storage that went away under a running server: callers learn that, the operator learns why, and balancers wait."""

from __future__ import annotations

import re
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
MORE = re.compile(r"(\d+) more like these were left out")
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


def test_a_flood_of_refusals_is_a_few_lines_and_a_number(tmp_path: Path):
    """A second more or less makes a few lines more or less; without the limit there is one for each request."""
    asked = 600
    with running(tmp_path) as server, httpx.Client(base_url=server.http, headers=server.headers()) as http:
        (tmp_path / ".xtap" / "xtap.db").rename(tmp_path / "away.db")
        begun = time.monotonic()
        refused = [http.patch(DEFAULT, json={"inboundTrust": {"isMfaAccepted": True}}) for _ in range(asked)]
        probed = [http.get("/readyz").json()["status"] for _ in range(asked)]
        windows = int(time.monotonic() - begun) + 2
        (tmp_path / "away.db").rename(tmp_path / ".xtap" / "xtap.db")
        assert {answer.status_code for answer in refused} == {503}
        assert "ok" not in probed
        for told in ("cannot answer: ", "the storage does not answer: "):
            deadline = time.monotonic() + 20
            while sum(counted(server.log().splitlines(), told)) != asked:
                assert time.monotonic() < deadline, "what is not told in full is counted"
                time.sleep(0.1)
            assert len(counted(server.log().splitlines(), told)) <= min(6 * windows, asked - 1)
        assert refused[0].headers["request-id"] in server.log()


def counted(lines: list[str], told: str) -> list[int]:
    """Return for how many requests each line stands that tells this."""
    return [int(found[1]) if (found := MORE.search(line)) else 1 for line in lines if told in line]


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
