"""Any version of the past, by number or time, is the very state that was there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, json

from xtap.errors import InvalidInput
from xtap.model.audit import AuditRecord
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.service import history
from xtap.service.history import History
from xtap.store.memory import MemoryStore
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from random import Random

    from xtap.store.snapshot import Snapshot

CONTOSO = TenantId("11111111-1111-4111-8111-111111111111")
START = datetime(2026, 1, 1, tzinfo=UTC)
AUDITED = (Kind.DEFAULT, Kind.PARTNER)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(AUDITED),
        st.sampled_from("abc"),
        st.one_of(st.none(), st.integers(0, 9)),
        st.sampled_from((0, 0, 1, 60)),
    ),
    max_size=30,
)


def state(snapshot: Snapshot) -> dict[tuple[Kind, str], bytes]:
    return {(kind, key): document for kind in AUDITED for key, document in snapshot.scan(kind)}


def writing(kind: Kind, key: str, after: bytes | None, moment: datetime) -> Callable[[Snapshot], Change]:
    def decide(snapshot: Snapshot) -> Change:
        record = AuditRecord(
            id="r",
            time=moment.isoformat(),
            activity="x",
            kind=kind,
            key=key,
            request_id="q",
            client_id="c",
            object_id="o",
            before=Raw(snapshot.get(kind, key) or b"null"),
            after=Raw(after or b"null"),
        )
        return Change((Write(kind, key, after),), (AuditEntry("r", json.encode(record)),))

    return decide


async def replay(steps: list[tuple[Kind, str, int | None, int]], order: Callable[[int], Iterable[int]] = range) -> None:
    store, moment = MemoryStore(), START
    states, times = [state(await store.snapshot(CONTOSO))], [START - timedelta(seconds=1)]
    for kind, key, value, later in steps:
        moment += timedelta(seconds=later)
        await store.change(CONTOSO, writing(kind, key, None if value is None else b"%d" % value, moment))
        states.append(state(await store.snapshot(CONTOSO)))
        times.append(moment)
    past = History(store)
    for version in order(len(states)):
        found = await past.at_version(CONTOSO, version)
        assert (state(found), found.sequence) == (states[version], version)
    for instant in sorted({*times, *(time + timedelta(microseconds=1) for time in times)}):
        last = max(number for number, time in enumerate(times) if time <= instant)
        found = await past.at_version(CONTOSO, await past.version_at(CONTOSO, instant, moment + timedelta(days=1)))
        assert (state(found), found.sequence) == (states[last], last)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_every_version_is_the_state_that_was_there(steps: list[tuple[Kind, str, int | None, int]]) -> None:
    asyncio.run(replay(steps))


@settings(max_examples=150, deadline=None)
@given(STEPS, st.randoms(use_true_random=False), st.integers(1, 7), st.integers(1, 3), st.integers(1, 40))
def test_it_is_whatever_was_asked_before(
    steps: list[tuple[Kind, str, int | None, int]], chance: Random, at_once: int, states: int, documents: int
) -> None:
    """Also with states kept on the way, read in small pages, and with room for few of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("AT_ONCE", at_once), ("STATES", states), ("DOCUMENTS", documents), ("MOMENTS", 3)):
            patch.setattr(history, name, value)
        asyncio.run(replay(steps, lambda count: chance.choices(range(count), k=2 * count)))


async def replay_jumps(steps: list[tuple[Kind, str, int | None, int]]) -> None:
    store, moment = MemoryStore(), START
    times = [START - timedelta(days=1)]
    for kind, key, value, jump in steps:
        moment += timedelta(seconds=jump)
        await store.change(CONTOSO, writing(kind, key, None if value is None else b"%d" % value, moment))
        times.append(moment)
    past, far = History(store), max(times) + timedelta(days=1)
    for instant in sorted({*times[1:], *(time + timedelta(microseconds=1) for time in times)}):
        found = await past.version_at(CONTOSO, instant, far)
        assert times[found] <= instant
        assert found == len(steps) or times[found + 1] > instant
        earlier = [number for number, time in enumerate(times) if time <= instant]
        if earlier == [*range(len(earlier))]:  # the jumps are elsewhere
            assert found == earlier[-1]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(AUDITED), st.sampled_from("ab"), st.integers(0, 9), st.sampled_from((1, 60, -30, 600))
        ),
        max_size=20,
    )
)
def test_a_clock_that_jumps_back_blurs_only_what_it_repeats(steps: list[tuple[Kind, str, int | None, int]]) -> None:
    """A moment that the clock showed once has its state; one that it showed twice, the state of one of the two."""
    asyncio.run(replay_jumps(steps))


async def test_what_never_was_is_refused() -> None:
    store = MemoryStore()
    for version in (-1, 1):
        with pytest.raises(InvalidInput, match="Its versions are 0 to 0"):
            await History(store).at_version(CONTOSO, version)
    with pytest.raises(InvalidInput, match="yet to come"):
        await History(store).version_at(CONTOSO, START, START - timedelta(seconds=1))


async def test_what_was_rebuilt_from_commits_that_the_database_lost_is_forgotten(tmp_path: Path) -> None:
    """A backup of version 1 is restored, and other changes are made that have the numbers of the lost ones."""
    store = SqliteStore.open(tmp_path / "xtap.db")
    past, far = History(store), START + timedelta(days=1)

    async def put(document: bytes, seconds: int) -> None:
        moment = START + timedelta(seconds=seconds)
        await store.change(CONTOSO, writing(Kind.PARTNER, "p", document, moment))

    await put(b"1", 1)
    backup = await store.dump(list)
    for again in range(2):
        for number, seconds in ((2, 60), (3, 120)):
            await put(b"%d" % (number + 10 * again), seconds * (again + 1))
        for version, document in ((0, None), (1, b"1"), (2, b"%d" % (2 + 10 * again)), (3, b"%d" % (3 + 10 * again))):
            assert (await past.at_version(CONTOSO, version)).get(Kind.PARTNER, "p") == document
        assert await past.version_at(CONTOSO, START + timedelta(seconds=120), far) == 3 - again
        await store.load(backup, replace=True)
    assert (await past.at_version(CONTOSO, 1)).get(Kind.PARTNER, "p") == b"1"
    with pytest.raises(InvalidInput, match="Its versions are 0 to 1"):
        await past.at_version(CONTOSO, 2)
    await store.close()


class Counting(MemoryStore):
    """A store that counts the records that are read."""

    read = 0

    async def audit(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditEntry]]:
        found = await super().audit(tenant, after=after, limit=limit)
        self.read += len(found)
        return found


async def test_many_versions_of_a_long_history_are_rebuilt_from_each_other() -> None:
    store, moment, count = Counting(), START, 10_000
    for number in range(count):
        moment += timedelta(seconds=1)
        await store.change(CONTOSO, writing(Kind.PARTNER, str(number % 100), b"%d" % number, moment))
    past = History(store)
    assert state(await past.at_version(CONTOSO, 0)) == {}
    assert store.read == count
    for _ in range(2):
        await asyncio.gather(*(past.at_version(CONTOSO, version) for version in range(50)))
    assert (await past.at_version(CONTOSO, 49)).get(Kind.PARTNER, "48") == b"48"
    assert store.read <= count + 49 * history.AT_ONCE
    before, far = store.read, moment + timedelta(days=1)
    for _ in range(50):
        assert await past.version_at(CONTOSO, START + timedelta(seconds=50), far) == 50
    assert store.read - before <= 14
