"""How query options and preferences shape the answer with one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json, structs

from xtap.errors import UnsupportedQuery
from xtap.graph import render
from xtap.graph.exchange import BARE_JSON, JSON, NO_CONTENT, Answer
from xtap.graph.odata.options import parse_options
from xtap.graph.odata.select import Projection, parse_projection
from xtap.graph.shapes import shape_of
from xtap.model.versions import BETA

if TYPE_CHECKING:
    from msgspec import Struct

    from xtap.graph.exchange import Exchange, Handler
    from xtap.graph.odata.options import QueryOptions

ON_ONE = frozenset({"select", "expand", "format"})
ON_MANY = frozenset({"select", "expand", "filter", "orderby", "top", "skip", "count", "skiptoken", "format"})
ON_COUNT = frozenset({"filter"})
ON_FUNCTION = frozenset({"format"})

EVERYTHING = Projection()


def options(exchange: Exchange, allowed: frozenset[str], *, max_top: int = 999) -> QueryOptions:
    """Read the query string; what is not in ``allowed`` is refused.

    Args:
        exchange: the request.
        allowed: names of options without ``$``.
        max_top: the largest page that may be asked for.

    Raises:
        UnsupportedQuery: an option is unknown, not served here, or malformed.
    """
    asked = parse_options(exchange.query, allowed=allowed, beta=exchange.call.version is BETA, max_top=max_top)
    if asked.format is not None and asked.format.partition(";")[0].strip().lower() not in {"json", "application/json"}:
        raise UnsupportedQuery.at("$format", f"The format '{asked.format[:60]}' is not supported. Ask for json.")
    return asked


def entity_projection(exchange: Exchange, shape: type[Struct]) -> Projection:
    """Read ``$select`` and ``$expand`` of a request for one object.

    Raises:
        UnsupportedQuery: another option, or a name that the type does not have.
    """
    if not exchange.query:
        return EVERYTHING
    asked = options(exchange, ON_ONE)
    return parse_projection(asked.select, asked.expand, shape_of(shape))


def one(
    exchange: Exchange, document: bytes, shape: type[Struct], path: str, projection: Projection, *, status: int = 200
) -> Answer:
    """Answer with one object: the whole of it as remembered, or the selected part."""
    context = exchange.context(f"{path}{projection.context()}/$entity")
    kind = JSON if context else BARE_JSON
    if projection.everything:
        return Answer(status, render.entity(document, shape, context), kind)
    shown = json.encode(projection.project(render.values(document, shape)))
    return Answer(status, render.with_context(shown, context, shape), kind)


async def preferred(exchange: Exchange, get: Handler) -> Answer:
    """Answer a change: 204, or the object if the client sent ``Prefer: return=representation`` (RFC 7240)."""
    if b"return=representation" not in exchange.headers.get(b"prefer", b"").replace(b" ", b""):
        return NO_CONTENT
    answer = await get(exchange)
    return structs.replace(answer, headers=(*answer.headers, (b"preference-applied", b"return=representation")))
