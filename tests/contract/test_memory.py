"""The in-memory reference keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.store.memory import MemoryStore
from xtap.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.store.protocol import Store


class TestMemoryStore(StoreContract):
    async def open_store(self, place: Path) -> Store:  # noqa: ARG002 - it keeps nothing anywhere
        return MemoryStore()
