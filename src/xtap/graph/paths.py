"""Which resource does a path mean? A tree of segments, matched without regard to case, that names what it misses.

Both key forms of OData are read: ``partners/<id>``, ``partners('<id>')`` and ``partners(tenantId='<id>')``
(URL Conventions 4.01, 4.3). Empty segments are skipped: clients with a base URL that ends in a slash send them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xtap.errors import UnknownSegment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xtap.graph.exchange import Handler

KEY = "{key}"
"""The placeholder for a key in a route."""

_PARENTHESES = re.compile(r"([^()]+)\((?:tenantId=)?(?:'((?:[^']|'')*)'|([^'()]*))\)\Z")
"""In a key in quotation marks, a quotation mark stands twice (OData ABNF 4.01, SQUOTE-in-string)."""


@dataclass(slots=True)
class Node:
    """One place in the tree: the methods it answers, and the segments below it."""

    methods: dict[str, Handler] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)


def build(routes: Mapping[str, Mapping[str, Handler]]) -> Node:
    """Build the tree from paths such as ``policies/crossTenantAccessPolicy/partners/{key}``."""
    root = Node()
    for path, methods in routes.items():
        node = root
        for segment in path.split("/"):
            node = node.children.setdefault(segment.lower(), Node())
        node.methods.update(methods)
    return root


def resolve(root: Node, path: str) -> tuple[Node, str]:
    """Find the resource of a path, and the key in it (empty if there is none).

    Raises:
        UnknownSegment: a segment names nothing here, or nothing can be done with the whole path.
    """
    node, key = root, ""
    for segment in path.split("/"):
        if not segment:
            continue
        child = node.children.get(segment.lower())
        if child is None and KEY in node.children:
            child, key = node.children[KEY], segment
        if child is None:
            child, key = _with_parentheses(node, segment)
        node = child
    if not node.methods:
        raise _unknown(path.rstrip("/").rsplit("/", 1)[-1])
    return node, key


def _with_parentheses(node: Node, segment: str) -> tuple[Node, str]:
    match = _PARENTHESES.match(segment)
    child = node.children.get(match[1].lower()) if match else None
    if match is None or child is None or KEY not in child.children:
        raise _unknown(segment)
    return child.children[KEY], (match[2] or match[3] or "").replace("''", "'")


def _unknown(segment: str) -> UnknownSegment:
    return UnknownSegment(f"Resource not found for the segment '{segment[:128]}'.")


def addresses(node: Node, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (method, path) of everything that the tree answers."""
    for method in node.methods:
        yield method, prefix
    for segment, child in node.children.items():
        yield from addresses(child, f"{prefix}/{segment}")
