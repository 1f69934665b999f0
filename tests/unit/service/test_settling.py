"""What is due while the storage, or one tenant of it, cannot be used: it waits, alone, and the log says so once."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest
from msgspec import json

from xtap.model.audit import Author
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import SINGLETON, Kind
from xtap.service import settling
from xtap.service.context import Service
from xtap.service.effects import Joined, Left
from xtap.service.settling import Settler
from xtap.store.protocol import Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from xtap.store.snapshot import Snapshot

A, B, FELLOW = (TenantId(f"{each * 8}-{each * 4}-4{each * 3}-8{each * 3}-{each * 12}") for each in "abf")
SOMEBODY = Author("r", DIRECTORY, DIRECTORY, "x", is_application=True)
POISON = (
    f"INSERT INTO objects (tenant, kind, key, document) VALUES ('{A}', 'kindOfTheNextVersion', 'x', '{{}}')",
    f"UPDATE tenants SET version = version + 1 WHERE tenant = '{A}'",
)
CURE = (
    "DELETE FROM objects WHERE kind = 'kindOfTheNextVersion'",
    f"UPDATE tenants SET version = version + 1 WHERE tenant = '{A}'",
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing hangs here, so whatever can be finished is, on the slowest of machines."""
    monkeypatch.setattr(settling, "WAIT", 60.0)


class Counted(SqliteStore):
    """A store that counts the changes which it is asked for."""

    asked = 0

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        self.asked += 1
        return await super().change(tenant, decide)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Counted, Settler]]:
    store = Counted.open(folder / "xtap.db", exclusive=False)
    assert isinstance(store, Counted)
    settler = Settler(Service(store))
    yield store, settler
    await settler.close()
    await store.close()


async def put(store: SqliteStore, tenant: TenantId, kind: Kind, key: str, document: object) -> None:
    """Put an object; bytes as they are, None deletes."""
    content = document if document is None or isinstance(document, bytes) else json.encode(document)
    await store.change(tenant, lambda _: Change((Write(kind, key, content),)))


async def left(store: SqliteStore) -> list[str]:
    """Return the keys of the effects that wait."""
    return [key for key, _ in (await store.snapshot(DIRECTORY)).scan(Kind.EFFECT)]


async def until_nothing_is_left(store: SqliteStore, settler: Settler) -> None:
    async with asyncio.timeout(30):
        while await left(store):
            await settler.settle()
            await asyncio.sleep(0.01)


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AGAIN", 0.0)
    caplog.set_level(logging.INFO)
    async with opened(tmp_path) as (store, settler):
        for number in range(2):
            await put(store, DIRECTORY, Kind.EFFECT, f"{number}", Joined(A, SOMEBODY, FELLOW))
            caplog.clear()
            (tmp_path / "xtap.db").rename(tmp_path / "away.db")
            for _ in range(5):
                await settler.settle()
            (tmp_path / "away.db").rename(tmp_path / "xtap.db")
            await until_nothing_is_left(store, settler)
            told = [record.getMessage() for record in caplog.records if record.name == "xtap.service.settling"]
            assert len(told) == 2, told
            assert "waits: The database" in told[0]
            assert "cannot be found" in told[0]
            assert "is carried out" in told[1]


async def test_a_tenant_that_cannot_be_read_waits_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "AGAIN", 0.0)
    async with opened(tmp_path) as (store, settler):
        await put(store, A, Kind.PARTNER, FELLOW, {"tenantId": FELLOW})
        await store.snapshot(B)
        for number, effect in enumerate(each for each in (A, B, A, B)):
            made = (Joined if number < 2 else Left)(effect, SOMEBODY, FELLOW)
            await put(store, DIRECTORY, Kind.EFFECT, f"{number}", made)
        await asyncio.to_thread(execute, tmp_path, *POISON)
        await store.refresh(DIRECTORY)
        await settler.settle()
        assert await left(store) == ["0", "2"]
        records = await store.audit(B)
        assert (await store.snapshot(B)).count(Kind.FELLOW) == 0, "it joined, and left"
        await asyncio.to_thread(execute, tmp_path, *CURE)
        await until_nothing_is_left(store, settler)
        assert len(await store.audit(A)) == len(records) > 0, "exactly once"
        assert await store.audit(B) == records


async def test_an_effect_of_another_version_holds_back_its_tenant_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AGAIN", 0.0)
    async with opened(tmp_path) as (store, settler):
        strange = {"type": "Merged", "tenant": A, "into": FELLOW}
        for key, effect in (("1", strange), ("2", Left(A, SOMEBODY, FELLOW)), ("3", Joined(B, SOMEBODY, FELLOW))):
            await put(store, DIRECTORY, Kind.EFFECT, key, effect)
        await settler.settle()
        assert await left(store) == ["1", "2"], "those behind it wait as well: effects happen in their order"
        assert (await store.snapshot(B)).count(Kind.FELLOW) == 1
        await put(store, DIRECTORY, Kind.EFFECT, "1", Joined(A, SOMEBODY, FELLOW))
        await until_nothing_is_left(store, settler)
        assert (await store.snapshot(A)).count(Kind.FELLOW) == 0, "it joined before it left"


async def test_an_effect_that_does_not_say_whose_it_is_lets_none_overtake_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (store, settler):
        for key, effect in (("1", b"damaged"), ("2", Joined(B, SOMEBODY, FELLOW))):
            await put(store, DIRECTORY, Kind.EFFECT, key, effect)
        await settler.settle()
        assert await left(store) == ["1", "2"]
        assert "cannot be finished" in caplog.text
        store.asked = 0
        await settler.settle()
        assert store.asked == 0


@pytest.mark.parametrize("effect", [Joined(A, SOMEBODY, FELLOW), {"type": "Merged", "tenant": A}])
async def test_what_cannot_be_carried_out_costs_the_accesses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effect: object
) -> None:
    monkeypatch.setattr(settling, "AGAIN", 600.0)
    async with opened(tmp_path) as (store, settler):
        await put(store, A, Kind.PARTNER_TEMPLATE, SINGLETON, b'{"broken')
        await put(store, DIRECTORY, Kind.EFFECT, "1", effect)
        await settler.settle()
        store.asked = 0
        for _ in range(50):
            await settler.settle()
        assert store.asked == 0
        await put(store, DIRECTORY, Kind.EFFECT, "2", Joined(B, SOMEBODY, FELLOW))
        await settler.settle()
        assert await left(store) == ["1"], "what comes later is not held back"


def execute(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "xtap.db", isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)
