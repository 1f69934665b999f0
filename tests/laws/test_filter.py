"""Laws of the query options: of logic, of order, of tokens, and of totality on arbitrary text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.filter import compile_filter
from xtap.graph.odata.options import OPTIONS, QueryOptions, parse_options
from xtap.graph.odata.orderby import compile_orderby
from xtap.graph.odata.parse import parse
from xtap.graph.odata.select import parse_projection
from xtap.graph.odata.shape import Collection, EnumType, Navigation, Scalar, Shape
from xtap.graph.odata.skiptoken import fingerprint, seal, unseal
from xtap.graph.odata.tree import Call, Compare, EnumLiteral, In, Lambda, Literal, Logic, Node, Not, Path

if TYPE_CHECKING:
    from typing import Any

COLOR = EnumType("ns.color", ("red", "green"))
PART = Shape("ns.part", {"name": Scalar.STRING, "good": Scalar.BOOLEAN})
THING = Shape(
    "ns.thing",
    {
        "id": Scalar.GUID,
        "name": Scalar.STRING,
        "good": Scalar.BOOLEAN,
        "size": Scalar.INT,
        "made": Scalar.DATETIME,
        "color": COLOR,
        "part": PART,
        "parts": Collection(PART),
        "owner": Navigation(PART),
    },
)

names = st.text(alphabet="aAbß'€ ", max_size=3)
instants = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.1234567Z"])
parts = st.fixed_dictionaries({"name": st.none() | names, "good": st.sampled_from([None, True, False])})
things: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "name": st.none() | names,
        "good": st.sampled_from([None, True, False]),
        "size": st.none() | st.integers(-2, 2),
        "made": st.none() | instants,
        "color": st.none() | st.sampled_from(COLOR.members),
        "part": st.none() | parts,
        "parts": st.none() | st.lists(parts, max_size=3),
    }
)


def path(*segments: str) -> Path:
    return Path(segments)


strings = st.builds(Literal, st.just(Scalar.STRING), names) | st.sampled_from(
    [path("name"), path("part", "name"), Call("tolower", (path("name"),)), Literal(None, None)]
)
integers = st.builds(Literal, st.just(Scalar.INT), st.integers(-2, 2)) | st.sampled_from(
    [path("size"), path("parts", "$count"), Call("length", (path("name"),)), Literal(Scalar.DOUBLE, 0.5)]
)
dates = st.builds(Literal, st.just(Scalar.DATETIME), instants) | st.just(path("made"))
colors = st.builds(EnumLiteral, st.just("ns.color"), st.sampled_from(COLOR.members)) | st.just(Literal(None, None))
operators = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])


def leaves(variable: str | None) -> st.SearchStrategy[Node]:
    """Conditions without connectives, over the object or, in a lambda, over its range variable."""
    words = strings if variable is None else strings | st.just(path(variable, "name"))
    flag = path("good") if variable is None else path(variable, "good")
    return st.one_of(
        st.sampled_from([flag, path("part", "good"), Literal(Scalar.BOOLEAN, value=True), Literal(None, None)]),
        st.builds(Compare, operators, words, words),
        st.builds(Compare, operators, integers, integers),
        st.builds(Compare, operators, dates, dates),
        st.builds(Compare, st.sampled_from(["eq", "ne"]), st.just(path("color")), colors),
        st.builds(Call, st.sampled_from(["startswith", "contains"]), st.tuples(words, words)),
        st.builds(In, words, st.lists(st.builds(Literal, st.just(Scalar.STRING), names), max_size=3).map(tuple)),
    )


def connected(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(Logic, st.sampled_from(["and", "or"]), several)


def conditions(variable: str | None) -> st.SearchStrategy[Node]:
    return st.recursive(leaves(variable), connected, max_leaves=6)


lambdas = st.just(Lambda(path("parts"), "any")) | st.builds(
    Lambda, st.just(path("parts")), st.sampled_from(["any", "all"]), st.just("p"), conditions("p")
)
filters = st.recursive(leaves(None) | lambdas, connected, max_leaves=8)


def holds(node: Node, thing: dict[str, Any]) -> bool:
    return compile_filter(str(node), THING)(thing)


@given(filters)
def test_what_is_written_is_read_as_it_was(node: Node) -> None:
    assert parse(str(node)) == node


@given(filters, filters, things)
def test_de_morgan(first: Node, second: Node, thing: dict[str, Any]) -> None:
    for connective, dual in (("and", "or"), ("or", "and")):
        negated = parse(f"not (({first}) {connective} ({second}))")
        assert holds(negated, thing) == holds(parse(f"(not ({first})) {dual} (not ({second}))"), thing)


@given(filters, filters, things)
def test_connectives_commute(first: Node, second: Node, thing: dict[str, Any]) -> None:
    for connective in ("and", "or"):
        one = parse(f"({first}) {connective} ({second})")
        other = parse(f"({second}) {connective} ({first})")
        assert holds(one, thing) == holds(other, thing)
        assert holds(Not(one), thing) == holds(Not(other), thing)


@given(filters, things)
def test_double_negation(node: Node, thing: dict[str, Any]) -> None:
    assert holds(Not(Not(node)), thing) == holds(node, thing)


@given(filters, things)
def test_a_condition_is_true_or_false_or_null(node: Node, thing: dict[str, Any]) -> None:
    null = compile_filter(f"({node}) eq null", THING)(thing)
    assert [holds(node, thing), holds(Not(node), thing), null].count(True) == 1


@given(conditions("p"), things)
def test_all_is_no_exception(node: Node, thing: dict[str, Any]) -> None:
    every = Lambda(path("parts"), "all", "p", Compare("eq", node, Literal(Scalar.BOOLEAN, value=True)))
    some = Lambda(path("parts"), "any", "p", Compare("ne", node, Literal(Scalar.BOOLEAN, value=True)))
    assert holds(every, thing) == (not holds(some, thing))


KEYS = ("id", "name", "good", "size", "color", "part/good")


def rank(thing: dict[str, Any], key: str) -> tuple[bool, Any]:
    value: Any = thing
    for name in key.split("/"):
        value = None if value is None else value[name]
    if key == "color" and value is not None:
        value = COLOR.members.index(value)
    return value is not None, value


@given(
    st.lists(things, max_size=8, unique_by=lambda thing: thing["id"]),
    st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), min_size=1, max_size=4),
)
def test_orderby_is_the_sort_of_python(items: list[dict[str, Any]], criteria: list[tuple[str, bool]]) -> None:
    text = ",".join(f"{key} {'desc' if descending else 'asc'}" for key, descending in criteria)
    expected = sorted(items, key=lambda thing: str(thing["id"]))
    for key, descending in reversed(criteria):
        # Python's sort is stable in both directions, so that later criteria stand.
        expected.sort(key=lambda thing, key=key: rank(thing, key), reverse=descending)  # type: ignore[misc]
    assert sorted(items, key=compile_orderby(text, THING, "id").key) == expected


values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
positions = st.lists(values | st.text(max_size=20), max_size=4).map(tuple)
SECRET = b"0123456789abcdef0123456789abcdef"
BOUND = fingerprint("tenant", "partners", QueryOptions(filter="x"))


@given(positions)
def test_a_token_gives_back_its_position(position: tuple[Any, ...]) -> None:
    assert unseal(SECRET, seal(SECRET, position, BOUND), BOUND) == position


@given(positions, st.data())
def test_any_changed_character_is_refused(position: tuple[Any, ...], data: st.DataObject) -> None:
    token = seal(SECRET, position, BOUND)
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(codec="latin-1"))
    assume(character != token[at])
    for forged in (token[:at] + character + token[at + 1 :], token[:at] + token[at + 1 :], token + character):
        with pytest.raises(UnsupportedQuery):
            unseal(SECRET, forged, BOUND)


@given(st.binary(max_size=60))
def test_no_bytes_are_a_token_by_chance(raw: bytes) -> None:
    with pytest.raises(UnsupportedQuery):
        unseal(SECRET, base64.urlsafe_b64encode(raw).decode().rstrip("="), BOUND)


WORDS = """
name size made id parts part owner good $it $count any all p : / ( ) , ' eq ne gt in has and or not null true
'a' 1 -1.5 2026-01-01 startswith length tolower ns.color'red' * desc asc $select= $expand= ; @ %
"""
words = st.sampled_from(WORDS.split())
texts = st.text(max_size=40) | st.lists(words, max_size=20).map(" ".join) | st.lists(words, max_size=20).map("".join)


@given(texts, things, st.booleans())
def test_no_text_breaks_anything(text: str, thing: dict[str, Any], ignore_case: bool) -> None:  # noqa: FBT001
    try:
        compile_filter(text, THING, ignore_case=ignore_case)(thing)
    except UnsupportedQuery as error:
        assert error.message.startswith("Invalid filter clause: ")  # noqa: PT017
    try:
        compile_orderby(text, THING, "id", ignore_case=ignore_case).key(thing)
    except UnsupportedQuery as error:
        assert error.message.startswith("Invalid orderby clause: ")  # noqa: PT017
    for select, expand in ((text, None), (None, text)):
        try:
            projection = parse_projection(select, expand, THING, ignore_case=ignore_case)
        except UnsupportedQuery:
            continue
        assert projection.project(thing).keys() <= thing.keys()
        assert projection.context().startswith("(")


@given(st.binary(max_size=40) | texts.map(str.encode), st.booleans())
def test_no_query_string_breaks_anything(query: bytes, beta: bool) -> None:  # noqa: FBT001
    for allowed in (OPTIONS, frozenset[str]()):
        try:
            parse_options(query, allowed=allowed, beta=beta)
        except UnsupportedQuery as error:
            assert error.message  # noqa: PT017
