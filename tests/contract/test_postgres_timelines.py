"""A database that lost its last commits, as after a failover or a restore: no node goes on with what was lost."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import open_node
from xtap.model.objects import Kind
from xtap.store import looker
from xtap.store.looker import LOOK_EVERY
from xtap.testing.store_contract import CONTOSO, counting, putting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore
    from xtap.store.protocol import Change
    from xtap.store.snapshot import Snapshot

TABLES = ("tenants", "objects", "audit")


@pytest.fixture
async def nodes(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    """One node that will know what is lost, and another one; neither looks by itself."""
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)
    first, second = open_node(url, 600), open_node(url, 600)
    yield first, second
    await first.close()
    await second.close()


@contextmanager
def losing(cluster: Cluster, url: str) -> Iterator[None]:
    """Take back every commit of the block behind the back of the nodes."""
    with closing(cluster.admin(url)) as session:
        for table in TABLES:
            session.execute(f"CREATE TABLE past_{table} AS SELECT * FROM {table}".encode())
        yield
        for table in TABLES:
            session.execute(f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM past_{table}".encode())


def policy(snapshot: Snapshot) -> bytes | None:
    return snapshot.get(Kind.PARTNER, "p")


@pytest.fixture
async def diverged(cluster: Cluster, url: str, nodes: tuple[PostgresStore, PostgresStore]) -> PostgresStore:
    """A node that knows versions 2 and 3, which the database has lost."""
    node, other = nodes
    await other.change(CONTOSO, putting("p", b"1", "first"))
    with losing(cluster, url):
        await node.change(CONTOSO, putting("p", b"lost", "second"))
        await node.change(CONTOSO, putting("q", b"lost", "third"))
    lost = await node.snapshot(CONTOSO)
    assert (lost.version, policy(lost)) == (3, b"lost")
    return node


async def test_what_was_lost_is_answered_until_the_next_look(diverged: PostgresStore) -> None:
    diverged._looker.good_until = diverged._looker.due_at = 0.0
    found = await diverged.snapshot(CONTOSO)
    assert (found.version, policy(found), found.get(Kind.PARTNER, "q")) == (1, b"1", None)


async def test_a_refresh_returns_what_the_database_has(diverged: PostgresStore) -> None:
    found = await diverged.refresh(CONTOSO)
    assert (found.version, policy(found)) == (1, b"1")
    assert await diverged.snapshot(CONTOSO) is found


async def test_other_commits_of_the_same_versions_are_told_apart(
    diverged: PostgresStore, nodes: tuple[PostgresStore, PostgresStore]
) -> None:
    """Versions and numbers of records are those that the node knows already; only the marks differ."""
    other = nodes[1]
    await other.refresh(CONTOSO)
    await other.change(CONTOSO, putting("p", b"2", "second"))
    after = await other.change(CONTOSO, putting("r", b"2", "third"))
    known = await diverged.snapshot(CONTOSO)
    assert (known.version, known.sequence) == (after.version, after.sequence) == (3, 3)
    assert policy(known) == b"lost"
    await asyncio.sleep(LOOK_EVERY)
    diverged._looker.good_until = diverged._looker.due_at = 0.0
    assert policy(await diverged.snapshot(CONTOSO)) == b"2"
    assert (await diverged.snapshot(CONTOSO)).get(Kind.PARTNER, "q") is None


async def test_a_change_is_decided_on_what_the_database_has_and_seen_at_once(
    diverged: PostgresStore, nodes: tuple[PostgresStore, PostgresStore]
) -> None:
    for name in ("second", "third"):
        await nodes[1].change(CONTOSO, putting("p", b"2", name))
    seen: list[bytes | None] = []

    def decide(before: Snapshot) -> Change:
        seen.append(policy(before))
        return counting("n")(before)

    after = await diverged.change(CONTOSO, decide)
    assert seen == [b"2"]
    assert (after.version, policy(after), after.get(Kind.PARTNER, "q")) == (4, b"2", None)
    assert await diverged.snapshot(CONTOSO) is after


async def test_a_change_is_seen_at_once_though_lost_versions_were_higher(diverged: PostgresStore) -> None:
    after = await diverged.change(CONTOSO, counting("n"))
    assert (after.version, policy(after)) == (2, b"1")
    assert await diverged.snapshot(CONTOSO) is after


async def test_a_backup_that_is_restored_has_versions_of_its_own(nodes: tuple[PostgresStore, PostgresStore]) -> None:
    """Two restores give the same version twice; whoever knew it before the second one loads it again."""
    node, other = nodes
    await other.change(CONTOSO, putting("p", b"old"))
    rows = await other.dump(list)
    await other.change(CONTOSO, putting("p", b"new"))
    await other.load(rows, replace=True)
    before = await node.snapshot(CONTOSO)
    await other.load(rows, replace=True)
    after = await node.refresh(CONTOSO)
    assert (before.version, policy(before)) == (after.version, policy(after)) == (1, b"old")
    assert before.mark != after.mark
