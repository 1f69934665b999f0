"""Laws of the sorted map: whatever is done to it, it equals a plain dict with sorted keys, and old maps stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from xtap.store.sorted_map import EMPTY, FILL, LIMIT, SortedMap

KEYS = st.one_of(st.text(max_size=3), st.integers(0, 3000).map(lambda number: f"{number:04d}"))
VALUES = st.binary(max_size=3)
TABLES = st.dictionaries(KEYS, VALUES)
SIZES = st.integers(0, 4 * LIMIT)
STEPS = st.integers(1, 7)

if TYPE_CHECKING:
    from random import Random

Pair = tuple[str, bytes]


def built(table: dict[str, bytes]) -> SortedMap:
    return SortedMap.from_sorted(sorted(table.items()))


def numbered(size: int, step: int = 1) -> dict[str, bytes]:
    return {f"{number * step:06d}": b"%d" % number for number in range(size)}


def check(tree: SortedMap, table: dict[str, bytes]) -> None:
    assert list(tree.scan()) == sorted(table.items())
    assert len(tree) == len(table)
    assert tree._lows == tuple(chunk[0] for chunk in tree._keys)
    assert [len(chunk) for chunk in tree._keys] == [len(chunk) for chunk in tree._values]
    assert all(0 < len(chunk) <= LIMIT for chunk in tree._keys)


@given(TABLES, KEYS)
def test_get_is_the_dicts_get(table: dict[str, bytes], key: str) -> None:
    tree = built(table)
    assert tree.get(key) == table.get(key)
    assert all(tree.get(known) == value for known, value in table.items())


@given(TABLES, KEYS, VALUES)
def test_with_sets_one_key_and_leaves_the_old_map_alone(table: dict[str, bytes], key: str, value: bytes) -> None:
    before = built(table)
    check(before.with_(key, value), {**table, key: value})
    check(before, table)


@given(TABLES, KEYS)
def test_without_removes_one_key_and_leaves_the_old_map_alone(table: dict[str, bytes], key: str) -> None:
    before = built(table)
    check(before.without(key), {known: value for known, value in table.items() if known != key})
    check(before, table)


@given(SIZES, STEPS, KEYS)
def test_scan_after_is_strictly_after(size: int, step: int, after: str) -> None:
    table = numbered(size, step)
    assert list(built(table).scan(after)) == [pair for pair in sorted(table.items()) if pair[0] > after]


@given(SIZES, st.integers(0, 4 * LIMIT))
def test_scan_after_each_place_of_a_large_map(size: int, number: int) -> None:
    table, after = numbered(size, 2), f"{number:06d}"
    assert list(built(table).scan(after)) == [pair for pair in sorted(table.items()) if pair[0] > after]


@given(SIZES, st.integers(1, LIMIT), st.randoms(use_true_random=False))
def test_grows_and_shrinks_through_every_chunk_size(size: int, more: int, random: Random) -> None:
    table = numbered(size, 3)
    tree = built(table)
    for number in random.sample(range(3 * size + more), more):
        key = f"{number:06d}"
        tree, table[key] = tree.with_(key, b"new"), b"new"
    check(tree, table)
    for key in random.sample(sorted(table), len(table)):
        tree = tree.without(key)
        del table[key]
        if len(table) % 97 == 0:
            check(tree, table)
    check(tree, {})


def test_a_map_that_shrank_is_not_left_in_crumbs() -> None:
    table = numbered(100 * FILL)
    tree = built(table)
    kept = dict(sorted(table.items())[::50])
    for key in table.keys() - kept.keys():
        tree = tree.without(key)
    check(tree, kept)
    assert len(tree._keys) <= len(kept) // 50


def test_ascending_and_descending_inserts_stay_in_order() -> None:
    table = numbered(3 * LIMIT)
    ascending, descending = EMPTY, EMPTY
    for key, value in table.items():
        ascending = ascending.with_(key, value)
    for key, value in reversed(table.items()):
        descending = descending.with_(key, value)
    check(ascending, table)
    check(descending, table)


@pytest.mark.parametrize("pairs", [[("b", b""), ("a", b"")], [("a", b""), ("a", b"")]])
def test_bulk_load_refuses_keys_that_do_not_ascend(pairs: list[Pair]) -> None:
    with pytest.raises(ValueError, match="must ascend"):
        SortedMap.from_sorted(pairs)


def test_a_missing_key_costs_no_copy() -> None:
    tree = built(numbered(3))
    assert tree.without("nothing") is tree
    assert EMPTY.without("nothing") is EMPTY


class Versions(RuleBasedStateMachine):
    """Every map ever made keeps its content, whatever was derived from it since."""

    maps: Bundle[tuple[SortedMap, dict[str, bytes]]] = Bundle("maps")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[SortedMap, dict[str, bytes]]] = []

    @rule(target=maps, size=st.integers(0, 2 * LIMIT))
    def load(self, size: int) -> tuple[SortedMap, dict[str, bytes]]:
        return self._see(built(numbered(size)), numbered(size))

    @rule(target=maps, made=consumes(maps), keys=st.lists(KEYS), value=VALUES)
    def put(
        self, made: tuple[SortedMap, dict[str, bytes]], keys: list[str], value: bytes
    ) -> tuple[SortedMap, dict[str, bytes]]:
        tree, table = made
        for key in keys:
            tree, table = tree.with_(key, value), {**table, key: value}
        return self._see(tree, table)

    @rule(target=maps, made=maps, first=st.integers(0, 2 * LIMIT), many=st.integers(0, LIMIT))
    def drop(
        self, made: tuple[SortedMap, dict[str, bytes]], first: int, many: int
    ) -> tuple[SortedMap, dict[str, bytes]]:
        tree, table = made
        for key in sorted(table)[first : first + many]:
            tree, table = tree.without(key), {known: value for known, value in table.items() if known != key}
        return self._see(tree, table)

    def _see(self, tree: SortedMap, table: dict[str, bytes]) -> tuple[SortedMap, dict[str, bytes]]:
        self.seen.append((tree, table))
        return tree, table

    @invariant()
    def every_map_is_as_it_was(self) -> None:
        for tree, table in self.seen:
            check(tree, table)


Versions.TestCase.settings = settings(max_examples=50, stateful_step_count=15)
TestVersions = Versions.TestCase
