"""Which resource does a path mean? A tree of segments, matched without regard to case, that names what it misses.

Both key forms of OData are read: ``partners/<id>``, ``partners('<id>')`` and ``partners(tenantId='<id>')``
(URL Conventions 4.01, 4.3); a function has its one parameter in parentheses (4.5.1). Empty segments are skipped:
clients with a base URL that ends in a slash send them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from xtap.errors import UnknownSegment
from xtap.graph.exchange import Handler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


KEY = "{key}"
"""The placeholder for a key in a route."""

_PARENTHESES = re.compile(r"([^()]+)\(([A-Za-z]+=)?(?:'((?:[^']|'')*)'|([^'()]*))\)\Z")
"""In a key in quotation marks, a quotation mark stands twice (OData ABNF 4.01, SQUOTE-in-string)."""

_KEY_NAMES = frozenset({None, "tenantId="})


class Node(Struct):
    """One place in the tree: the methods it answers, the segments below it, and its address in the table of routes."""

    methods: dict[str, Handler] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)
    route: str = ""


def build(routes: Mapping[str, Mapping[str, Handler]]) -> Node:
    """Build the tree from paths such as ``partners/{key}``, or ``findTenant(tenantId={key})`` for a function."""
    root = Node()
    for path, methods in routes.items():
        node = root
        for segment in path.split("/"):
            node = node.children.setdefault(segment.lower(), Node())
        node.methods.update(methods)
        node.route = path
    return root


def resolve(root: Node, path: str) -> tuple[Node, str]:
    """Find the resource of a path, and the keys in it (empty if there is none), separated by slashes.

    Raises:
        UnknownSegment: a segment names nothing here, or nothing can be done with the whole path.
    """
    node, key = root, ""
    for segment in path.split("/"):
        if not segment:
            continue
        child = node.children.get(segment.lower())
        if child is None and KEY in node.children:
            child, key = node.children[KEY], _joined(key, segment)
        if child is None:
            child, found = _with_parentheses(node, segment)
            key = _joined(key, found)
        node = child
    if not node.methods:
        raise _unknown(path.rstrip("/").rsplit("/", 1)[-1])
    return node, key


def _joined(key: str, last: str) -> str:
    return f"{key}/{last}" if key else last


def _with_parentheses(node: Node, segment: str) -> tuple[Node, str]:
    match = _PARENTHESES.match(segment)
    if match is None:
        raise _unknown(segment)
    name, parameter, key = match[1].lower(), match[2], (match[3] or match[4] or "").replace("''", "'")
    function = node.children.get(f"{name}({parameter.lower()}{KEY})") if parameter else None
    if function is not None:
        return function, key
    child = node.children.get(name)
    if child is None or KEY not in child.children or parameter not in _KEY_NAMES:
        raise _unknown(segment)
    return child.children[KEY], key


def _unknown(segment: str) -> UnknownSegment:
    return UnknownSegment(f"Resource not found for the segment '{segment[:128]}'.")


def addresses(node: Node, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (method, path) of everything that the tree answers."""
    for method in node.methods:
        yield method, prefix
    for segment, child in node.children.items():
        yield from addresses(child, f"{prefix}/{segment}")
