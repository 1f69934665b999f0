"""What does each node of a ``$filter`` compute: closures that read a scope and return a value, where None is null.

A *scope* is a tuple of the object and, inside lambdas, the current element of each collection. Logic is three-valued
(section 5.1.1.1):

* ``eq`` and ``ne`` take null as a value; ``gt`` and ``lt`` with null are false; so are ``ge`` and ``le``, but for two
  nulls they are true;
* functions and ``not`` of null are null; ``and`` and ``or`` follow Kleene; ``any`` and ``all`` are never null;
* a path through null is null, and a collection behind null is empty.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

from xtap.graph.odata.values import canonical_if_valid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xtap.graph.odata.shape import PropertyType
    from xtap.graph.odata.tree import Comparison

Scope: TypeAlias = tuple[Any, ...]
Reader: TypeAlias = "Callable[[Scope], Any]"

ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
"""The operators that need an order."""


def walk(slot: int, keys: list[str]) -> Reader:
    """Read the property at the end of a path; what lies behind null is null."""
    if slot == 0 and len(keys) == 1:
        only = keys[0]
        return lambda scope: scope[0].get(only)

    def read(scope: Scope) -> Any:
        value = scope[slot]
        for key in keys:
            if value is None:
                return None
            value = value.get(key)
        return value

    return read


def converted(read: Reader, kind: PropertyType) -> Reader:
    """Make the values of a type comparable."""
    convert = canonical_if_valid(kind)
    if convert is None:
        return read
    return lambda scope: None if (value := read(scope)) is None else convert(value)


def length(read: Reader) -> Reader:
    """Count the elements of a collection."""
    return lambda scope: len(read(scope) or ())


def applied(function: Callable[..., object], arguments: list[Reader]) -> Reader:
    """Apply a function to its arguments; null in, null out."""

    def read(scope: Scope) -> object:
        values = [argument(scope) for argument in arguments]
        return None if None in values else function(*values)

    return read


def negation(read: Reader) -> Reader:
    """Negate a condition."""
    return lambda scope: None if (value := read(scope)) is None else not value


def logic(operands: tuple[Reader, ...], *, decisive: bool) -> Reader:
    """Join conditions: one that is ``decisive`` (true for or, false for and) decides; else null wins."""

    def read(scope: Scope) -> bool | None:
        result: bool | None = not decisive
        for operand in operands:
            value: bool | None = operand(scope)
            if value is decisive:
                return decisive
            if value is None:
                result = None
        return result

    return read


def quantified(items: Reader, body: Reader, *, stop_at: bool) -> Reader:
    """Ask each element, until one answer is ``stop_at``, which then is the answer; null counts as false."""

    def read(scope: Scope) -> bool:
        for item in items(scope) or ():
            if (body((*scope, item)) is True) is stop_at:
                return stop_at
        return not stop_at

    return read


def comparison(name: Comparison, left: Reader, right: Reader) -> Reader:
    """Compare two operands of one type, or null."""
    match name:
        case "eq":
            return lambda scope: left(scope) == right(scope)
        case "ne":
            return lambda scope: left(scope) != right(scope)
        case "has":
            return applied(operator.ge, [left, right])
        case "gt" | "ge" | "lt" | "le":
            return _ordered(ORDER[name], left, right, of_nulls=name in {"ge", "le"})
        case _:
            assert_never(name)


def _ordered(compare: Callable[[Any, Any], bool], left: Reader, right: Reader, *, of_nulls: bool) -> Reader:
    def read(scope: Scope) -> bool:
        first, second = left(scope), right(scope)
        if first is None or second is None:
            return of_nulls and first is second
        return compare(first, second)

    return read
