"""Is a process ready? Told also when asking the storage fails in a way that nobody expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xtap.server.health import Health
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path


class Exhausted(SqliteStore):
    """A store in a process that has no threads left."""

    async def check(self) -> None:
        """Fail, as ``Thread.start`` does then."""
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(("limit", "told"), [(60.0, (200, "degraded")), (0.0, (503, "unavailable"))])
async def test_a_failure_that_nobody_expected_is_an_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, limit: float, told: tuple[int, str]
) -> None:
    store = Exhausted.open(tmp_path / "xtap.db")
    status, answer = await Health(store, limit).answer("/readyz")
    assert (status, answer["status"]) == told
    assert "can't start new thread" in caplog.text
    await store.close()
