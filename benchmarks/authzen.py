"""How fast does the decision point answer over HTTP: one evaluation beside a bare handler, and batches of fifty.

Contoso's entry for fabrikam lists 20 users and groups and 10 applications, fabrikam's for contoso 20 users and groups.
A thousand different questions are asked in turn: 40 people with five groups each; every other application is listed.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.http import PARTNERS
from benchmarks.measure import (
    ROUNDS,
    SECONDS,
    Contestant,
    Workload,
    bare,
    compared,
    created,
    head,
    load,
    processor_time,
    request,
)
from benchmarks.table import Row, render
from benchmarks.workload import APPLICATIONS, GROUPS, PEOPLE, TEAMS, identifier
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from xtap.testing.local_server import LocalServer

QUESTIONS = 1_000
BATCH = 50
EVALUATION = Workload("AuthZEN evaluation, 16 clients", 16, "at least 0.6", "")
EVALUATIONS = f"AuthZEN evaluations of {BATCH}, 4 clients"


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as server:
        folder = Path(name)
        configure(server)
        asked = questions()
        check(server, asked)
        single = request(folder / "single", head(server, "POST /access/v1/evaluation"), asked)
        batches = [{"evaluations": asked[start : start + BATCH]} for start in range(0, QUESTIONS, BATCH)]
        many = request(folder / "many", head(server, "POST /access/v1/evaluations"), batches)
        with bare(single) as port:
            rows = compared(EVALUATION, Contestant(server.port, single), Contestant(port, single))
        return [*rows, *batched(server, Contestant(server.port, many))]


def batched(server: LocalServer, contestant: Contestant) -> list[Row]:
    """Measure batches by the clock, and by the processor time that the server took: others may be busy, too."""
    assert server.process is not None
    pid = server.process.pid
    load(contestant, 4, 1.0)
    rates, costs = [], []
    for _ in range(ROUNDS):
        before = processor_time(pid)
        rates.append(load(contestant, 4, SECONDS)["rate"] * BATCH)
        costs.append(rates[-1] * SECONDS / (processor_time(pid) - before))
    return [
        Row.compare(EVALUATIONS, rates, aim="at least 60,000", unit="decisions/s"),
        Row.compare(f"{EVALUATIONS}: by processor time", costs, unit="decisions/s"),
    ]


def configure(server: LocalServer) -> None:
    lot = random.Random(20_29)
    applications = [{"target": each, "targetType": "application"} for each in APPLICATIONS[:10]]
    inbound = {"usersAndGroups": people(lot), "applications": {"accessType": "allowed", "targets": applications}}
    everything = [{"target": "AllApplications", "targetType": "application"}]
    outbound = {"usersAndGroups": people(lot), "applications": {"accessType": "allowed", "targets": everything}}
    for tenant, partner in (
        ("contoso", {"tenantId": FABRIKAM.id, "b2bCollaborationInbound": inbound}),
        ("fabrikam", {"tenantId": CONTOSO.id, "b2bCollaborationOutbound": outbound}),
    ):
        created(server, PARTNERS, partner, tenant)


def people(lot: random.Random) -> dict[str, Any]:
    """Draw half of a setting: ten users and ten groups are allowed."""
    users = [{"target": identifier("b", each), "targetType": "user"} for each in lot.sample(range(PEOPLE), 10)]
    groups = [{"target": identifier("c", each), "targetType": "group"} for each in lot.sample(range(TEAMS), 10)]
    return {"accessType": "allowed", "targets": [*users, *groups]}


def questions() -> list[dict[str, Any]]:
    """Draw the bodies of evaluations."""
    lot = random.Random(20_30)
    asked = []
    for number in range(QUESTIONS):
        client, resource = lot.sample(APPLICATIONS, 2)
        if number % 2 == 0:
            resource = APPLICATIONS[lot.randrange(10)]
        groups = [identifier("c", each) for each in lot.sample(range(TEAMS), GROUPS)]
        person = {"tenantId": FABRIKAM.id, "groups": groups}
        asked.append(
            {
                "subject": {"type": "user", "id": identifier("b", lot.randrange(PEOPLE)), "properties": person},
                "action": {"name": "b2bCollaboration"},
                "resource": {
                    "type": "application",
                    "id": resource,
                    "properties": {"tenantId": CONTOSO.id, "clientAppId": client},
                },
            }
        )
    return asked


def check(server: LocalServer, asked: list[dict[str, Any]]) -> None:
    """Make sure that the questions are understood and have both answers."""
    url, headers = f"{server.http}/access/v1/evaluations", server.headers("contoso")
    answers = httpx.post(url, headers=headers, json={"evaluations": asked}).raise_for_status().json()["evaluations"]
    outcomes = [answer["context"]["outcome"] for answer in answers]
    assert {*outcomes} == {"allowed", "blocked"}, outcomes
    assert 0.3 < outcomes.count("allowed") / QUESTIONS < 0.7


if __name__ == "__main__":
    print(render(run()))
