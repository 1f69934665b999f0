"""Which values does a setting take? Said in words, for whoever wrote another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Sequence


def plain(type_: inspect.Type) -> inspect.Type:
    """Return a type without what is said about it."""
    return type_.type if isinstance(type_, inspect.Metadata) else type_


def refusal(key: str, type_: inspect.Type, value: object) -> str:
    """Say what a setting takes, and what was found.

    Args:
        key: the setting, such as ``tls-port``.
        type_: what it takes.
        value: what was found, which is none of that.
    """
    kind = plain(type_)
    choices = _choices(kind)
    if choices:
        return f"there is no {key} {_found(value)}. Expected one of {', '.join(map(_found, choices))}."
    return f"{key} is {_words(kind)}, found {_found(value)}."


def _choices(kind: inspect.Type) -> Sequence[str]:
    match kind:
        case inspect.EnumType():
            return [str(each.value) for each in kind.cls]
        case inspect.LiteralType():
            return [str(each) for each in kind.values]
        case _:
            return ()


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number {_range(kind)}"
        case inspect.FloatType():
            return f"a number {_range(kind)}"
        case inspect.VarTupleType():
            return "a list of texts"
        case _:
            return "a text"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    return f"from {kind.ge} to {kind.le:.0f}" if kind.gt is None else f"above {kind.gt}, at most {kind.le:.0f}"


def _found(value: object) -> str:
    """Name a value; not what a list or a table holds, which may be a secret."""
    match value:
        case str():
            return f"'{value}'"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case _:
            return str(value)
