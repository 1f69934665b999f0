"""Real servers in trouble: a node that is paused, a database that is slow or hangs, more clients than there is room."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.cluster import PASSWORD, open_node
from tests.contract.nodes import STALE_LIMIT, configured, empty
from xtap.errors import OutcomeUnknown, Unavailable
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.store import cached_store
from xtap.store.cached_store import CLOSE_WITHIN, READERS
from xtap.store.looker import LOOK_EVERY
from xtap.store.postgres_database import PostgresDatabase
from xtap.store.protocol import SignInEntry
from xtap.testing import store_contract
from xtap.testing.local_server import running
from xtap.testing.store_contract import counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from tests.contract.nodes import Partner
    from xtap.testing.local_server import LocalServer

RECOVERED = 15.0
STOP = 3.0
"""Seconds that requests under way have when a server stops, as it is configured without being told."""

SESSIONS = 1 + READERS + 1 + 1
"""The most sessions of a node: one writes, some read, one looks, one listens."""


@contextmanager
def paused(server: LocalServer) -> Iterator[None]:
    """Stop a server's processes where they are, until the block ends."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def until(partner: Partner, server: LocalServer, status: int) -> float:
    """Ask until a server answers this, and return how many seconds that took."""
    began = time.monotonic()
    while partner.get(server).status_code != status:
        assert time.monotonic() < began + RECOVERED
        time.sleep(0.02)
    return time.monotonic() - began


def outcome(http: httpx.Client, app: str) -> str:
    """Ask a decision point whether a person of fabrikam may use an application of contoso; the status if it refuses."""
    question = {
        "subject": {"type": "user", "id": FABRIKAM.id, "properties": {"tenantId": FABRIKAM.id, "groups": []}},
        "action": {"name": "b2bCollaboration"},
        "resource": {"type": "application", "id": app, "properties": {"tenantId": CONTOSO.id}},
    }
    answer = http.post("/access/v1/evaluation", json=question)
    return str(answer.json()["context"]["outcome"] if answer.status_code == 200 else answer.status_code)


def block(partner: Partner, server: LocalServer, app: str | None) -> None:
    """Block one application of contoso for everybody from outside, or none."""
    targets = [{"target": app or "AllApplications", "targetType": "application"}]
    access = "blocked" if app else "allowed"
    settings = {
        "usersAndGroups": {"accessType": access, "targets": [{"target": "AllUsers", "targetType": "user"}]},
        "applications": {"accessType": access, "targets": targets},
    }
    body = {"b2bCollaborationInbound": settings}
    answer = partner.http(server).patch(f"{server.graph}/default", json=body)
    assert answer.status_code == 204, answer.text


# --- a node that is paused --------------------------------------------------------


def test_a_node_that_was_paused_answers_nothing_old(partner: Partner) -> None:
    """Requests that reach it while it is stopped are answered by what is true when it goes on, or with 503."""
    first, second = partner.first, partner.second
    block(partner, first, None)
    time.sleep(LOOK_EVERY)
    http = partner.http(second)
    with ThreadPoolExecutor(40) as pool:
        assert outcome(http, partner.id) == "allowed"
        before = [pool.submit(outcome, http, partner.id) for _ in range(20)]
        with paused(second):
            block(partner, first, partner.id)
            asked = [pool.submit(outcome, http, partner.id) for _ in range(20)]
            time.sleep(STALE_LIMIT + 0.5)
        assert {each.result() for each in asked} <= {"blocked", "503"}
        assert {each.result() for each in before} <= {"allowed", "blocked", "503"}
        assert {outcome(http, partner.id) for _ in range(20)} == {"blocked"}
    block(partner, first, None)


