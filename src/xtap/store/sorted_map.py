"""How are a million keyed documents kept in order, immutable, and yet changed in microseconds?

A :class:`SortedMap` is two levels deep: an outer tuple of chunks, and chunks of at most ``LIMIT`` entries in key order.
A change copies one chunk and the outer tuples and shares the rest with the map before it, so old maps stay as
they were.

Chunks are a tuple of keys beside a tuple of values: the cyclic garbage collector stops tracking tuples that hold only
strings and bytes, so a million documents add nothing to its work.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIMIT: Final = 512
"""The most entries of one chunk; a chunk that would grow past it is cut in two."""

FILL: Final = 384
"""Entries of a chunk made in bulk: room for later keys, so that the next insert need not cut."""

SMALL: Final = 64
"""A chunk that shrinks below this many entries is joined to a neighbour that has room."""

Item = TypeVar("Item")
Keys = tuple[str, ...]
Values = tuple[bytes, ...]


class SortedMap:
    """An immutable map from text to bytes, in the order of the keys' code points."""

    # INVARIANT: _lows[i] == _keys[i][0]; len(_keys[i]) == len(_values[i]) > 0; all keys of chunk i < _lows[i + 1].
    __slots__ = ("_count", "_keys", "_lows", "_values")

    def __init__(
        self, lows: Keys = (), keys: tuple[Keys, ...] = (), values: tuple[Values, ...] = (), count: int = 0
    ) -> None:
        self._lows = lows
        self._keys = keys
        self._values = values
        self._count = count

    @classmethod
    def from_sorted(cls, pairs: Iterable[tuple[str, bytes]]) -> SortedMap:
        """Build a map from (key, value) pairs whose keys strictly ascend, in one pass.

        Raises:
            ValueError: a key is not greater than the one before it.
        """
        keys: list[Keys] = []
        values: list[Values] = []
        chunk_keys: list[str] = []
        chunk_values: list[bytes] = []
        last: str | None = None
        for key, value in pairs:
            if last is not None and key <= last:
                raise ValueError(f"Keys must ascend, but {key!r} follows {last!r}.")
            last = key
            chunk_keys.append(key)
            chunk_values.append(value)
            if len(chunk_keys) == FILL:
                keys.append(tuple(chunk_keys))
                values.append(tuple(chunk_values))
                chunk_keys.clear()
                chunk_values.clear()
        if chunk_keys:
            keys.append(tuple(chunk_keys))
            values.append(tuple(chunk_values))
        return cls(tuple(chunk[0] for chunk in keys), tuple(keys), tuple(values), sum(map(len, keys)))

    def __len__(self) -> int:
        return self._count

    def get(self, key: str) -> bytes | None:
        """Return the value under a key, or None."""
        at = bisect_right(self._lows, key) - 1
        if at < 0:
            return None
        keys = self._keys[at]
        place = bisect_left(keys, key)
        return self._values[at][place] if place < len(keys) and keys[place] == key else None

    def scan(self, after: str | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield (key, value) in key order; with ``after``, only keys strictly behind it, which need not exist."""
        if after is None:
            first, place = 0, 0
        else:
            first = max(bisect_right(self._lows, after) - 1, 0)
            place = bisect_right(self._keys[first], after) if self._keys else 0
        for at in range(first, len(self._keys)):
            yield from zip(self._keys[at][place:], self._values[at][place:], strict=True)
            place = 0

    def with_(self, key: str, value: bytes) -> SortedMap:
        """Return the map with the value under the key, replacing one that stands there."""
        if not self._count:
            return SortedMap((key,), ((key,),), ((value,),), 1)
        at = max(bisect_right(self._lows, key) - 1, 0)
        keys, values = self._keys[at], self._values[at]
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            values = (*values[:place], value, *values[place + 1 :])
            return SortedMap(self._lows, self._keys, _put(self._values, at, values), self._count)
        keys = (*keys[:place], key, *keys[place:])
        values = (*values[:place], value, *values[place:])
        return self._with_chunk(at, at + 1, keys, values, self._count + 1)

    def without(self, key: str) -> SortedMap:
        """Return the map without the key; the same map when it is not there."""
        if self.get(key) is None:
            return self
        at = bisect_right(self._lows, key) - 1
        place = bisect_left(self._keys[at], key)
        keys = self._keys[at][:place] + self._keys[at][place + 1 :]
        values = self._values[at][:place] + self._values[at][place + 1 :]
        first, end = at, at + 1
        if len(keys) < SMALL and end < len(self._keys) and len(keys) + len(self._keys[end]) <= FILL:
            keys, values, end = keys + self._keys[end], values + self._values[end], end + 1
        elif len(keys) < SMALL and first > 0 and len(keys) + len(self._keys[first - 1]) <= FILL:
            first -= 1
            keys, values = self._keys[first] + keys, self._values[first] + values
        return self._with_chunk(first, end, keys, values, self._count - 1)

    def _with_chunk(self, first: int, end: int, keys: Keys, values: Values, count: int) -> SortedMap:
        """Put one chunk in the place of chunks ``first`` to ``end``: nothing when it is empty, two when too long."""
        if not keys:
            cuts: tuple[slice, ...] = ()
        elif len(keys) > LIMIT:
            cuts = (slice(0, len(keys) // 2), slice(len(keys) // 2, None))
        else:
            cuts = (slice(None),)
        if len(cuts) == 1 and end == first + 1:
            lows = self._lows if keys[0] == self._lows[first] else _put(self._lows, first, keys[0])
            return SortedMap(lows, _put(self._keys, first, keys), _put(self._values, first, values), count)
        return SortedMap(
            (*self._lows[:first], *(keys[cut][0] for cut in cuts), *self._lows[end:]),
            (*self._keys[:first], *(keys[cut] for cut in cuts), *self._keys[end:]),
            (*self._values[:first], *(values[cut] for cut in cuts), *self._values[end:]),
            count,
        )


def _put(items: tuple[Item, ...], at: int, item: Item) -> tuple[Item, ...]:
    """Return the items with another one at a place."""
    changed = list(items)
    changed[at] = item
    return tuple(changed)


EMPTY: Final = SortedMap()
"""The map without entries."""
