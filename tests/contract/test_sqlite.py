"""The SQLite store keeps the contract, shares commits, and notices other processes; refusals are in test_sqlite_…"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.store.sqlite import SqliteStore
from xtap.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.store.protocol import Store


class TestSqliteStore(StoreContract):
    async def open_store(self, place: Path) -> Store:
        return SqliteStore.open(place / "xtap.db")
