"""Does a store keep its promises? The contract as a class of tests: inherit, say how to open one, run pytest.

    class TestMyStore(DurableStoreContract):
        async def open_store(self, place: Path) -> Store:
            return await MyStore.connect(place)

Needs ``pytest``, ``pytest-asyncio`` and ``hypothesis``. The promises are those of ``xtap.store.protocol``; each test's
docstring is one of them.
"""

# ruff: noqa: S101 - these are tests, shipped so that the author of another back end can run them

from __future__ import annotations

import asyncio
import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from xtap.errors import NotFound, Unavailable
from xtap.model.ids import TenantId
from xtap.model.objects import SINGLETON, Kind
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.testing.dump_contract import DumpContract
from xtap.testing.sign_in_contract import SignInContract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot

CONTOSO: Final = TenantId("a0000000-0000-4000-8000-000000000001")
FABRIKAM: Final = TenantId("b0000000-0000-4000-8000-000000000002")
ADATUM: Final = TenantId("c0000000-0000-4000-8000-000000000003")

AWKWARD_KEYS: Final = ("", " ", "%", "a", "A", "a b", "ä", "é", "e\u0301", "z", "_", "\U0001f600", "\uffff", "0", "00")
"""Keys that a database may fold, trim, normalise or order by a language; a store does none of it."""

Step = tuple[TenantId, Kind, str, bytes | None]
Tables = dict[TenantId, dict[tuple[Kind, str], bytes]]

STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from((CONTOSO, FABRIKAM, ADATUM)),
        st.sampled_from((Kind.PARTNER, Kind.DEFAULT)),
        st.sampled_from(("", "a", "A", "b", "ä")),
        st.none() | st.binary(max_size=8),
    ),
    max_size=20,
)


def putting(key: str, document: bytes | None, *audit: str, kind: Kind = Kind.PARTNER) -> Callable[[Snapshot], Change]:
    """Make a change that writes (or with None deletes) one object, with audit records of the ids given."""
    records = tuple(AuditEntry(name, b'{"id":"%s"}' % name.encode()) for name in audit)
    return lambda _: Change((Write(kind, key, document),), records)


def counting(key: str) -> Callable[[Snapshot], Change]:
    """Make a change that adds one to the number under a key, and records the new number."""

    def decide(snapshot: Snapshot) -> Change:
        number = int(snapshot.get(Kind.PARTNER, key) or b"0") + 1
        return Change((Write(Kind.PARTNER, key, b"%d" % number),), (AuditEntry(f"{key}-{number}", b"%d" % number),))

    return decide


