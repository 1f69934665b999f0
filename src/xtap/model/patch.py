"""What does a PATCH leave behind? Complex values merge, collections are replaced whole, null un-configures.

OData 4.01 Protocol, 11.4.3: an absent property keeps its value, a complex property is itself patched, a collection
is replaced. So ``{}`` for a complex property changes nothing, which is what SDKs that read null as ``{}`` rely on.
Null gives a property back the value it has when nobody configured it. See docs/adr/0004.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from xtap.errors import Violation
from xtap.model.schema import properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xtap.model.schema import Document, Json, Property, Shape


def merge(current: Document, change: Document, shape: Shape, pristine: Document) -> Document:
    """Return the document after the change; ``current`` is left as it is.

    Args:
        current: the stored document.
        change: well-formed values from ``xtap.model.reading.read``.
        shape: the type of all three.
        pristine: the document nobody configured; null takes a property back to its value there.
    """
    known = properties(shape)
    merged = _blank(shape) | current
    for name in change:
        value = _merged(known[name], current, change, pristine)
        if value is None and known[name].omitted:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


@cache
def _blank(shape: Shape) -> Document:
    """Return the document with null for everything that is not left out while it is not configured."""
    return {name: None for name, known in properties(shape).items() if not known.omitted}


def missing(document: Document, shape: Shape, names: Iterable[str], path: str = "$") -> Iterator[Violation]:
    """Yield every required property that the named properties, or parts of them, do not have."""
    known = properties(shape)
    for name in names:
        value, inner = document.get(name), known[name].shape
        if value is None:
            if known[name].required:
                yield Violation(f"{path}.{name}", f"'{name}' is missing.", "MissingProperty")
        elif inner is not None and isinstance(value, dict):
            yield from missing(value, inner, properties(inner), f"{path}.{name}")
        elif inner is not None and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from missing(item, inner, properties(inner), f"{path}.{name}[{index}]")


def _merged(known: Property, current: Document, change: Document, pristine: Document) -> Json:
    name, value = known.name, change[known.name]
    if value is None:
        return pristine.get(name, known.unset)
    if known.shape is None or known.many or not isinstance(value, dict):
        return value
    before, base = current.get(name), pristine.get(name)
    merged = merge(
        before if isinstance(before, dict) else {}, value, known.shape, base if isinstance(base, dict) else {}
    )
    if not isinstance(before, dict) and not any(member is not None for member in merged.values()):
        return known.unset  # nothing was set in nothing
    return merged
