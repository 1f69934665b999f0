"""Is nothing at all wrong with a document? Asked first, because it nearly always is so, and msgspec says it in no time.

A document that is not flawless is read again, property by property, by ``xtap.model.reading``, which says why and may
yet find it good: annotations, and other spellings of flags, are none of this module's business.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import ValidationError, convert, defstruct

from xtap.model.schema import properties
from xtap.model.settings import TargetConfiguration
from xtap.model.targets import MAX_TARGETS, target_check

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.model.schema import Document, Property, Shape


def is_flawless(document: Document, shape: Shape) -> bool:
    """Say whether reading a decoded JSON object as a partial document of the type yields the same, without violations.

    False says nothing: it may yet be good.
    """
    try:
        convert(document, _narrow(shape))
    except ValidationError:
        return False
    return True


@cache
def _narrow(shape: Shape) -> Shape:
    """Return a type with the same properties, each of which may be left out, and no others."""
    known = properties(shape).values()
    return defstruct(
        f"Flawless{shape.__name__}",
        [(each.attribute, _type(each), None) for each in known],
        rename={each.attribute: each.name for each in known},
        namespace={"__post_init__": _require_targets(shape)} if issubclass(shape, TargetConfiguration) else None,
        forbid_unknown_fields=True,
        gc=False,
    )


def _type(known: Property) -> Any:
    one: Any = known.type if known.shape is None else _narrow(known.shape)
    if known.many:
        return list[one] | None if known.nullable else list[one]
    return one if known.required else one | None


def _require_targets(shape: Shape) -> Callable[[Any], None]:
    """Return what msgspec calls with each target configuration that it has read; if it raises, that is none."""
    check = target_check(shape)

    def require(configuration: Any) -> None:
        targets = configuration.targets
        if targets is None:  # left out
            return
        if not 0 < len(targets) <= MAX_TARGETS or any(check(each.target, each.target_type) for each in targets):
            raise ValueError(targets)

    return require