@pytest.mark.asyncio
class StoreContract(DumpContract, SignInContract):
    """What every store promises; those that keep something promise more (``DurableStoreContract``)."""

    @abstractmethod
    async def open_store(self, place: Path) -> Store:
        """Open a store whose data, if any, live in the empty or used folder ``place``."""

    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        """Open an empty store for one test."""
        store = await self.open_store(tmp_path)
        yield store
        await store.close()

    # --- reading -------------------------------------------------------------

    async def test_an_unknown_tenant_is_empty(self, store: Store) -> None:
        """A tenant that was never written has version 0, no objects and no records."""
        for snapshot in (await store.snapshot(CONTOSO), await store.refresh(CONTOSO)):
            assert (snapshot.tenant, snapshot.version, snapshot.count(Kind.PARTNER)) == (CONTOSO, 0, 0)
            assert snapshot.get(Kind.PARTNER, "a") is None
        assert list(await store.audit(CONTOSO)) == []
        await store.check()

    async def test_what_is_at_hand_is_the_latest(self, store: Store) -> None:
        """``at_hand`` is nothing or what ``snapshot`` returns, right after a change too; nothing once closed."""
        after = await store.change(CONTOSO, counting("a"))
        while (found := store.at_hand(CONTOSO)) is None:  # until memory was compared with the storage again
            await store.snapshot(CONTOSO)
        assert found.version == after.version
        await store.close()
        assert store.at_hand(CONTOSO) is None

    async def test_keys_are_kept_as_given(self, store: Store) -> None:
        """Keys are compared and ordered by code point: no folding of case, accents, spaces or forms."""
        for key in AWKWARD_KEYS:
            await store.change(CONTOSO, putting(key, key.encode()))
        snapshot = await store.snapshot(CONTOSO)
        assert list(snapshot.scan(Kind.PARTNER)) == [(key, key.encode()) for key in sorted(AWKWARD_KEYS)]
        for key in AWKWARD_KEYS:
            assert snapshot.get(Kind.PARTNER, key) == key.encode()

    async def test_kinds_do_not_mix(self, store: Store) -> None:
        """The same key may stand under every kind."""
        for kind in Kind:
            await store.change(CONTOSO, putting(SINGLETON, kind.encode(), kind=kind))
        snapshot = await store.snapshot(CONTOSO)
        assert {kind: snapshot.get(kind, SINGLETON) for kind in Kind} == {kind: kind.encode() for kind in Kind}

    async def test_a_snapshot_never_changes(self, store: Store) -> None:
        """Who holds a snapshot reads the same from it, whatever is written meanwhile."""
        await store.change(CONTOSO, putting("a", b"1"))
        before = await store.snapshot(CONTOSO)
        reading = before.scan(Kind.PARTNER)
        await store.change(CONTOSO, putting("a", b"2"))
        await store.change(CONTOSO, putting("b", b"2"))
        await store.change(CONTOSO, putting("a", None))
        assert (before.version, before.get(Kind.PARTNER, "a"), before.count(Kind.PARTNER)) == (1, b"1", 1)
        assert list(reading) == [("a", b"1")]

    async def test_paging_meets_every_object_that_stays(self, store: Store) -> None:
        """Pages that follow each other by ``after`` hold each object that stays exactly once, in order."""
        await store.change(
            CONTOSO, lambda _: Change(tuple(Write(Kind.PARTNER, f"{n:04}", b"") for n in range(0, 600, 2)))
        )
        seen: list[str] = []
        after: str | None = None
        for number in range(1, 600, 12):
            page = [key for _, (key, _) in zip(range(10), _scan(await store.snapshot(CONTOSO), after), strict=False)]
            if not page:
                break
            seen += page
            after = page[-1]
            await store.change(CONTOSO, putting(f"{number:04}", b"new"))
            await store.change(CONTOSO, putting(after, None))
        assert seen == sorted(set(seen))
        assert [key for key in seen if int(key) % 2 == 0] == [f"{n:04}" for n in range(0, 600, 2)]

    # --- changing ------------------------------------------------------------

    async def test_a_change_returns_the_state_after_it(self, store: Store) -> None:
        """``change`` returns its own result, one version later, and readers see it from then on."""
        after = await store.change(CONTOSO, putting("a", b"1", "record"))
        assert (after.version, after.get(Kind.PARTNER, "a")) == (1, b"1")
        assert (await store.snapshot(CONTOSO)).version == 1
        assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "a") == b"1"

    async def test_a_change_is_all_or_nothing(self, store: Store) -> None:
        """All objects of a change and its records appear together; the last write to one object counts."""
        after = await store.change(
            CONTOSO,
            lambda _: Change(
                (
                    Write(Kind.PARTNER, "a", b"first"),
                    Write(Kind.PARTNER, "b", b"2"),
                    Write(Kind.PARTNER, "a", b"last"),
                    Write(Kind.PARTNER, "gone", b"3"),
                    Write(Kind.PARTNER, "gone", None),
                ),
                (AuditEntry("x", b"x"), AuditEntry("y", b"y")),
            ),
        )
        assert list(after.scan(Kind.PARTNER)) == [("a", b"last"), ("b", b"2")]
        assert after.version == 1
        assert [entry.id for _, entry in await store.audit(CONTOSO)] == ["x", "y"]

    async def test_a_refused_change_leaves_nothing(self, store: Store) -> None:
        """What ``decide`` raises reaches the caller, and neither objects nor version nor records move."""
        await store.change(CONTOSO, putting("a", b"1", "kept"))

        def refuse(snapshot: Snapshot) -> Change:
            snapshot.apply(Change((Write(Kind.PARTNER, "a", b"2"),)))
            raise NotFound("No such partner.")

        with pytest.raises(NotFound, match="No such partner"):
            await store.change(CONTOSO, refuse)
        snapshot = await store.refresh(CONTOSO)
        assert (snapshot.version, snapshot.get(Kind.PARTNER, "a")) == (1, b"1")
        assert len(await store.audit(CONTOSO)) == 1

    @pytest.mark.parametrize("bug", [KeyError("k"), ZeroDivisionError(), StopIteration()])
    async def test_a_bug_in_one_change_is_its_callers_alone(self, store: Store, bug: Exception) -> None:
        """An unexpected exception reaches the caller whose change raised it; the store goes on."""

        def broken(_: Snapshot) -> Change:
            raise bug

        outcomes = await asyncio.gather(
            *(store.change(CONTOSO, broken if number == 5 else counting("n")) for number in range(10)),
            return_exceptions=True,
        )
        assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [5]
        assert (await store.snapshot(CONTOSO)).get(Kind.PARTNER, "n") == b"9"

    async def test_no_change_is_no_version(self, store: Store) -> None:
        """A change without writes and records keeps the version."""
        before = await store.change(CONTOSO, putting("a", b"1"))
        after = await store.change(CONTOSO, lambda _: Change(()))
        assert after.version == before.version == 1
        assert (await store.snapshot(CONTOSO)).version == 1

    async def test_a_snapshot_knows_its_last_record(self, store: Store) -> None:
        """The sequence of a snapshot is the number of its last audit record; changes without records keep it."""
        assert (await store.snapshot(CONTOSO)).sequence == 0
        await store.change(CONTOSO, lambda _: Change((), (AuditEntry("a", b"{}"), AuditEntry("b", b"{}"))))
        after = await store.change(CONTOSO, putting("k", b"1"))
        assert (after.version, after.sequence) == (2, 2)
        assert (await store.snapshot(CONTOSO)).sequence == (await store.refresh(CONTOSO)).sequence == 2

    async def test_records_alone_are_a_change(self, store: Store) -> None:
        """A change may only tell of something; it counts as a version."""
        after = await store.change(CONTOSO, lambda _: Change((), (AuditEntry("told", b"{}"),)))
        assert (after.version, after.sequence) == (1, 1)
        assert await store.audit(CONTOSO) == ((1, AuditEntry("told", b"{}")),)

    async def test_deleting_what_is_not_there_is_allowed(self, store: Store) -> None:
        """Whether an object exists is for ``decide`` to judge, not for the store."""
        after = await store.change(CONTOSO, putting("never", None))
        assert (after.version, after.count(Kind.PARTNER)) == (1, 0)

    async def test_no_update_is_lost(self, store: Store) -> None:
        """Concurrent changes of one object run one after the other, each on what the one before left."""

        async def client() -> None:
            for _ in range(13):
                await store.change(CONTOSO, counting("n"))

        await asyncio.gather(*(client() for _ in range(16)))
        assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "n") == b"208"
        records = await store.audit(CONTOSO, limit=1000)
        assert [(number, entry.document) for number, entry in records] == [(n, b"%d" % n) for n in range(1, 209)]

    async def test_a_cancelled_caller_harms_nobody(self, store: Store) -> None:
        """A caller that goes away learns nothing; the others are served, and the store stays whole."""
        calls = [asyncio.ensure_future(store.change(CONTOSO, counting("n"))) for _ in range(20)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert not [outcome for outcome in outcomes[1::2] if isinstance(outcome, BaseException)]
        after = await store.change(CONTOSO, counting("n"))
        assert after.get(Kind.PARTNER, "n") == b"%d" % after.version
        assert 11 <= after.version <= 21
        assert len(await store.audit(CONTOSO)) == after.version

    # --- audit ---------------------------------------------------------------

    async def test_audit_is_read_in_pages(self, store: Store) -> None:
        """Records are numbered from 1 for each tenant, in the order of the changes, and read behind a number."""
        for name in "abcde":
            await store.change(CONTOSO, putting("k", name.encode(), name))
        await store.change(FABRIKAM, putting("k", b"", "other"))
        assert [number for number, _ in await store.audit(CONTOSO)] == [1, 2, 3, 4, 5]
        page = await store.audit(CONTOSO, after=2, limit=2)
        assert page == ((3, AuditEntry("c", b'{"id":"c"}')), (4, AuditEntry("d", b'{"id":"d"}')))
        assert list(await store.audit(CONTOSO, after=5)) == []
        assert [(number, entry.id) for number, entry in await store.audit(FABRIKAM)] == [(1, "other")]

    # --- log -----------------------------------------------------------------

    async def test_the_log_is_read_in_pages(self, store: Store) -> None:
        """Documents are numbered from 1 for each tenant; no snapshot and no version sees them."""
        await store.log([(CONTOSO, b"1"), (FABRIKAM, b"2"), (CONTOSO, b"3")])
        await store.log([(CONTOSO, b"4")])
        assert list(await store.logged(CONTOSO)) == [(1, b"1"), (2, b"3"), (3, b"4")]
        assert list(await store.logged(CONTOSO, after=1, limit=1)) == [(2, b"3")]
        assert list(await store.logged(FABRIKAM)) == [(1, b"2")]
        assert (await store.refresh(CONTOSO)).version == 0

    async def test_the_log_does_not_stand_in_the_way_of_changes(self, store: Store) -> None:
        """Documents and changes that are written at once are all there afterwards."""
        await asyncio.gather(
            *(store.change(CONTOSO, counting("n")) for _ in range(20)),
            *(store.log([(CONTOSO, b"%d" % number)]) for number in range(20)),
        )
        assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "n") == b"20"
        assert sorted(int(document) for _, document in await store.logged(CONTOSO)) == [*range(20)]

    # --- many tenants --------------------------------------------------------

    async def test_tenants_are_worlds_of_their_own(self) -> None:
        """Any sequence of changes to several tenants equals one plain table for each tenant."""

        @settings(max_examples=25, deadline=None)
        @given(STEPS)
        def agree(steps: list[Step]) -> None:
            with tempfile.TemporaryDirectory() as place:
                asyncio.run(self._replay(Path(place), steps))

        await asyncio.to_thread(agree)  # each example runs an event loop of its own

    async def _replay(self, place: Path, steps: list[Step]) -> Tables:
        """Run the steps on a store and on plain tables, compare, and return the tables."""
        store = await self.open_store(place)
        tables: Tables = {CONTOSO: {}, FABRIKAM: {}, ADATUM: {}}
        for tenant, kind, key, document in steps:
            if document is None:
                tables[tenant].pop((kind, key), None)
            else:
                tables[tenant][kind, key] = document

        async def one_after_the_other(mine: TenantId) -> None:
            for tenant, kind, key, document in steps:
                if tenant == mine:
                    await store.change(tenant, putting(key, document, "r", kind=kind))

        await asyncio.gather(*(one_after_the_other(tenant) for tenant in tables))
        await self._compare(store, tables, steps)
        await store.close()
        return tables

    async def _compare(self, store: Store, tables: Tables, steps: list[Step]) -> None:
        for tenant, table in tables.items():
            snapshot = await store.snapshot(tenant)
            found = {(kind, key): document for kind in Kind for key, document in snapshot.scan(kind)}
            assert found == table
            assert snapshot.version == sum(step[0] == tenant for step in steps)
            assert len(await store.audit(tenant)) == snapshot.version

    # --- the end -------------------------------------------------------------

    async def test_a_closed_store_refuses(self, store: Store) -> None:
        """After ``close`` every call raises Unavailable; closing again is harmless."""
        await store.change(CONTOSO, putting("a", b"1"))
        await store.close()
        await store.close()
        for call in (
            store.snapshot(CONTOSO),
            store.refresh(CONTOSO),
            store.snapshot(FABRIKAM),
            store.change(CONTOSO, putting("a", b"2")),
            store.audit(CONTOSO),
            store.check(),
            store.log([(CONTOSO, b"{}")]),
            store.logged(CONTOSO),
            store.sign_ins(CONTOSO),
            store.sign_in(CONTOSO, ""),
            store.add_sign_ins(CONTOSO, ()),
            store.dump(list),
            store.load(()),
        ):
            with pytest.raises(Unavailable):
                await call

    async def test_close_finishes_what_was_accepted(self, store: Store) -> None:
        """Changes that were under way when the store was closed are answered, one way or the other."""
        await store.snapshot(CONTOSO)
        calls = [asyncio.ensure_future(store.change(CONTOSO, counting("n"))) for _ in range(50)]
        await asyncio.sleep(0)
        await store.close()
        outcomes = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
        assert not [each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, Unavailable)]


