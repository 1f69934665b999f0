"""The addresses of the constraints of service providers: parse, call the service, render."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.graph import deleted_items, querying
from xtap.graph.exchange import NO_CONTENT, Answer
from xtap.graph.singletons import ROOT
from xtap.http.bodies import json_object
from xtap.model.ids import parse_tenant_id
from xtap.service import constraints

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange


async def get(exchange: Exchange) -> Answer:
    """Answer 200 with the constraints of a partner."""
    shape = exchange.call.version.constraints
    projection = querying.entity_projection(exchange, shape)
    tenant_id = parse_tenant_id(exchange.key)
    document = await constraints.read(exchange.service, exchange.call, tenant_id)
    return querying.one(
        exchange, document, shape, f"{ROOT}/partners('{tenant_id}')/serviceProviderConstraints", projection
    )


async def patch(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the constraints if the client prefers it."""
    querying.entity_projection(exchange, exchange.call.version.constraints)
    body = json_object(exchange.body, exchange.headers)
    await constraints.update(exchange.service, exchange.call, parse_tenant_id(exchange.key), body)
    return await querying.preferred(exchange, get)


async def patch_deleted(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the deleted constraints if the client prefers it."""
    querying.entity_projection(exchange, exchange.call.version.constraints)
    body = json_object(exchange.body, exchange.headers)
    await constraints.update_deleted(exchange.service, exchange.call, parse_tenant_id(exchange.key), body)
    return await querying.preferred(exchange, deleted_items.constraints.get)


async def delete(exchange: Exchange) -> Answer:
    """Answer 204."""
    await constraints.delete(exchange.service, exchange.call, parse_tenant_id(exchange.key))
    return NO_CONTENT
