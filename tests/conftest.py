from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """One real server for all tests that leave nothing behind that others would see."""
    with running(tmp_path_factory.mktemp("server")) as started:
        yield started