class DurableStoreContract(StoreContract):
    """What a store that keeps what was acknowledged promises beyond that: ``open_store`` at the same place finds it."""

    async def _replay(self, place: Path, steps: list[Step]) -> Tables:
        tables = await super()._replay(place, steps)
        again = await self.open_store(place)
        await self._compare(again, tables, steps)
        await again.close()
        return tables

    async def test_what_was_acknowledged_is_there_after_reopening(self, tmp_path: Path) -> None:
        """A store opened at the place of another that was closed has its objects, versions and records."""
        first = await self.open_store(tmp_path)
        for number in range(1, 4):
            await first.change(CONTOSO, putting(f"k{number}", b"%d" % number, f"r{number}"))
        await first.change(CONTOSO, putting("k2", None))
        await first.close()
        second = await self.open_store(tmp_path)
        snapshot = await second.snapshot(CONTOSO)
        assert (snapshot.version, snapshot.sequence) == (4, 3)
        assert list(snapshot.scan(Kind.PARTNER)) == [("k1", b"1"), ("k3", b"3")]
        assert [entry.id for _, entry in await second.audit(CONTOSO)] == ["r1", "r2", "r3"]
        after = await second.change(CONTOSO, putting("k4", b"4", "r4"))
        assert after.version == 5
        assert (await second.audit(CONTOSO, after=3)) == ((4, AuditEntry("r4", b'{"id":"r4"}')),)
        await second.close()


def _scan(snapshot: Snapshot, after: str | None) -> list[tuple[str, bytes]]:
    return list(snapshot.scan(Kind.PARTNER, after))
