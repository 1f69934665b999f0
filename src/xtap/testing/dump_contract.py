"""What does a store promise of dumps? The part of the store contract that takes everything out and puts it back."""

# ruff: noqa: S101 - as in ``store_contract``

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pytest
from msgspec import json

from xtap.errors import Conflict, InvalidInput
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.memory import MemoryStore
from xtap.store.protocol import AuditEntry, Change, SignInEntry, Write
from xtap.store.rows import ObjectRow, Row, TenantRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xtap.store.protocol import Store

_ONE = TenantId("11111111-1111-4111-8111-111111111111")
_OTHER = TenantId("22222222-2222-4222-8222-222222222222")
_LOG_ONLY = TenantId("33333333-3333-4333-8333-333333333333")


async def fill(store: Store) -> None:
    """Put something of every sort into a store: objects of all kinds, removed ones, records, logs, sign-ins."""
    for kind in Kind:
        text = json.encode({"kind": kind, "text": 'ä\0"\n\U0001f600'}).decode()
        writes = tuple(Write(kind, key, text.encode()) for key in ("", "ä", "\U0001f600", "b' or 1=1"))
        await store.change(_ONE, lambda _, put=writes, name=str(kind): Change(put, (AuditEntry(name, b"{}"),)))  # type: ignore[misc]
    await store.change(_ONE, lambda _: Change((Write(Kind.PARTNER, "ä", None),), ()))
    await store.change(_OTHER, lambda _: Change((Write(Kind.PARTNER, "a", b"{}"),), (AuditEntry("r", b'{"a":1}'),)))
    await store.log([(_LOG_ONLY, b'{"decision":true}'), (_ONE, b"{}"), (_LOG_ONLY, b"{}")])
    await store.add_sign_ins(_LOG_ONLY, [SignInEntry(f"2026-01-0{day}", f"s{day}", b"{}") for day in (3, 1, 2)])


async def everything(store: Store) -> list[object]:
    """Return all that can be read from a store that ``fill`` filled."""
    found: list[object] = []
    for tenant in (_ONE, _OTHER, _LOG_ONLY):
        snapshot = await store.refresh(tenant)
        found.append((snapshot.version, snapshot.sequence))
        found += [(kind, *each) for kind in Kind for each in snapshot.scan(kind)]
        found += await store.audit(tenant)
        found += await store.logged(tenant)
        found += await store.sign_ins(tenant)
    return found


class DumpContract(ABC):
    """Tests of ``dump`` and ``load``; a subclass has the fixture ``store`` and ``open_store``."""

    @abstractmethod
    async def open_store(self, place: Path) -> Store:
        """Open a store in a folder."""

    async def test_what_is_dumped_can_be_loaded_into_any_store(self, store: Store, tmp_path: Path) -> None:
        """Objects, versions, records, logs and sign-ins are the same afterwards, and go on from where they were."""
        await fill(store)
        wanted, rows = await everything(store), await store.dump(list)
        (tmp_path / "other").mkdir()
        for other in (MemoryStore(), await self.open_store(tmp_path / "other")):
            assert (await other.snapshot(_ONE)).version == 0
            await other.load(rows)
            assert await everything(other) == wanted
            assert await other.dump(list) == rows
            after = await other.change(_OTHER, lambda _: Change((), (AuditEntry("next", b"{}"),)))
            assert (after.version, after.sequence) == (2, 2)
            await other.log([(_LOG_ONLY, b"3")])
            assert (await other.logged(_LOG_ONLY))[-1] == (3, b"3")
            await other.close()

    async def test_an_empty_store_has_an_empty_dump(self, store: Store) -> None:
        """Nothing comes out of nothing, and loading it changes nothing."""
        assert await store.dump(list) == []
        await store.load([])
        assert await store.dump(list) == []

    async def test_only_an_empty_store_is_loaded_unless_told(self, store: Store) -> None:
        """Nothing is mixed with what is there; told so, the load takes the place of all of it."""
        await fill(store)
        before = await everything(store)
        rows: list[Row] = [TenantRow(_ONE, 1, 0), ObjectRow(_ONE, Kind.PARTNER, "x", "{}")]
        with pytest.raises(Conflict):
            await store.load(rows)
        assert await everything(store) == before
        await store.load(rows, replace=True)
        assert await store.dump(list) == rows
        snapshot = await store.snapshot(_ONE)
        assert (snapshot.version, list(snapshot.scan(Kind.PARTNER))) == (1, [("x", b"{}")])
        assert (await store.change(_ONE, lambda _: Change((Write(Kind.PARTNER, "x", None),)))).version == 2

    async def test_a_load_that_fails_changes_nothing(self, store: Store) -> None:
        """Rows that end with an error leave what was there, also where it was to be replaced."""
        await fill(store)
        before = await everything(store)

        def broken() -> Iterator[Row]:
            for number in range(3_000):
                yield ObjectRow(_ONE, Kind.PARTNER, f"{number}", "{}")
            raise InvalidInput.at("$", "the file ends here")

        with pytest.raises(InvalidInput, match="the file ends here"):
            await store.load(broken(), replace=True)
        assert await everything(store) == before
        with pytest.raises(ZeroDivisionError):
            await store.dump(lambda rows: sum(1 for _ in rows) // 0)
        assert (await store.change(_OTHER, lambda _: Change((Write(Kind.PARTNER, "b", b"{}"),)))).version == 2

    async def test_a_dump_is_of_one_moment(self, store: Store) -> None:
        """Whoever changes two tenants one after the other is never seen with the second change only."""

        async def write_on() -> None:
            for number in range(300):
                for tenant in (_ONE, _OTHER):
                    put = Change((Write(Kind.PARTNER, f"{number:03}", b"{}"),), (AuditEntry(f"{number}", b"{}"),))
                    await store.change(tenant, lambda _, put=put: put)  # type: ignore[misc]
                    await asyncio.sleep(0)

        writing = asyncio.create_task(write_on())
        seen = set[tuple[int, int]]()
        while not writing.done():
            rows = await store.dump(list)
            counts = [
                (
                    *(row.version for row in rows if isinstance(row, TenantRow) and row.tenant == tenant),
                    sum(isinstance(row, ObjectRow) and row.tenant == tenant for row in rows),
                    *(row.sequence for row in rows if isinstance(row, TenantRow) and row.tenant == tenant),
                )
                for tenant in (_ONE, _OTHER)
            ]
            one, other = (each[0] for each in counts)
            assert all(len(set(each)) == 1 for each in counts), counts
            assert one - 1 <= other <= one
            seen.add((one, other))
            await asyncio.sleep(0)
        await writing
        assert len(seen) > 1
