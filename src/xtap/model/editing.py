"""What is the document after a write, and everything that is wrong with the write.

One path for create, update and replace: they differ only in the document they start from.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, ValidationError, convert, json

from xtap.errors import Violation
from xtap.model import rules
from xtap.model.patch import merge, missing
from xtap.model.reading import read

if TYPE_CHECKING:
    from xtap.model.rules import Strength
    from xtap.model.schema import Document, Json, Shape

T = TypeVar("T", bound=Struct)


def edit(before: T, body: Document, seen_as: Shape, pristine: T, strength: Strength) -> tuple[T, list[Violation]]:
    """Apply a write to a document.

    Args:
        before: the document now.
        body: the decoded JSON of the request.
        seen_as: the type that the API version shows; other names are unknown to the caller.
        pristine: the document that nobody configured.
        strength: how much is refused.

    Returns:
        The document after the write, without the properties that have a violation; and every violation.
    """
    shape = type(before)
    reading = read(body, seen_as)
    current = _document(before)
    untouched = current if pristine is before else _document(pristine)
    values = {name: value for name, value in reading.values.items() if not _same_moment(name, value, current)}
    broken = _read_only(current, values, shape, untouched)
    merged = merge(current, _without(values, broken), shape, untouched)
    try:
        after = convert(merged, shape)
    except ValidationError:  # the only thing that can still be wrong: a part without a required property
        broken += missing(merged, shape, values)
        after = convert(merge(current, _without(values, broken), shape, untouched), shape)
    return after, [*reading.violations, *broken, *rules.check(after, values, strength)]


def _document(struct: Struct) -> Document:
    built: Document = json.decode(json.encode(struct))  # to_builtins would keep tuples, which equal no JSON array
    return built


def _read_only(current: Document, values: Document, shape: Shape, pristine: Document) -> list[Violation]:
    """An echo of a read-only property is tolerated, a change of it is not (docs/adr/0004)."""
    names: frozenset[str] = getattr(shape, "READ_ONLY", frozenset())
    return [
        Violation(f"$.{name}", f"Property '{name}' is read-only. Leave it out.", "ReadOnlyProperty")
        for name, value in values.items()
        if name in names and merge(current, {name: value}, shape, pristine)[name] != current[name]
    ]


def _same_moment(name: str, value: Json, current: Document) -> bool:
    """Say whether a time is echoed in another spelling: the Python SDK writes ``+00:00`` for ``Z``."""
    now = current.get(name)
    if not name.endswith("DateTime") or not isinstance(value, str) or not isinstance(now, str):
        return False
    try:
        return datetime.fromisoformat(value) == datetime.fromisoformat(now)
    except ValueError:
        return False


def _without(values: Document, broken: list[Violation]) -> Document:
    if not broken:
        return values
    dropped = {violation.path.split(".")[1].split("[")[0] for violation in broken}
    return {name: value for name, value in values.items() if name not in dropped}
