"""What the PostgreSQL store refuses when it is opened or migrated, and what it says then; never a password."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import PASSWORD, open_node
from xtap.errors import ConfigurationError
from xtap.model.objects import Kind
from xtap.store.postgres import PostgresStore
from xtap.store.postgres_database import PostgresDatabase
from xtap.store.postgres_migrations import MIGRATIONS
from xtap.testing.store_contract import CONTOSO, FABRIKAM, counting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.cluster import Cluster

NEXT = (*MIGRATIONS, ("CREATE TABLE added (a BIGINT)", "INSERT INTO added (a) VALUES (1)"))
BROKEN = (*MIGRATIONS, ("CREATE TABLE added (a BIGINT)", "INSERT INTO nowhere (a) VALUES (1)"))


def refused(url: str, password: str = "") -> str:
    with pytest.raises(ConfigurationError) as error:
        PostgresStore.open(PostgresDatabase.at(url, password), stale_limit=10)
    message = error.value.message
    assert PASSWORD not in message
    assert "\n" not in message
    return message


async def test_a_password_opens_the_door(cluster: Cluster) -> None:
    assert PostgresDatabase.at(cluster.tcp_url, PASSWORD).pending() == len(MIGRATIONS)
    escaped = PASSWORD.replace("/", "%2F").replace(":", "%3A")
    assert PostgresDatabase.at(cluster.tcp_url.replace("xtap@", f"xtap:{escaped}@")).pending() == len(MIGRATIONS)
    assert PASSWORD not in repr(PostgresDatabase.at(cluster.tcp_url, PASSWORD))


def test_a_wrong_or_missing_password_is_refused(cluster: Cluster) -> None:
    assert "password authentication failed" in refused(cluster.tcp_url, "wrong")
    assert "no password supplied" in refused(cluster.tcp_url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://x/y",
        "postgresql://xtap:" + PASSWORD + "@127.0.0.1/x",
        "postgresql://xtap:100%s" + PASSWORD + "@127.0.0.1/x",
        "postgresql://127.0.0.1:port/x",
        "postgresql://127.0.0.1/x?no_such_option=" + PASSWORD,
        "postgresql://xtap:100%s?a=1@127.0.0.1/x",
        "",
    ],
)
def test_what_is_no_url_is_refused_and_not_repeated(url: str) -> None:
    message = refused(url)
    assert "postgresql://user@host" in message
    assert "100%s" not in message


def test_a_parameter_of_the_url_that_nobody_knows_is_named() -> None:
    url = f"postgresql://xtap:{PASSWORD.replace('/', '%2F').replace(':', '%3A')}@127.0.0.1/x"
    assert "the parameter 'foo'" in refused(f"{url}?sslmode=disable&foo=1")


def test_a_piece_of_a_password_is_not_taken_for_a_parameter() -> None:
    assert "hunter" not in refused("postgresql://xtap:what?hunter=2@127.0.0.1/x")
    assert "hunter" not in refused("postgresql://127.0.0.1/x?password=what&hunter=2")


def test_a_user_whose_sessions_are_read_only_is_told(cluster: Cluster) -> None:
    url = cluster.empty()
    message = refused(f"{url}%20-cdefault_transaction_read_only%3Don")
    assert "The database is read-only" in message
    assert "check address" not in message


def test_a_database_that_is_not_there_is_refused(cluster: Cluster) -> None:
    assert 'database "nowhere" does not exist' in refused(cluster.socket_url.replace("/postgres?", "/nowhere?"))
    assert "cannot be reached" in refused("postgresql://xtap@127.0.0.1:1/x")
    assert "cannot be reached" in refused(f"postgresql://xtap@/x?host={cluster.folder}&port=1")


def test_an_empty_database_is_refused_until_it_is_migrated(cluster: Cluster) -> None:
    url = cluster.empty()
    assert f"schema 0, needed is {len(MIGRATIONS)}). Run 'xtap migrate' first." in refused(url)
    PostgresDatabase.at(url).migrate()
    asyncio.run(open_node(url).close())


def test_a_newer_database_is_refused(cluster: Cluster, url: str) -> None:
    with closing(cluster.admin(url)) as session:
        session.execute("INSERT INTO xtap_schema (version) VALUES (99)")
    assert "written by a newer xtap (schema 99" in refused(url)
    with pytest.raises(ConfigurationError, match="newer xtap"):
        PostgresDatabase.at(url).migrate()


def test_the_database_of_another_program_is_refused_and_left_alone(cluster: Cluster) -> None:
    url = cluster.empty()
    with closing(cluster.admin(url)) as session:
        session.execute("CREATE TABLE audit (theirs BIGINT)")
    with pytest.raises(ConfigurationError, match=r"belongs to another program.*Or the record of migrations"):
        PostgresDatabase.at(url).migrate()
    assert tables(cluster, url) == {"audit", "xtap_schema"}


def test_a_user_without_rights_is_told(cluster: Cluster, url: str) -> None:
    with closing(cluster.admin(url)) as session:
        session.execute("CREATE ROLE stranger LOGIN")
        session.execute(f"GRANT USAGE ON SCHEMA test{cluster.made} TO stranger".encode())
    assert "Grant it SELECT" in refused(url.replace("xtap@", "stranger@"))


# --- migrations ------------------------------------------------------------------


def tables(cluster: Cluster, url: str) -> set[object]:
    with closing(cluster.admin(url)) as session:
        rows = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
    return {row[0] for row in rows}


def test_a_database_is_migrated_once(cluster: Cluster, url: str) -> None:
    assert "added" not in tables(cluster, url)
    database = PostgresDatabase(url, url, NEXT)
    assert database.pending() == 1
    database.migrate()
    database.migrate()
    assert "added" in tables(cluster, url)
    assert "newer xtap" in refused(url)


def test_a_migration_is_all_or_nothing(cluster: Cluster, url: str) -> None:
    with pytest.raises(ConfigurationError, match='relation "nowhere" does not exist'):
        PostgresDatabase(url, url, BROKEN).migrate()
    assert "added" not in tables(cluster, url)
    PostgresDatabase(url, url, NEXT).migrate()


async def test_nodes_go_on_while_the_database_is_migrated(url: str) -> None:
    """The node of the version before serves until it is replaced."""
    node = open_node(url)
    await node.change(CONTOSO, counting("n"))
    await asyncio.to_thread(PostgresDatabase(url, url, NEXT).migrate)
    assert (await node.change(CONTOSO, counting("n"))).version == 2
    await node.close()


def test_a_user_who_may_not_migrate_is_told(cluster: Cluster) -> None:
    url = cluster.empty()
    with closing(cluster.admin(url)) as session:
        session.execute("CREATE ROLE reader LOGIN")
        session.execute(f"GRANT USAGE ON SCHEMA test{cluster.made} TO reader".encode())
    mine = PostgresDatabase.at(url.replace("xtap@", "reader@"))
    with pytest.raises(ConfigurationError, match=r"may not migrate .*permission denied for schema.*Grant it CREATE"):
        mine.migrate()
    PostgresDatabase.at(url).migrate()
    with closing(cluster.admin(url)) as session:
        schema = f"SCHEMA test{cluster.made} TO reader"
        rights = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN {schema}; GRANT CREATE ON {schema}"
        session.execute(rights.encode())
    changing = (*MIGRATIONS, ("ALTER TABLE tenants ADD COLUMN added BIGINT",))
    with pytest.raises(ConfigurationError, match=r"must be owner of table tenants.*user that owns the tables"):
        PostgresDatabase(mine.place, mine._conninfo, changing).migrate()


def test_a_schema_that_is_not_there_is_said(cluster: Cluster) -> None:
    url = f"{cluster.socket_url}&options=-csearch_path%3Dnowhere"
    with pytest.raises(ConfigurationError, match="schema of the tables does not exist"):
        PostgresDatabase.at(url).migrate()


async def test_a_migration_does_not_keep_the_nodes_waiting_for_a_backup(cluster: Cluster, url: str) -> None:
    """A table that somebody reads for long cannot be changed: the command gives up before the nodes do."""
    node = open_node(url)
    await node.change(CONTOSO, counting("n"))
    changing = PostgresDatabase(url, url, (*MIGRATIONS, ("ALTER TABLE tenants ADD COLUMN added BIGINT",)))
    with closing(cluster.admin(url)) as backup:
        backup.execute("BEGIN; SELECT * FROM tenants")
        migrating = asyncio.ensure_future(asyncio.to_thread(changing.migrate))
        await asyncio.sleep(0.5)
        assert (await node.change(CONTOSO, counting("n"))).version == 2
        with pytest.raises(ConfigurationError, match=r"Somebody uses the tables.*Run the command again"):
            await migrating
    changing.migrate()
    assert changing.pending() == 0
    await node.close()


def test_a_migration_may_run_long_but_not_wait_long(cluster: Cluster, url: str) -> None:
    limits = "current_setting('statement_timeout') AS runs, current_setting('lock_timeout') AS waits"
    told = f"CREATE TABLE told AS SELECT {limits}"
    PostgresDatabase(url, url, (*MIGRATIONS, (told,))).migrate()
    with closing(cluster.admin(url)) as session:
        assert session.execute("SELECT * FROM told").fetchone() == ("0", "3s")


async def test_a_node_that_knows_no_marks_may_write_beside_one_that_does(cluster: Cluster, url: str) -> None:
    """Until it is replaced, the node of the version before writes rows without a mark."""
    node = open_node(url)
    await node.change(CONTOSO, counting("n"))
    with closing(cluster.admin(url)) as older:
        older.execute("UPDATE objects SET document = '7'")
        older.execute(
            "INSERT INTO tenants (tenant, version, sequence) VALUES (%s, 2, 2)"
            " ON CONFLICT (tenant) DO UPDATE SET version = excluded.version, sequence = excluded.sequence",
            (CONTOSO,),
        )
        older.execute("INSERT INTO tenants (tenant, version, sequence) VALUES (%s, 1, 0)", (FABRIKAM,))
    assert (await node.change(CONTOSO, counting("n"))).get(Kind.PARTNER, "n") == b"8"
    found = await node.refresh(FABRIKAM)
    assert (found.version, found.mark) == (1, b"")
    await node.close()


async def test_commands_may_migrate_at_the_same_time(cluster: Cluster) -> None:
    for _ in range(5):
        url = cluster.empty()
        databases = [PostgresDatabase(url, url, NEXT) for _ in range(6)]
        await asyncio.gather(*(asyncio.to_thread(database.migrate) for database in databases))
        assert [database.pending() for database in databases] == [0] * 6


def test_a_place_of_sqlite_is_no_place_of_postgresql(tmp_path: Path) -> None:
    assert "postgresql://" in refused(str(tmp_path / "xtap.db"))