def test_a_paused_node_keeps_nobody_from_writing(partner: Partner) -> None:
    """Wherever it was stopped, the others can change the same object soon; after it, both say the same."""
    partner.create()
    first, second = partner.first, partner.second
    slowest = 0.0
    with ThreadPoolExecutor(8) as pool:
        for number in range(3):
            calls = [pool.submit(partner.patch, second, "isMfaAccepted", value=bool(n % 2)) for n in range(8)]
            time.sleep(0.002 + number * 0.004)  # in the middle of them
            with paused(second):
                began = time.monotonic()
                assert partner.patch(first, "isCompliantDeviceAccepted", value=bool(number % 2)) == 204
                slowest = max(slowest, time.monotonic() - began)
            assert {call.result() for call in calls} <= {204, 503}
    time.sleep(LOOK_EVERY)
    said, other = partner.get(first).json(), partner.get(second).json()
    assert said | {"@odata.context": ""} == other | {"@odata.context": ""}
    assert partner.trust(first, "isCompliantDeviceAccepted") is False
    print(f"slowest change beside a paused node: {slowest:.2f} s")  # noqa: T201 - the figure of the run


# --- a database that is slow, or hangs -----------------------------------------------


def test_while_the_database_is_slow_reads_are_answered_and_changes_wait(cluster: Cluster, partner: Partner) -> None:
    partner.create()
    first, second = partner.first, partner.second
    until(partner, second, 200)
    with ThreadPoolExecutor(1) as pool, closing(cluster.admin(schema_of(first))) as other:
        other.execute("BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE")
        change: Future[int] = pool.submit(partner.patch, first, "isMfaAccepted", value=False)
        for _ in range(10):
            assert partner.get(second).status_code == 200
            time.sleep(LOOK_EVERY / 20)
        assert not change.done()  # so no read waited for what the change waits for
        other.execute("COMMIT")
        assert change.result() == 204
    assert partner.trust(first, "isMfaAccepted") is False


def schema_of(server: LocalServer) -> str:
    """Return the address of a server's tables, without a password."""
    for line in (server.folder / "xtap.toml").read_text().splitlines():
        if line.startswith("database ="):
            return line.split('"')[1].replace("xtap@", "xtap:s3cret%2Fof%3Atests@")
    raise AssertionError(server.folder)


def test_a_database_that_hangs_is_answered_for_until_the_limit(cluster: Cluster, partner: Partner) -> None:
    """Its connections are open and say nothing: reads from memory, then 503; nothing needs a restart."""
    partner.create()
    until(partner, partner.second, 200)
    with cluster.hanging():
        assert partner.get(partner.second).status_code == 200
        limit = until(partner, partner.second, 503)
        refused = [partner.get(partner.second) for _ in range(20)]
        assert {each.status_code for each in refused} == {503}
        # By the limit: none of them waited for the database, after which the words would be others.
        assert all(f"not answered for {STALE_LIMIT} seconds" in each.text for each in refused)
    recovery = until(partner, partner.second, 200)
    assert partner.patch(partner.first, "isMfaAccepted", value=False) == 204
    print(f"refused after {limit:.2f} s, answered again after {recovery:.2f} s")  # noqa: T201 - the figures of the run


def test_a_node_that_is_told_to_stop_ends_although_the_database_hangs(tmp_path: Path, cluster: Cluster) -> None:
    """Reads, changes and the log of decisions wait for it; nothing of that was acknowledged."""
    url = empty(cluster)
    PostgresDatabase.at(url, PASSWORD).migrate()
    with (
        running(configured(tmp_path / "node", url), "--decision-log", "store") as server,
        ThreadPoolExecutor(8) as pool,
    ):
        with httpx.Client(base_url=server.http, headers=server.headers(), timeout=30) as http:
            assert outcome(http, CONTOSO.id) == "allowed"
            with cluster.hanging():
                behind = {"xtap-at-least": f"{CONTOSO.id}=1000"}
                body = {"inboundTrust": {"isMfaAccepted": True}}
                change = pool.submit(http.patch, f"{server.graph}/default", json=body)
                reads = [pool.submit(http.get, f"{server.graph}/default", headers=behind) for _ in range(5)]
                assert outcome(http, CONTOSO.id) == "allowed"
                time.sleep(1.5)  # the log waits too
                assert server.process is not None
                server.process.send_signal(signal.SIGTERM)
                began = time.monotonic()
                assert server.process.wait(30) == 0
                took = time.monotonic() - began
                ends = [each.result().status_code for each in (change, *reads) if each.exception() is None]
                assert all(status >= 500 for status in ends), ends
        assert took < STOP + 2 * CLOSE_WITHIN + 1
        assert "what it was asked is left" in server.log()
        assert "Traceback" not in server.log()
    print(f"ended {took:.1f} s after the signal")  # noqa: T201 - the figure of the run


