"""How do wire values compare: two spellings of one GUID, instant or flags value must be equal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from xtap.graph.odata.shape import EnumType, PropertyType, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

Instant: TypeAlias = tuple[datetime, str]

_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[-+ ]\d\d:\d\d)?)?", re.ASCII)


def instant(text: str) -> Instant:
    """Read an Edm.DateTimeOffset, or an Edm.Date as its midnight, in UTC unless it says otherwise.

    Returns:
        the whole second, and the digits of the fraction without trailing zeros. Graph shows seven digits, one more
        than ``datetime`` keeps; as text without trailing zeros they order as numbers do.

    Raises:
        ValueError: no such instant.
    """
    match = _INSTANT.fullmatch(text.upper())
    if match is None:
        raise ValueError(text)
    date, time, fraction, offset = match.groups()
    zone = "+00:00" if offset in {None, "Z"} else offset.replace(" ", "+")
    whole = datetime.fromisoformat(f"{date}T{time or '00:00'}{zone}")
    return _in_utc(whole), (fraction or "").rstrip("0")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(moment)) from error


def flags(text: str) -> frozenset[str]:
    """Split a value of a flags enum into its members; blanks around commas do not count."""
    return frozenset(part.strip() for part in text.split(","))


def canonical(kind: PropertyType | None) -> Callable[[str], object] | None:
    """Return what makes the constants of a type comparable, or None when they are so already.

    What is returned raises ``ValueError`` for a text that is no value of the type.
    """
    match kind:
        case Scalar.GUID | Scalar.TEXT:
            return str.lower
        case Scalar.DATETIME:
            return instant
        case EnumType(flags=True):
            return flags
        case _:
            return None


def canonical_if_valid(kind: PropertyType | None) -> Callable[[str], object] | None:
    """Return the same for stored values, total: one that is no value of its type is as good as null."""
    return _instant_or_none if kind is Scalar.DATETIME else canonical(kind)


def _instant_or_none(text: str) -> Instant | None:
    try:
        return instant(text)
    except ValueError:
        return None
