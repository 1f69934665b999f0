"""Real servers whose database hangs or is away: what memory can answer is answered at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from msgspec import json

from tests.contract.cluster import open_node
from tests.contract.nodes import configured, empty, unstarted
from xtap.errors import Unavailable
from xtap.model.audit import Author
from xtap.model.directory import Tenant
from xtap.model.ids import DIRECTORY
from xtap.model.objects import Kind
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.server.health import Health
from xtap.service import consistency, settling, tenants
from xtap.service.consistency import Lacking
from xtap.service.context import Service
from xtap.service.effects import Joined, Left
from xtap.service.settling import Settler
from xtap.store.cached_store import ANSWER_WITHIN
from xtap.store.looker import LOOK_EVERY
from xtap.store.protocol import Change, Write
from xtap.testing.store_contract import ADATUM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.model.ids import TenantId
    from xtap.testing.local_server import LocalServer

QUICK = 2.0
"""Seconds in which memory answers on a busy machine; one that waits for the database takes twenty."""

EVALUATION = "/access/v1/evaluation"
METADATA = "/.well-known/authzen-configuration"


@pytest.fixture
def server(tmp_path: Path, cluster: Cluster) -> Iterator[LocalServer]:
    server = unstarted(configured(tmp_path / "node", empty(cluster)))
    server.run("migrate")
    server.run("init", "--demo")
    server.flags = ("--stale-limit", "60")
    server.start()
    yield server
    server.kill()


def question(home: str) -> dict[str, Any]:
    return {
        "subject": {"type": "user", "id": FABRIKAM.id, "properties": {"tenantId": home, "groups": []}},
        "action": {"name": "b2bCollaboration"},
        "resource": {"type": "application", "id": FABRIKAM.id, "properties": {"tenantId": CONTOSO.id}},
    }


def seconds(answer: httpx.Response) -> float:
    return answer.elapsed.total_seconds()


def test_decisions_need_no_database_that_hangs(cluster: Cluster, server: LocalServer) -> None:
    nobody = str(uuid4())
    asked: list[tuple[str, str, dict[str, Any] | None, int]] = [
        ("POST", EVALUATION, question(FABRIKAM.id), 200),
        ("POST", EVALUATION, question(nobody), 200),
        ("POST", f"/{CONTOSO.id}{EVALUATION}", question(FABRIKAM.id), 200),
        ("POST", f"/{nobody}{EVALUATION}", question(FABRIKAM.id), 404),
        ("GET", f"{METADATA}/{CONTOSO.id}", None, 200),
        ("GET", f"{METADATA}/{nobody}", None, 404),
    ]
    with closing(httpx.Client(base_url=server.http, headers=server.headers(), timeout=60)) as http:
        for method, path, body, status in asked:
            assert http.request(method, path, json=body).status_code == status
        time.sleep(LOOK_EVERY)
        with cluster.hanging():
            assert http.get(f"{server.graph}/default").status_code == 200  # waits for the look, once
            answers = [(http.request(method, path, json=body), status) for method, path, body, status in asked]
        assert [answer.status_code for answer, _ in answers] == [status for _, status in answers]
        assert max(seconds(answer) for answer, _ in answers) < QUICK


async def test_a_tenant_that_memory_lacks_is_refused_soon(cluster: Cluster) -> None:
    """It was asked for when the database hung already, or began to; without a look nobody waits twenty seconds."""
    store = open_node(await asyncio.to_thread(cluster.database), stale_limit=60)
    await store.snapshot(CONTOSO.id)
    with cluster.hanging():
        for limit in (ANSWER_WITHIN / 2, QUICK):
            began = time.monotonic()
            with pytest.raises(Unavailable, match=f"tenant {FABRIKAM.id} is not in memory"):
                await store.snapshot(FABRIKAM.id)
            assert time.monotonic() - began < limit
            assert (await store.snapshot(CONTOSO.id)).version == 0
    async with asyncio.timeout(30):
        while store.at_hand(FABRIKAM.id) is None:
            with suppress(Unavailable):
                await store.snapshot(FABRIKAM.id)
            await asyncio.sleep(0.02)
    await store.close()


async def test_what_is_due_keeps_no_request_waiting(cluster: Cluster) -> None:
    """An effect of an organization that a node left behind, and a database that hangs."""
    store = open_node(await asyncio.to_thread(cluster.database), stale_limit=60)
    effect = Left(CONTOSO.id, Author("", CONTOSO.id, "", "", is_application=True), FABRIKAM.id)
    write = Write(Kind.EFFECT, "00000001", json.encode(effect))
    await store.change(DIRECTORY, lambda _: Change((write,)))
    await store.snapshot(CONTOSO.id)
    settler = Settler(Service(store))
    with cluster.hanging():
        await asyncio.sleep(LOOK_EVERY)
        await store.snapshot(DIRECTORY)  # waits for the look, once
        took = []
        for _ in range(5):
            began = time.monotonic()
            await settler.settle()
            took.append(time.monotonic() - began)
        assert took[0] < settling.WAIT + QUICK
        assert max(took[1:]) < QUICK
    async with asyncio.timeout(30):
        while (await store.snapshot(DIRECTORY)).count(Kind.EFFECT):
            await settler.settle()
            await asyncio.sleep(0.02)
    await settler.close()
    await store.close()


async def test_a_tenant_that_another_session_keeps_locked_holds_up_no_effects_of_others(
    cluster: Cluster, url: str
) -> None:
    store = open_node(url)
    settler, author = Settler(Service(store)), Author("", CONTOSO.id, "", "", is_application=True)

    async def put(key: str, effect: Joined | Left) -> None:
        write = Write(Kind.EFFECT, key, json.encode(effect))
        await store.change(DIRECTORY, lambda _: Change((write,)))

    async def until_fellows(count: int, tenant: TenantId) -> None:
        async with asyncio.timeout(30):
            while (await store.snapshot(tenant)).count(Kind.FELLOW) != count:
                await settler.settle()
                await asyncio.sleep(0.02)

    for tenant in (CONTOSO.id, FABRIKAM.id):
        await store.change(tenant, lambda _: Change((Write(Kind.PARTNER, "p", b"{}"),)))
    with closing(cluster.admin(url)) as other:
        other.execute("BEGIN")
        other.execute("SELECT FROM tenants WHERE tenant = %s FOR UPDATE", (CONTOSO.id,))
        await put("1", Joined(CONTOSO.id, author, ADATUM))
        await put("2", Joined(FABRIKAM.id, author, ADATUM))
        await until_fellows(1, FABRIKAM.id)
        await put("3", Left(FABRIKAM.id, author, ADATUM))
        await until_fellows(0, FABRIKAM.id)
        assert [key for key, _ in (await store.refresh(DIRECTORY)).scan(Kind.EFFECT)][:1] == ["1"]
    await until_fellows(1, CONTOSO.id)
    await settler.close()
    await store.close()


async def test_a_node_that_refuses_is_not_ready_though_its_database_answers(cluster: Cluster, url: str) -> None:
    """A table that somebody keeps locked, as for VACUUM FULL: nothing can be compared with it."""
    store = open_node(url, stale_limit=2)
    health = Health(store, 2)
    await store.snapshot(DIRECTORY)
    with closing(cluster.admin(url)) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(2.5)  # no look ends well from here on
        assert store.age() > 2
        with pytest.raises(Unavailable):
            await store.snapshot(DIRECTORY)
        await store.check()
        assert await health.answer("/readyz") == (503, {"status": "unavailable"})
    async with asyncio.timeout(30):
        while True:
            if await health.answer("/readyz") == (200, {"status": "ok"}):
                break
            await asyncio.sleep(0.1)
    await store.snapshot(DIRECTORY)
    await store.close()


async def test_a_demanded_version_of_a_tenant_that_cannot_be_loaded_is_lacking_in_time(
    cluster: Cluster, url: str
) -> None:
    store = open_node(url, stale_limit=60)
    await tenants.add(store, Tenant(CONTOSO.id, "contoso"))
    with cluster.hanging():
        found = await consistency.lacking(store, {CONTOSO.id: 0}, consistency.patience())
    assert found == Lacking(CONTOSO.id, 0), "not refused after the time that a caller waits for the database"
    await store.close()
