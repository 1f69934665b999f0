"""The fast way to read a body and the careful one agree on everything, and nothing hides from the fast one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xtap.errors import MalformedRequest
from xtap.http.bodies import MAX_DEPTH, _careful, json_object

HEADERS = {b"content-type": b"application/json"}
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
PIECES = st.sampled_from(
    (
        '"a"',
        '"a\\u0062"',
        '"\\ud800"',
        '"é"',
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "1",
        "-0",
        "1e400",
        "null",
        "true",
        " ",
        "\n",
    )
)
SOUP = st.lists(PIECES, max_size=12).map(lambda pieces: ("{" + "".join(pieces) + "}").encode())


def _read(body: bytes) -> Any:
    try:
        return json_object(body, HEADERS)
    except MalformedRequest:
        return MalformedRequest


def _carefully(body: bytes) -> Any:
    try:
        value = _careful(body)
    except (ValueError, RecursionError, MalformedRequest):
        return MalformedRequest
    return value if isinstance(value, dict) else MalformedRequest


@settings(max_examples=300)
@given(st.dictionaries(st.text(max_size=5), TREES, max_size=4), st.booleans(), st.sampled_from((None, 1)))
def test_any_object_is_read_as_it_was_written(tree: dict[str, Any], ascii_only: bool, indent: int | None) -> None:  # noqa: FBT001
    body = json.dumps(tree, ensure_ascii=ascii_only, indent=indent).encode()
    assert _read(body) == tree


@settings(max_examples=600)
@given(SOUP | st.binary(max_size=30).map(lambda inner: b"{" + inner + b"}"))
@example(b'{"a":1,"a":1}')
@example(b'{"a":1,"\\u0061":1}')
@example(b'{"a":[{"b":1,"b":2}]}')
@example(b'{"":1,"":1}')
@example(b'{"a":"\\"","a":1}')
@example(b"{}")
def test_both_ways_agree(body: bytes) -> None:
    fast, careful = _read(body), _carefully(body)
    if fast is not MalformedRequest:
        assert fast == careful
        assert repr(fast) == repr(careful)  # 1, 1.0 and True are equal, and not the same
    elif careful is not MalformedRequest:
        assert any(number in body for number in (b"e400", b"E"))  # numbers that no property has


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_is_bounded(depth: int, brackets: str) -> None:
    opening = '{"a":' if brackets == "{}" else "["
    body = '{"a":' + opening * (depth - 1) + "1" + brackets[1] * (depth - 1) + "}"
    assert (_read(body.encode()) is MalformedRequest) == (depth > MAX_DEPTH)


def test_many_brackets_that_are_not_deep_are_read():
    body = json.dumps({"a": [[] for _ in range(10 * MAX_DEPTH)], "b": "{" * 100}).encode()
    assert _read(body) == json.loads(body)
