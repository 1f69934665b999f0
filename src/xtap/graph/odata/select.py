"""Which properties does an answer show: ``$select`` and ``$expand`` become one ``Projection``.

Served are property paths, ``*``, and navigation properties with nested ``$select`` and ``$expand`` (sections 5.1.3
and 5.1.4). Fetching the expanded entities is the caller's; it finds their names in ``Projection.expand``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct, field

from xtap.errors import UnsupportedQuery, Violation
from xtap.graph.odata.shape import Collection, Navigation, PropertyType, Shape, no_property

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xtap.errors import InvalidInput

MAX_LENGTH: Final = 8_000
"""Longest ``$select`` or ``$expand``, in characters."""
MAX_DEPTH: Final = 5
"""Deepest nesting of ``$expand``."""

Picked: TypeAlias = "dict[str, Picked | None]"
"""Properties to keep; None keeps the whole value, a dict keeps parts of a complex value."""


class Projection(Struct, frozen=True):
    """What an answer shows.

    Attributes:
        terms: the selected paths as declared, in the order of the request; empty when ``$select`` was not sent.
        picked: the same as a tree; None shows every property.
        expand: navigation property to what is shown of its entity.
    """

    terms: tuple[str, ...] = ()
    picked: Picked | None = None
    expand: Mapping[str, Projection] = field(default_factory=dict[str, "Projection"])

    @property
    def everything(self) -> bool:
        """Whether ``project`` changes nothing."""
        return self.picked is None and not self.expand

    def project(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Copy what is to be shown, in the order of the object.

        Control information (``@odata.type``, and ``name@…`` of a shown property) is kept; properties that the object
        does not have stay away, and null stays null.
        """
        shown: dict[str, Any] = {}
        for key, value in item.items():
            name = key.partition("@")[0]
            if (nested := self.expand.get(key)) is not None:
                shown[key] = _each(value, nested.project)
            elif self.picked is None or not name or name in self.expand:
                shown[key] = value
            elif name in self.picked:
                part = self.picked[name]
                shown[key] = value if part is None or name != key else _trim(value, part)
        return shown

    def context(self) -> str:
        """Return the suffix for ``@odata.context``: ``(tenantId,identitySynchronization())``, or nothing.

        Source: OData 4.01 Part 1 Protocol, sections 10.7 and 10.9.
        """
        if not self.terms and not self.expand:
            return ""
        own = [term for term in self.terms if term not in self.expand]
        expanded = [name + (nested.context() or "()") for name, nested in self.expand.items()]
        return f"({','.join(own + expanded)})" if own or expanded else ""


def parse_projection(select: str | None, expand: str | None, shape: Shape, *, ignore_case: bool = False) -> Projection:
    """Read ``$select`` and ``$expand`` of one entity type; None is an option that was not sent.

    Raises:
        UnsupportedQuery: a name is unknown, cannot be expanded, or the nesting is malformed.
    """
    for option, text in (("$select", select), ("$expand", expand)):
        if text is not None and len(text) > MAX_LENGTH:
            raise _fault(option, f"The clause is longer than {MAX_LENGTH} characters.")
    return _projection(select, expand, shape, ignore_case=ignore_case, depth=0)


def _projection(select: str | None, expand: str | None, shape: Shape, *, ignore_case: bool, depth: int) -> Projection:
    terms: dict[str, None] = {}
    picked: Picked = {}
    for term in [] if select is None else _split(select, ",", "$select"):
        names = ["*"] if term == "*" else _resolve(term, shape, ignore_case=ignore_case)
        terms["/".join(names)] = None
        _pick(picked, names)
    whole = select is None or "*" in picked
    expanded: dict[str, Projection] = {}
    for term in [] if expand is None else _split(expand, ",", "$expand"):
        for name, projection in _expanded(term, shape, ignore_case=ignore_case, depth=depth + 1):
            if name in expanded:
                raise _fault("$expand", f"Property '{name}' is expanded more than once.")
            expanded[name] = projection
    return Projection(tuple(terms), None if whole else picked, expanded)


