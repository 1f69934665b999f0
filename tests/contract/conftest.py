"""Failures of the shipped contract are explained like those of any test file; a PostgreSQL for those that need one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.contract import cluster as postgresql
from tests.contract.nodes import Partner, configured, empty
from xtap.store.postgres_database import PostgresDatabase
from xtap.testing.local_server import LocalServer, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore

pytest.register_assert_rewrite("xtap.testing.store_contract")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of this process; each makes a database of its own."""
    if postgresql.binaries() is None:
        reason = "PostgreSQL's programs (initdb, postgres) are not installed: 'apt-get install postgresql'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with postgresql.running() as started:
        yield started


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[tuple[LocalServer, LocalServer]]:
    """Two running servers on one database."""
    folder, url = tmp_path_factory.mktemp("nodes"), empty(cluster)
    PostgresDatabase.at(url, postgresql.PASSWORD).migrate()
    with ExitStack() as stack:
        first = stack.enter_context(running(configured(folder / "first", url)))
        yield first, stack.enter_context(running(configured(folder / "second", url)))


@pytest.fixture
def url(cluster: Cluster) -> str:
    """A place with the tables of xtap and nothing in them."""
    return cluster.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    """A store there."""
    store = postgresql.open_node(url)
    yield store
    await store.close()


@pytest.fixture
def partner(servers: tuple[LocalServer, LocalServer]) -> Iterator[Partner]:
    made = Partner(*servers, str(uuid4()))
    yield made
    made.close()
