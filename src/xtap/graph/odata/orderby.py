"""In which order do objects come: ``$orderby`` as a total order whose positions can be written into a skiptoken.

A *position* is the JSON form of an object's sort values, ``rank`` makes it comparable. Null sorts before every value
(Part 1 Protocol, section 11.2.6.2), enum members sort in the order of the CSDL. The key property is always the last
criterion, so that no two objects are equal and paging neither repeats nor skips one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from xtap.graph.odata.shape import EnumType, PropertyType, Scalar, Shape, name_of, no_property
from xtap.graph.odata.tokens import Token, Tokens, fault
from xtap.graph.odata.values import canonical_if_valid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_CRITERIA: Final = 10
"""Most criteria of one ``$orderby``."""

Value: TypeAlias = str | int | float | bool | None
Position: TypeAlias = tuple[Value, ...]


@total_ordering
@dataclass(frozen=True, slots=True)
class _Reversed:  # no Struct: those seem to be ordered already
    """A rank that sorts the other way round."""

    rank: tuple[bool, Any]

    def __lt__(self, other: _Reversed) -> bool:
        return other.rank < self.rank


class Criterion(Struct, frozen=True):
    """One property to sort by."""

    path: tuple[str, ...]
    type: Scalar | EnumType
    descending: bool = False

    def value(self, item: Mapping[str, Any]) -> Value:
        """Return the property of an object; what lies behind null is null."""
        found: Any = item
        for name in self.path:
            if found is None:
                return None
            found = found.get(name)
        value: Value = found
        return value

    def rank(self, value: Value) -> tuple[bool, Any] | _Reversed:
        """Make a value comparable with the others of this property."""
        comparable = None if value is None else self._comparable(value)
        rank = (comparable is not None, comparable)
        return _Reversed(rank) if self.descending else rank

    def _comparable(self, value: Value) -> object:
        if isinstance(self.type, EnumType):
            known = self.type.members
            return tuple(known.index(part) if part in known else len(known) for part in str(value).split(","))
        convert = canonical_if_valid(self.type)
        return value if convert is None else convert(str(value))


class Ordering(Struct, frozen=True):
    """A total order over the objects of one collection."""

    criteria: tuple[Criterion, ...]

    def position(self, item: Mapping[str, Any]) -> Position:
        """Return the sort values of an object, fit for JSON."""
        return tuple(criterion.value(item) for criterion in self.criteria)

    def rank(self, position: Sequence[Value]) -> tuple[Any, ...]:
        """Make a position comparable: ``sorted(items, key=ordering.key)`` is the order of the answer."""
        return tuple(criterion.rank(value) for criterion, value in zip(self.criteria, position, strict=True))

    def key(self, item: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the rank of an object."""
        return self.rank(self.position(item))


def compile_orderby(text: str | None, shape: Shape, key: str, *, ignore_case: bool = False) -> Ordering:
    """Read ``$orderby``.

    Args:
        text: the decoded clause, or None to sort by the key alone.
        shape: the type of the objects.
        key: the property that identifies an object within the collection, such as ``tenantId``.
        ignore_case: property names match without regard to case.

    Raises:
        UnsupportedQuery: a name is unknown, or a property has no order; with the column.
    """
    criteria: list[Criterion] = []
    if text is not None:
        tokens = Tokens(text, "orderby")
        criteria.append(_criterion(tokens, shape, ignore_case=ignore_case))
        while tokens.accept(","):
            if len(criteria) == MAX_CRITERIA:
                raise fault("orderby", f"More than {MAX_CRITERIA} properties to sort by.", tokens.peek.at)
            criteria.append(_criterion(tokens, shape, ignore_case=ignore_case))
        if tokens.peek.kind != "end":
            raise tokens.unexpected("',', 'asc', 'desc' or the end")
    if all(criterion.path != (key,) for criterion in criteria):
        kind = shape.properties[key]
        if not isinstance(kind, Scalar):
            raise TypeError(f"the key {key!r} of {shape.type_name} is not a scalar")
        criteria.append(Criterion((key,), kind))
    return Ordering(tuple(criteria))


def _criterion(tokens: Tokens, shape: Shape, *, ignore_case: bool) -> Criterion:
    at = tokens.peek.at
    kind: PropertyType = shape
    path: list[str] = []
    while True:
        token = _name(tokens)
        found = kind.find(token.text, ignore_case=ignore_case) if isinstance(kind, Shape) else None
        if found is None:
            raise fault("orderby", no_property(token.text, kind), token.at)
        name, kind = found
        path.append(name)
        if not tokens.accept("/"):
            break
    if not isinstance(kind, Scalar | EnumType):
        raise fault("orderby", f"A property with a single value is expected, found type '{name_of(kind)}'.", at)
    return Criterion(tuple(path), kind, descending=_descending(tokens))


def _name(tokens: Tokens) -> Token:
    if tokens.peek.kind != "name":
        raise tokens.unexpected("a property name")
    return tokens.take()


def _descending(tokens: Tokens) -> bool:
    word = tokens.peek.text.lower() if tokens.peek.kind == "name" else ""
    if word in {"asc", "desc"}:
        tokens.take()
    return word == "desc"
