"""Is this JSON a document of that type? All violations at once, and the part of it that is well-formed.

Annotations (``@odata.…``, ``@microsoft.graph.…``) are dropped: SDKs echo them. Names are compared with case, as the
service does since spring 2025. Nothing is coerced: a number is no string, "true" is no boolean.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from msgspec import Struct, field

from xtap.errors import Violation
from xtap.model.enums import UNKNOWN_FUTURE_VALUE, TemplateApplicationLevel
from xtap.model.flawless import is_flawless
from xtap.model.schema import Document, properties
from xtap.model.targets import check_targets

if TYPE_CHECKING:
    from xtap.model.schema import Json, Property, Shape

MAX_VIOLATIONS = 100
"""Violations that are listed for one document; whoever makes more is told so, and reading ends there."""

JSON_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


class Reading(Struct):
    """What a document says, and what is wrong with it.

    ``values`` holds the well-formed top-level properties only: one with a violation inside is left out.
    """

    values: Document = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


def read(document: Document, shape: Shape) -> Reading:
    """Read a decoded JSON object as a (partial) document of the type.

    Null is a value for every property but required ones and collections: it means "not configured".
    """
    return Reading(document) if is_flawless(document, shape) else read_each(document, shape)


def read_each(document: Document, shape: Shape) -> Reading:
    """Read property by property, with a reason for each that is not well-formed."""
    reading = Reading()
    for name, value in document.items():
        if len(reading.violations) >= MAX_VIOLATIONS:
            message = f"The document has more than {MAX_VIOLATIONS} violations; the others are not listed."
            reading.violations[MAX_VIOLATIONS:] = [Violation("$", message, "TooManyViolations")]
            return reading
        found: list[Violation] = []
        kept = _members({name: value}, shape, "$", found)
        if found:
            reading.violations += found
        else:
            reading.values |= kept
    return reading


def _members(document: Document, shape: Shape, path: str, found: list[Violation]) -> Document:
    """Read the members of an object; annotations are no members."""
    table = properties(shape)
    result: Document = {}
    for name, value in document.items():
        known = table.get(name)
        if known is not None:
            result[name] = _value(value, known, path, found)
        elif "@" not in name and len(found) <= MAX_VIOLATIONS:
            found.append(Violation(f"{path}.{name}", _unknown(name, shape), "UnknownProperty"))
    return result


def _value(value: Json, known: Property, path: str, found: list[Violation]) -> Json:
    """Read the value of one member of the object at ``path``."""
    if value is None:
        if known.required or (known.many and not known.nullable):
            message = f"'{known.name}' cannot be null. {_expected(known)}"
            found.append(Violation(f"{path}.{known.name}", message, "InvalidType"))
        return None
    if not known.many:
        return _one(value, known, path, "", found)
    if not isinstance(value, list):
        found.append(_mismatch(value, known, f"{path}.{known.name}"))
        return None
    return [_one(item, known, path, f"[{index}]", found) for index, item in enumerate(value)]


def _one(value: Json, known: Property, path: str, index: str, found: list[Violation]) -> Json:
    """Read a single value: the member itself, or the item of it at ``index``."""
    if known.shape is not None and isinstance(value, dict):
        return _object(value, known.shape, f"{path}.{known.name}{index}", found)
    if known.members is not None and isinstance(value, str):
        member = known.members.get(value)
        return _odd_enum(value, known, f"{path}.{known.name}{index}", found) if member is None else member
    if type(value) is not known.type:
        found.append(_mismatch(value, known, f"{path}.{known.name}{index}"))
    return value


def _object(value: Document, shape: Shape, path: str, found: list[Violation]) -> Document:
    before = len(found)
    result = _members(value, shape, path, found)
    if len(found) == before:
        found += check_targets(result, shape, path)
    return result


def _odd_enum(value: str, known: Property, path: str, found: list[Violation]) -> Json:
    """Read a value that is no member as it stands: another spelling of flags, or none of ours."""
    if known.type is TemplateApplicationLevel:
        with contextlib.suppress(ValueError):
            return TemplateApplicationLevel.from_flags(value)
    why = "is a placeholder and cannot be written" if value == UNKNOWN_FUTURE_VALUE else "is not a member"
    expected = ", ".join(known.members or ())
    found.append(Violation(path, f"The value '{value[:64]}' {why}. Expected one of: {expected}."))
    return value


def _mismatch(value: Json, known: Property, path: str) -> Violation:
    got = JSON_NAMES.get(type(value), "a number")
    return Violation(path, f"'{known.name}' was {got}. {_expected(known)}", "InvalidType")


def _expected(known: Property) -> str:
    item = "an object" if known.shape else "a boolean" if known.type is bool else "a string"
    return f"Expected {'an array with items: ' if known.many else ''}{item}."


def _unknown(name: str, shape: Shape) -> str:
    """Name the property, and its twin when only case or underscores differ (wire.md section 9)."""
    from difflib import get_close_matches  # noqa: PLC0415 - few need it, and a server starts sooner without

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
