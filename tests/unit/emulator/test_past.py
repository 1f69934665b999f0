"""A request that sees the past sees nothing else, whichever way it asks."""

from __future__ import annotations

from xtap.emulator.past import PastStore, seen_as
from xtap.store.memory import MemoryStore
from xtap.testing.store_contract import CONTOSO, FABRIKAM, counting


async def test_what_is_at_hand_is_of_then() -> None:
    store = PastStore(MemoryStore())
    then = {CONTOSO: await store.change(CONTOSO, counting("n"))}
    now = await store.change(CONTOSO, counting("n"))
    other = await store.change(FABRIKAM, counting("n"))
    with seen_as(then):
        assert store.at_hand(CONTOSO) is await store.snapshot(CONTOSO) is then[CONTOSO]
        assert store.at_hand(FABRIKAM) is other
    assert store.at_hand(CONTOSO) is now
