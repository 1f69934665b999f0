from __future__ import annotations

import pytest
from msgspec import structs

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.options import QueryOptions
from xtap.graph.odata.skiptoken import fingerprint, seal, unseal

KEY = b"k" * 32
OPTIONS = QueryOptions(filter="a eq 1", orderby="b", top=10)
BOUND = fingerprint("tenant", "v1.0/partners", OPTIONS)


def test_a_token_gives_back_its_position() -> None:
    position = ("3d0f5dec", None, True, 12, 0.5, "é'\"")
    token = seal(KEY, position, BOUND)
    assert unseal(KEY, token, BOUND) == position
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "other",
    [
        fingerprint("other", "v1.0/partners", OPTIONS),
        fingerprint("tenant", "beta/partners", OPTIONS),
        *(
            fingerprint("tenant", "v1.0/partners", structs.replace(OPTIONS, **{name: "x"}))
            for name in ("filter", "orderby", "search", "apply", "select", "expand")
        ),
    ],
)
def test_a_token_is_refused_elsewhere(other: bytes) -> None:
    token = seal(KEY, ("a",), BOUND)
    with pytest.raises(UnsupportedQuery):
        unseal(KEY, token, other)


def test_page_size_skip_and_count_may_change() -> None:
    options = structs.replace(OPTIONS, top=5, skip=3, count=True, format="json", skiptoken="x")
    assert fingerprint("tenant", "v1.0/partners", options) == BOUND


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(UnsupportedQuery):
        unseal(b"j" * 32, seal(KEY, ("a",), BOUND), BOUND)


@pytest.mark.parametrize("token", ["", "=", "a", "é", "AAAA", "A" * 22, "A" * 10_000, "A B", "a\n", "//++"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UnsupportedQuery) as caught:
        unseal(KEY, token, BOUND)
    assert caught.value.violations[0].path == "$skiptoken"


def test_a_position_that_is_too_long_is_refused_at_once() -> None:
    with pytest.raises(UnsupportedQuery) as caught:
        seal(KEY, ("a" * 10_000,), BOUND)
    assert caught.value.violations[0].path == "$orderby"
