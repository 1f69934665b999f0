"""The addresses of the caller's own organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, Answer
from xtap.graph.odata.select import parse_projection
from xtap.graph.shapes import shape_of
from xtap.model.directory import Organization
from xtap.model.ids import parse_object_id
from xtap.service import directory
from xtap.service.partners import no_such_object

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange

PATH = "organization"


async def get_list(exchange: Exchange) -> Answer:
    """Answer 200 with a list of one."""
    found = await directory.organization(exchange.service, exchange.call)
    asked = querying.options(exchange, querying.ON_ONE | {"top", "count"})
    projection = parse_projection(asked.select, asked.expand, shape_of(Organization))
    shown = projection.project(render.values(json.encode(found), Organization))
    context = exchange.context(PATH + projection.context())
    body = render.collection([json.encode(shown)], context, 1 if asked.count else None, None)
    return Answer(200, body, BARE_JSON if exchange.bare else JSON)


async def get(exchange: Exchange) -> Answer:
    """Answer 200 with the organization, 404 if another one is asked for."""
    projection = querying.entity_projection(exchange, Organization)
    found = await directory.organization(exchange.service, exchange.call)
    if parse_object_id(exchange.key) != found.id:
        raise no_such_object(exchange.key)
    return querying.one(exchange, json.encode(found), Organization, PATH, projection)