async def test_a_change_waits_for_a_hanging_database_no_longer_than_said(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been made; those that had not begun are not made when the database goes on."""
    store = open_node(await asyncio.to_thread(cluster.database))
    await store.change(store_contract.CONTOSO, counting("n"))
    monkeypatch.setattr(cached_store, "ANSWER_WITHIN", 0.5)
    with cluster.hanging():
        first = asyncio.ensure_future(store.change(store_contract.CONTOSO, counting("n")))
        await asyncio.sleep(0.1)  # the writer thread is at work on it
        others = [asyncio.ensure_future(store.change(store_contract.CONTOSO, counting("n"))) for _ in range(20)]
        for each in (first, *others):
            with pytest.raises(OutcomeUnknown, match="may have been made: read before"):
                await each
        with pytest.raises(OutcomeUnknown, match="may have been kept"):
            await store.add_sign_ins(store_contract.CONTOSO, [SignInEntry("2026-01-01", "one", b"{}")])
        with pytest.raises(Unavailable, match="Try again"):
            await store.refresh(store_contract.CONTOSO)
    monkeypatch.undo()
    assert (await store.refresh(store_contract.CONTOSO)).version in {1, 2}
    assert (await store.change(store_contract.CONTOSO, counting("n"))).version in {2, 3}
    await store.close()


# --- more clients than there is room for ---------------------------------------------


async def test_a_storm_of_clients_opens_no_more_sessions(cluster: Cluster, partner: Partner) -> None:
    """Two hundred clients at once, each with a read and a change; the database sees seven sessions of each node."""
    await asyncio.to_thread(partner.create)
    nodes = [(each, each.headers()) for each in (partner.first, partner.second)]
    await asyncio.to_thread(until, partner, partner.second, 200)

    async def client(http: httpx.AsyncClient, number: int) -> list[int]:
        server, headers = nodes[number % 2]
        url, body = f"{server.graph}/partners/{partner.id}", {"inboundTrust": {"isMfaAccepted": bool(number % 2)}}
        got, patched = await http.get(url, headers=headers), await http.patch(url, headers=headers, json=body)
        return [got.status_code, patched.status_code]

    each_its_own = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=60, limits=each_its_own) as http:
        began = time.monotonic()
        answers = await asyncio.gather(*(client(http, number) for number in range(200)))
        took = time.monotonic() - began
    assert answers == [[200, 204]] * 200
    with closing(cluster.admin()) as session:
        counted = session.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'xtap' AND backend_type = 'client backend'"
        ).fetchone()
    assert counted is not None
    assert int(str(counted[0])) <= 2 * SESSIONS
    print(f"200 clients, 400 requests in {took:.1f} s")  # noqa: T201 - the figure of the run


async def test_a_database_without_room_for_a_session_is_said_and_comes_back(cluster: Cluster) -> None:
    url = await asyncio.to_thread(cluster.database)
    with closing(cluster.admin(url)) as session:
        session.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 2")
        session.execute(f"GRANT USAGE ON SCHEMA test{cluster.made} TO narrow".encode())
        session.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA test{cluster.made} TO narrow".encode())
        store = open_node(url.replace("xtap@", "narrow@"))
        calls = (store.audit(store_contract.CONTOSO) for _ in range(8))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        refused = [str(each) for each in outcomes if isinstance(each, BaseException)]
        assert refused
        assert all("too many connections for role" in each for each in refused)
        session.execute("ALTER ROLE narrow CONNECTION LIMIT -1")
        assert (await store.change(store_contract.CONTOSO, counting("n"))).version == 1
        await asyncio.gather(*(store.refresh(store_contract.CONTOSO) for _ in range(8)))
        await store.close()
