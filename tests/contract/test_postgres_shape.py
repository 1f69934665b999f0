"""A PostgreSQL database whose tables another program changed is refused by name; more tables and columns are fine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contract.nodes import configured, unstarted
from xtap.errors import ConfigurationError
from xtap.store.postgres_database import PostgresDatabase
from xtap.store.postgres_shape import SHAPE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.testing.local_server import LocalServer


def execute(cluster: Cluster, url: str, statements: str) -> None:
    with closing(cluster.admin(url)) as session:
        session.execute(statements.encode())


def refusal(server: LocalServer, *arguments: str) -> str:
    """Run a command that must refuse with one line, and return the line."""
    done = server.run(*arguments, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def server(url: str, tmp_path: Path) -> LocalServer:
    """A node that could start on the database of the test."""
    server = unstarted(configured(tmp_path / "node", url))
    server.run("init")
    return server


def test_the_shape_is_what_all_migrations_make(cluster: Cluster, url: str) -> None:
    with closing(cluster.admin(url)) as session:
        rows = session.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name <> 'xtap_schema'"
        ).fetchall()
    assert sorted(rows) == sorted((table, *column) for table, columns in SHAPE.items() for column in columns.items())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE audit", "the table audit is missing"),
        ("DROP TABLE decision_log", "the table decision_log is missing"),
        ("ALTER TABLE tenants DROP COLUMN mark", "the column mark of the table tenants is missing"),
        (
            "ALTER TABLE objects ALTER COLUMN document TYPE TEXT USING ''",
            "the column document of the table objects has the type text, not bytea",
        ),
    ],
)
def test_every_command_names_what_is_missing(
    cluster: Cluster, url: str, server: LocalServer, statement: str, said: str
) -> None:
    execute(cluster, url, statement)
    for command in (["migrate", "--check"], ["migrate"], ["serve"], ["serve", "--workers", "2"], ["tenant", "list"]):
        assert said in refusal(server, *command)


def test_more_tables_and_columns_are_fine(cluster: Cluster, url: str) -> None:
    execute(cluster, url, "CREATE TABLE more (a BIGINT); ALTER TABLE audit ADD COLUMN more TEXT")
    assert PostgresDatabase.at(url).pending() == 0


def test_the_table_that_the_search_path_finds_is_the_one_that_counts(cluster: Cluster, url: str) -> None:
    """A whole set of tables in a later schema does not hide what the first lacks; a missing one is found there."""
    other = cluster.database()
    name = url.rsplit("%3D", 1)[1]
    both = f"{other},{name}"
    assert PostgresDatabase.at(both).pending() == 0
    execute(cluster, other, "ALTER TABLE tenants DROP COLUMN mark")
    with pytest.raises(ConfigurationError, match="column mark of the table tenants is missing"):
        PostgresDatabase.at(both).pending()
    execute(cluster, other, "DROP TABLE tenants")
    assert PostgresDatabase.at(both).pending() == 0


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM xtap_schema WHERE version = 3", 'column "mark" of relation "tenants" already exists'),
        ("DELETE FROM xtap_schema WHERE version > 1", 'relation "sign_ins" already exists'),
        ("DELETE FROM xtap_schema", 'relation "objects" already exists'),
    ],
)
def test_a_changed_record_of_migrations_is_said(
    cluster: Cluster, url: str, server: LocalServer, statement: str, found: str
) -> None:
    execute(cluster, url, statement)
    said = refusal(server, "migrate")
    assert found in said
    assert "xtap_schema, was changed" in said


def test_a_table_that_is_hidden_from_the_user_is_named(cluster: Cluster, url: str) -> None:
    schema = url.rsplit("%3D", 1)[1]
    execute(cluster, url, f"CREATE ROLE half LOGIN; GRANT USAGE ON SCHEMA {schema} TO half")
    execute(cluster, url, "GRANT SELECT ON xtap_schema, audit TO half")
    with pytest.raises(ConfigurationError, match="table decision_log is missing, or hidden from this user"):
        PostgresDatabase.at(url.replace("xtap@", "half@")).pending()
