"""What a commit on PostgreSQL may say besides yes and no: only what is certain is acknowledged, or run again.

The database says it in a trigger that fires at the commit. Waiting for a standby is in ``test_postgres_failover.py``.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import open_node
from xtap.errors import OutcomeUnknown, Unavailable
from xtap.model.objects import Kind
from xtap.store import postgres_writer
from xtap.store.group_commit import ATTEMPTS
from xtap.store.postgres_database import PostgresDatabase
from xtap.store.protocol import SignInEntry
from xtap.testing.store_contract import CONTOSO, counting

if TYPE_CHECKING:
    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore
    from xtap.store.protocol import Change
    from xtap.store.snapshot import Snapshot


def say_at_commit(cluster: Cluster, url: str, table: str, saying: str) -> None:
    """Let the database say something at the end of every transaction that changes a table."""
    with closing(cluster.admin(url)) as session:
        session.execute(
            f"CREATE FUNCTION say() RETURNS trigger AS $$ BEGIN RAISE {saying}; RETURN NULL; END $$ LANGUAGE plpgsql;"
            f"CREATE CONSTRAINT TRIGGER say AFTER INSERT OR UPDATE ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION say()".encode()
        )


class Counted:
    """A change that counts how often it is decided."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, before: Snapshot) -> Change:
        self.times += 1
        return counting("n")(before)


async def test_a_change_that_nobody_could_be_told_of_is_made_once(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(postgres_writer, "tell", fail)
    changes = [store.change(CONTOSO, counting("n")) for _ in range(20)]
    await asyncio.gather(*changes)
    assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "n") == b"20"


async def test_a_commit_with_a_warning_is_not_acknowledged(cluster: Cluster, url: str, store: PostgresStore) -> None:
    before = await store.snapshot(CONTOSO)
    say_at_commit(cluster, url, "tenants", "WARNING 'not on the standby'")
    change = Counted()
    with pytest.raises(OutcomeUnknown, match=r"may have been made: read before.*not on the standby"):
        await store.change(CONTOSO, change)
    assert change.times == 1
    assert store.commits == 0
    assert store._cache.get(CONTOSO) is before
    assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "n") == b"1"


async def test_a_role_that_silences_warnings_hears_them_here(cluster: Cluster, url: str) -> None:
    store = open_node(f"{url}%20-cclient_min_messages%3Derror")
    say_at_commit(cluster, url, "tenants", "WARNING 'not on the standby'")
    with pytest.raises(OutcomeUnknown):
        await store.change(CONTOSO, counting("n"))
    await store.close()


@pytest.mark.parametrize("state", ["40003", "08007"])
async def test_a_commit_that_the_database_knows_nothing_of_is_not_run_again(
    cluster: Cluster, url: str, store: PostgresStore, state: str
) -> None:
    say_at_commit(cluster, url, "tenants", f"EXCEPTION 'result is ambiguous' USING ERRCODE = '{state}'")
    change = Counted()
    with pytest.raises(OutcomeUnknown, match="result is ambiguous"):
        await store.change(CONTOSO, change)
    assert change.times == 1


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_commit_that_lost_against_another_is_run_again(
    cluster: Cluster, url: str, store: PostgresStore, state: str
) -> None:
    say_at_commit(cluster, url, "tenants", f"EXCEPTION 'restart transaction' USING ERRCODE = '{state}'")
    change = Counted()
    with pytest.raises(Unavailable, match=r"Try again.*restart transaction") as refusal:
        await store.change(CONTOSO, change)
    assert change.times == ATTEMPTS
    assert type(refusal.value) is Unavailable


@pytest.mark.parametrize(
    ("saying", "failure"),
    [
        ("WARNING 'not on the standby'", OutcomeUnknown),
        ("EXCEPTION 'ambiguous' USING ERRCODE = '40003'", OutcomeUnknown),
        ("EXCEPTION 'restart' USING ERRCODE = '40001'", Unavailable),
        ("EXCEPTION 'full' USING ERRCODE = '53100'", Unavailable),
    ],
)
async def test_logs_say_whether_they_know(
    cluster: Cluster, url: str, store: PostgresStore, saying: str, failure: type[Unavailable]
) -> None:
    for table in ("decision_log", "sign_ins"):
        with closing(cluster.admin(url)) as session:
            session.execute("DROP FUNCTION IF EXISTS say CASCADE")
        say_at_commit(cluster, url, table, saying)
        call = store.log([(CONTOSO, b"{}")]) if table == "decision_log" else store.add_sign_ins(CONTOSO, SIGN_INS)
        with pytest.raises(Unavailable) as refusal:
            await call
        assert type(refusal.value) is failure


SIGN_INS = [SignInEntry("1", "1", b"{}")]


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("57014", "took longer than 60 seconds, or somebody cancelled it"),
        ("57P01", "was stopped or is starting"),
        ("25P03", "This node did nothing for too long"),
        ("55P03", "holds the lock of this tenant"),
        ("3F000", "schema of the tables does not exist"),
    ],
)
async def test_a_refusal_says_what_to_do(
    cluster: Cluster, url: str, store: PostgresStore, state: str, advice: str
) -> None:
    say_at_commit(cluster, url, "tenants", f"EXCEPTION 'no' USING ERRCODE = '{state}'")
    with pytest.raises(Unavailable, match=advice) as refusal:
        await store.change(CONTOSO, counting("n"))
    assert type(refusal.value) is Unavailable


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
async def test_a_commit_waits_for_the_disks_whatever_was_asked(
    cluster: Cluster, url: str, asked: str, kept: str
) -> None:
    database = PostgresDatabase.at(f"{url}%20-csynchronous_commit%3D{asked}")
    with closing(database.connect()) as session:
        assert session.execute("SHOW synchronous_commit").fetchone() == (kept,)
        with closing(cluster.admin()) as admin:
            admin.execute("ALTER SYSTEM SET synchronous_commit = off")
            admin.execute("SELECT pg_reload_conf()")
            try:
                assert session.execute("SELECT pg_sleep(0.2), current_setting('synchronous_commit')").fetchone() == (
                    "",
                    kept,
                )
            finally:
                admin.execute("ALTER SYSTEM RESET synchronous_commit")
                admin.execute("SELECT pg_reload_conf()")
