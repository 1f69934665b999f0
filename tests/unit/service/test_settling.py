"""What is due while the storage cannot be used: it waits, and the log says so once, not for each access."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xtap.service.context import Service
from xtap.service.settling import settle
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    store = SqliteStore.open(tmp_path / "xtap.db")
    service = Service(store)
    for _ in range(2):
        caplog.clear()
        (tmp_path / "xtap.db").rename(tmp_path / "away.db")
        for _ in range(5):
            await settle(service)
        (tmp_path / "away.db").rename(tmp_path / "xtap.db")
        store._cache.clear()
        for _ in range(5):
            await settle(service)
        told = [record.getMessage() for record in caplog.records if record.name == "xtap.service.settling"]
        assert len(told) == 2, told
        assert "waits: The database" in told[0]
        assert "cannot be found" in told[0]
        assert "is finished" in told[1]
        store._cache.clear()
    await store.close()
