"""The PostgreSQL store keeps the contract, shares commits, and is one store on several nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from xtap.store.postgres import PostgresStore
from xtap.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.store.protocol import Store


class TestPostgresStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _places(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.urls: dict[Path, str] = {}

    async def open_store(self, place: Path) -> Store:
        if place not in self.urls:
            self.urls[place] = await asyncio.to_thread(self.cluster.database)
        return PostgresStore.open(self.urls[place])
