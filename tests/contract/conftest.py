"""Failures of the shipped contract are explained like those of any test file; a PostgreSQL for those that need one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import binaries, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.cluster import Cluster

pytest.register_assert_rewrite("xtap.testing.store_contract")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of this process; each makes a database of its own."""
    if binaries() is None:
        reason = "PostgreSQL's programs (initdb, postgres) are not installed: 'apt-get install postgresql'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running() as started:
        yield started