def _resolve(term: str, shape: Shape, *, ignore_case: bool) -> list[str]:
    """Return the declared names along a path; collections of complex values are passed through."""
    kind: PropertyType = shape
    names: list[str] = []
    for wanted in term.split("/"):
        if isinstance(kind, Navigation):
            raise _invalid("$select", term)
        kind = kind.of if isinstance(kind, Collection) else kind
        found = kind.find(wanted, ignore_case=ignore_case) if isinstance(kind, Shape) else None
        if found is None:
            raise _invalid("$select", term) if not wanted else _fault("$select", no_property(wanted, kind))
        name, kind = found
        names.append(name)
    return names


def _pick(picked: Picked, names: list[str]) -> None:
    """Add a path to the tree; a whole value wins over parts of it."""
    for name in names[:-1]:
        inner = picked.setdefault(name, {})
        if inner is None:
            return
        picked = inner
    picked[names[-1]] = None


def _expanded(term: str, shape: Shape, *, ignore_case: bool, depth: int) -> Iterator[tuple[str, Projection]]:
    if depth > MAX_DEPTH:
        raise _fault("$expand", f"Expansions are nested deeper than {MAX_DEPTH} levels.")
    wanted, bracket, rest = term.partition("(")
    if bracket and not rest.endswith(")"):
        raise _invalid("$expand", term)
    options = _options(rest[:-1]) if bracket else {}
    for name, target in _targets(wanted.strip(), shape, ignore_case=ignore_case):
        yield (
            name,
            _projection(options.get("select"), options.get("expand"), target, ignore_case=ignore_case, depth=depth),
        )


def _targets(wanted: str, shape: Shape, *, ignore_case: bool) -> Iterator[tuple[str, Shape]]:
    if wanted == "*":
        for name, kind in shape.properties.items():
            if isinstance(kind, Navigation) and kind.expandable:
                yield name, kind.to
        return
    found = shape.find(wanted, ignore_case=ignore_case)
    if not wanted:
        raise _invalid("$expand", wanted)
    if found is None:
        raise _fault("$expand", no_property(wanted, shape))
    name, kind = found
    if not isinstance(kind, Navigation):
        raise _fault(
            "$expand",
            f"Property '{name}' on type '{shape.type_name}' is not a navigation property. "
            "Only navigation properties can be expanded.",
        )
    if not kind.expandable:
        message = f"Expand is not allowed for property '{name}' according to the entity schema."
        raise UnsupportedQuery((Violation("$expand", message, "ExpandNotSupported"),))
    yield name, kind.to


def _options(text: str) -> dict[str, str]:
    """Read the options inside the parentheses of an expanded property, separated by semicolons."""
    options: dict[str, str] = {}
    for part in _split(text, ";", "$expand"):
        name, equals, value = part.partition("=")
        option = name.strip().lower().removeprefix("$")
        if not equals or option not in {"select", "expand"}:
            raise _fault("$expand", f"'{part[:60]}' is not supported here; $select and $expand are.")
        if option in options:
            raise _fault("$expand", f"Query option '${option}' was specified more than once.")
        options[option] = value
    return options


def _split(text: str, separator: str, option: str) -> list[str]:
    """Split at the separators that are outside of parentheses."""
    parts: list[str] = []
    start = depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == separator and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    if depth != 0:
        raise _fault(option, f"The parentheses of '{text[:60]}' do not match.")
    parts.append(text[start:].strip())
    return parts


def _fault(option: str, message: str) -> InvalidInput:
    return UnsupportedQuery.at(option, f"Parsing OData Select and Expand failed: {message}")


def _invalid(option: str, term: str) -> InvalidInput:
    return _fault(option, f"Term '{term[:60]}' is not valid in a $select or $expand expression.")


def _each(value: Any, project: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, list | tuple):
        return [project(item) for item in value]
    return None if value is None else project(value)


def _trim(value: Any, part: Picked) -> Any:
    """Keep the picked parts of a complex value, or of each element of a collection of them."""
    return _each(value, Projection(picked=part).project)
