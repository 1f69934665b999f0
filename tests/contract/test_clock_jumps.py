"""A real server whose clocks jump while it runs: the wall clock, as when somebody sets it, and the time since boot.

A library that is preloaded moves them for one process (``moved_clocks.c``), so nobody else on the machine notices.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from tests.contract.cluster import PASSWORD
from tests.contract.nodes import configured, empty, unstarted
from tests.contract.preloaded import built
from xtap.identity import keys
from xtap.identity.embedded import EmbeddedIssuer
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.server.trust import SIGNING_KEYS
from xtap.service.permissions import PERMISSIONS
from xtap.store.postgres_database import PostgresDatabase
from xtap.testing.local_server import AUDIENCE, NobodyAsks, registered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.testing.local_server import LocalServer

MINUTE, DAY, YEAR = 60, 86_400, 365 * 86_400
RECOVERED = 20.0
POLICY = "/v1.0/policies/crossTenantAccessPolicy"
QUESTION = {
    "subject": {"type": "user", "id": FABRIKAM.id, "properties": {"tenantId": FABRIKAM.id, "groups": []}},
    "action": {"name": "b2bCollaboration"},
    "resource": {"type": "application", "id": FABRIKAM.id, "properties": {"tenantId": CONTOSO.id}},
}


@dataclass
class Moved:
    """A server, and how far its clocks are from those of the machine.

    Attributes:
        real: seconds that its wall clock is ahead.
        boot: seconds that it believes the machine has slept.
    """

    server: LocalServer
    clocks: Path
    real: int = 0
    boot: int = 0

    def jump(self, *, real: int = 0, boot: int = 0) -> None:
        self.real, self.boot = real, self.boot + boot  # the time since boot never goes back
        with self.clocks.open("r+b") as file:
            file.write(struct.pack("=qq", self.real, self.boot))

    def token(self) -> str:
        """Return a token that is new by the server's clock."""
        signing = keys.load(self.server.folder / ".xtap" / SIGNING_KEYS)
        issuer = EmbeddedIssuer(self.server.https, signing, NobodyAsks(), lambda: time.time() + self.real)
        return issuer.mint_app(CONTOSO.id, registered("contoso", PERMISSIONS), AUDIENCE)

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return httpx.request(method, f"{self.server.http}{path}", headers=headers, json=body, timeout=30)

    def default(self) -> int:
        return self.ask("GET", f"{POLICY}/default").status_code

    def until(self, status: int) -> None:
        deadline = time.monotonic() + RECOVERED
        while self.default() != status:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("moved_clocks.c", tmp_path_factory.mktemp("shim"))


@pytest.fixture
def moved(tmp_path: Path, cluster: Cluster, shim: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    url = empty(cluster)
    PostgresDatabase.at(url, PASSWORD).migrate()
    server = unstarted(configured(tmp_path / "node", url))
    server.run("init", "--demo")
    node = Moved(server, tmp_path / "clocks")
    node.clocks.write_bytes(bytes(16))
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("MOVED_CLOCKS", str(node.clocks))
    server.start()
    yield node
    server.kill()


def test_the_wall_clock_is_set_and_everything_goes_on(moved: Moved) -> None:
    """A year, a day and minutes, forth and back: changes are made, kept and recorded in their order."""
    first = moved.token()
    made: list[str] = []
    for jump in (0, DAY, -DAY, 10 * MINUTE, -YEAR, YEAR, 0):
        moved.jump(real=jump)
        made.append(str(uuid4()))
        assert moved.ask("POST", f"{POLICY}/partners", {"tenantId": made[-1]}).status_code == 201
        assert moved.ask("GET", f"{POLICY}/partners/{made[-1]}").status_code == 200
        assert moved.ask("POST", "/access/v1/evaluation", QUESTION).json()["context"]["outcome"] == "allowed"
        # The token of the beginning, which the server remembers, is judged by the clock of the server.
        assert moved.ask("GET", f"{POLICY}/default", token=first).status_code == (200 if jump in {0, 600} else 401), (
            jump
        )
        records = moved.ask("GET", "/v1.0/auditLogs/directoryAudits?$top=500").json()["value"]
        (told,) = (datetime.fromisoformat(each["activityDateTime"]) for each in records if made[-1] in str(each))
        assert abs(told.timestamp() - time.time() - jump) < MINUTE, "the clock of the server did jump"
    moved.server.kill()
    moved.server.start()
    there = moved.ask("GET", f"{POLICY}/partners").json()["value"]
    assert {each["tenantId"] for each in there} == set(made)
    records = moved.ask("GET", "/v1.0/auditLogs/directoryAudits?$top=500").json()["value"]
    assert [sum(partner in str(each) for each in records) for partner in made] == [1] * len(made)


def test_memory_is_too_old_after_the_limit_wherever_the_wall_clock_goes(cluster: Cluster, moved: Moved) -> None:
    assert moved.default() == 200
    cluster.kill()
    try:
        moved.jump(real=10 * MINUTE)
        assert moved.default() == 200, "it is not older for that"
        moved.jump(real=-YEAR)
        moved.until(503)  # nor younger
    finally:
        cluster.start()
    moved.until(200)


def test_memory_is_too_old_when_the_machine_has_slept(cluster: Cluster, moved: Moved) -> None:
    """The first request after it is refused: what other nodes changed meanwhile cannot be known."""
    assert moved.default() == 200
    with cluster.hanging():
        assert moved.default() == 200
        moved.jump(boot=3600)
        assert moved.default() == 503
        assert httpx.get(f"{moved.server.http}/readyz").status_code == 503
    moved.until(200)
