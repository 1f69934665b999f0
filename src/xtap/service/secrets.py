"""The server's own secrets, kept in the store so that every node and every start has the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.ids import DIRECTORY
from xtap.model.objects import Kind
from xtap.store.protocol import Change, Write

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot

PAGING = "paging"


async def paging_key(store: Store, randomness: Callable[[int], bytes]) -> bytes:
    """Return the key that seals continuation tokens (32 bytes), made when it is first needed."""
    stored = (await store.refresh(DIRECTORY)).get(Kind.SECRET, PAGING)
    if stored is None:
        fresh = b'"%b"' % randomness(32).hex().encode()

        def decide(snapshot: Snapshot) -> Change:
            there = snapshot.get(Kind.SECRET, PAGING) is not None
            return Change(()) if there else Change((Write(Kind.SECRET, PAGING, fresh),))

        stored = (await store.change(DIRECTORY, decide)).get(Kind.SECRET, PAGING) or fresh
    return bytes.fromhex(stored.decode().strip('"'))
