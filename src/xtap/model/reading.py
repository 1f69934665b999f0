"""Is this JSON a document of that type? All violations at once, and the part of it that is well-formed.

Annotations (``@odata.…``, ``@microsoft.graph.…``) are dropped: SDKs echo them. Names are compared with case, as the
service does since spring 2025. Nothing is coerced: a number is no string, "true" is no boolean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from xtap.errors import Violation
from xtap.model.enums import UNKNOWN_FUTURE_VALUE, TemplateApplicationLevel
from xtap.model.schema import properties
from xtap.model.targets import check_targets

if TYPE_CHECKING:
    from xtap.model.schema import Document, Json, Property, Shape

JSON_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


@dataclass(slots=True)
class Reading:
    """What a document says, and what is wrong with it.

    ``values`` holds the well-formed top-level properties only: one with a violation inside is left out.
    """

    values: Document = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


def read(document: Document, shape: Shape) -> Reading:
    """Read a decoded JSON object as a (partial) document of the type.

    Null is a value for every property but required ones and collections: it means "not configured".
    """
    reading = Reading()
    for name, value in document.items():
        found: list[Violation] = []
        kept = _member(name, value, shape, "$", found)
        if found:
            reading.violations += found
        elif kept is not None:
            reading.values |= kept
    return reading


def _member(name: str, value: Json, shape: Shape, path: str, found: list[Violation]) -> Document | None:
    """Read one member of an object; None for an annotation, which is no property."""
    if "@" in name:
        return None
    known = properties(shape).get(name)
    if known is None:
        found.append(Violation(f"{path}.{name}", _unknown(name, shape), "UnknownProperty"))
        return None
    return {name: _value(value, known, f"{path}.{name}", found)}


def _value(value: Json, known: Property, path: str, found: list[Violation]) -> Json:
    if value is None:
        if known.required or (known.many and not known.nullable):
            found.append(Violation(path, f"'{known.name}' cannot be null. {_expected(known)}", "InvalidType"))
        return None
    if not known.many:
        return _one(value, known, path, found)
    if not isinstance(value, list):
        found.append(_mismatch(value, known, path))
        return None
    return [_one(item, known, f"{path}[{index}]", found) for index, item in enumerate(value)]


def _one(value: Json, known: Property, path: str, found: list[Violation]) -> Json:
    shape = known.shape
    if shape is not None and isinstance(value, dict):
        return _object(value, shape, path, found)
    if issubclass(known.type, StrEnum) and isinstance(value, str):
        return _enum(value, known.type, path, found)
    if shape is not None or type(value) is not (str if issubclass(known.type, StrEnum) else known.type):
        found.append(_mismatch(value, known, path))
    return value


def _object(value: Document, shape: Shape, path: str, found: list[Violation]) -> Document:
    result: Document = {}
    before = len(found)
    for name, member in value.items():
        result |= _member(name, member, shape, path, found) or {}
    if len(found) == before:
        found += check_targets(result, shape, path)
    return result


def _enum(value: str, kind: type[StrEnum], path: str, found: list[Violation]) -> Json:
    try:
        return TemplateApplicationLevel.from_flags(value) if kind is TemplateApplicationLevel else kind(value)
    except ValueError:
        why = "is a placeholder and cannot be written" if value == UNKNOWN_FUTURE_VALUE else "is not a member"
        found.append(Violation(path, f"The value '{value[:64]}' {why}. Expected one of: {', '.join(kind)}."))
        return value


def _mismatch(value: Json, known: Property, path: str) -> Violation:
    got = JSON_NAMES.get(type(value), "a number")
    return Violation(path, f"'{known.name}' was {got}. {_expected(known)}", "InvalidType")


def _expected(known: Property) -> str:
    item = "an object" if known.shape else "a boolean" if known.type is bool else "a string"
    return f"Expected {'an array with items: ' if known.many else ''}{item}."


def _unknown(name: str, shape: Shape) -> str:
    """Name the property, and its twin when only case or underscores differ (wire.md section 9)."""
    names = properties(shape)
    folded = {known.lower(): known for known in names}
    twin = folded.get(name.replace("_", "").lower())
    near = next(iter(get_close_matches(name[:64], names, n=1, cutoff=0.85)), None)
    hint = (
        f" Property names are case-sensitive: did you mean '{twin}'?"
        if twin
        else f" Did you mean '{near}'?"
        if near
        else ""
    )
    return f"Invalid property '{name[:128]}'.{hint}"
