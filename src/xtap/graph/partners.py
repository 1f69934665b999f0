"""The addresses of partners and their synchronization policies: parse, call the service, render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, NO_CONTENT, Answer
from xtap.graph.odata.select import parse_projection
from xtap.graph.paging import count, page
from xtap.graph.shapes import shape_of
from xtap.graph.singletons import ROOT
from xtap.http.bodies import json_object
from xtap.model.ids import parse_tenant_id
from xtap.model.objects import Kind
from xtap.service import identity_sync, partners
from xtap.service.permissions import Operation, require

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange
    from xtap.graph.odata.select import Projection
    from xtap.model.ids import TenantId
    from xtap.store.snapshot import Snapshot

PATH = f"{ROOT}/partners"
SYNC = "identitySynchronization"


async def get_list(exchange: Exchange) -> Answer:
    """Answer 200 with a page of partners."""
    snapshot = await partners.listing(exchange.service, exchange.call)
    shape = exchange.call.version.partner
    asked = querying.options(exchange, querying.ON_MANY)
    projection = parse_projection(asked.select, asked.expand, shape_of(shape))
    if SYNC in projection.expand:
        require(exchange.call.caller, Operation.READ_IDENTITY_SYNC)
    found = page(exchange, snapshot, Kind.PARTNER, shape, asked)
    if projection.everything:
        items = [render.entity(document, shape) for _, document in found.rows]
    else:
        items = [json.encode(_shown(exchange, snapshot, key, document, projection)) for key, document in found.rows]
    body = render.collection(items, exchange.context(PATH + projection.context()), found.count, found.next_link)
    return Answer(200, body, BARE_JSON if exchange.bare else JSON)


async def get_count(exchange: Exchange) -> Answer:
    """Answer 200 with the number of partners as plain text."""
    snapshot = await partners.listing(exchange.service, exchange.call)
    asked = querying.options(exchange, querying.ON_COUNT)
    number = count(snapshot, Kind.PARTNER, exchange.call.version.partner, asked)
    return Answer(200, b"%d" % number, b"text/plain")


async def post(exchange: Exchange) -> Answer:
    """Answer 201 with the new partner."""
    body = json_object(exchange.body, exchange.headers)
    document = await partners.create(exchange.service, exchange.call, body)
    answer = querying.one(exchange, document, exchange.call.version.partner, PATH, querying.EVERYTHING, status=201)
    key = parse_tenant_id(str(body["tenantId"]))
    return Answer(201, answer.body, answer.content_type, ((b"location", f"{exchange.root}/{PATH}('{key}')".encode()),))


async def get(exchange: Exchange) -> Answer:
    """Answer 200 with one partner."""
    shape = exchange.call.version.partner
    projection = querying.entity_projection(exchange, shape)
    tenant_id = _key(exchange)
    document = await partners.read(exchange.service, exchange.call, tenant_id)
    if SYNC not in projection.expand:
        return querying.one(exchange, document, shape, PATH, projection)
    require(exchange.call.caller, Operation.READ_IDENTITY_SYNC)
    snapshot = await partners.listing(exchange.service, exchange.call)
    shown = json.encode(_shown(exchange, snapshot, tenant_id, document, projection))
    context = exchange.context(f"{PATH}{projection.context()}/$entity")
    return Answer(200, render.with_context(shown, context), BARE_JSON if exchange.bare else JSON)


async def patch(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the partner if the client prefers it."""
    querying.entity_projection(exchange, exchange.call.version.partner)
    body = json_object(exchange.body, exchange.headers)
    await partners.update(exchange.service, exchange.call, _key(exchange), body)
    return await querying.preferred(exchange, get)


async def delete(exchange: Exchange) -> Answer:
    """Answer 204."""
    await partners.delete(exchange.service, exchange.call, _key(exchange))
    return NO_CONTENT


async def get_sync(exchange: Exchange) -> Answer:
    """Answer 200 with the synchronization policy of a partner."""
    shape = exchange.call.version.identity_sync
    projection = querying.entity_projection(exchange, shape)
    tenant_id = _key(exchange)
    document = await identity_sync.read(exchange.service, exchange.call, tenant_id)
    return querying.one(exchange, document, shape, f"{PATH}('{tenant_id}')/{SYNC}", projection)


async def put_sync(exchange: Exchange) -> Answer:
    """Answer 204: created or replaced."""
    body = json_object(exchange.body, exchange.headers)
    await identity_sync.put(exchange.service, exchange.call, _key(exchange), body)
    return NO_CONTENT


async def patch_sync(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the policy if the client prefers it."""
    querying.entity_projection(exchange, exchange.call.version.identity_sync)
    body = json_object(exchange.body, exchange.headers)
    await identity_sync.update(exchange.service, exchange.call, _key(exchange), body)
    return await querying.preferred(exchange, get_sync)


async def delete_sync(exchange: Exchange) -> Answer:
    """Answer 204."""
    await identity_sync.delete(exchange.service, exchange.call, _key(exchange))
    return NO_CONTENT


def _key(exchange: Exchange) -> TenantId:
    return parse_tenant_id(exchange.key)


def _shown(exchange: Exchange, snapshot: Snapshot, key: str, document: bytes, projection: Projection) -> dict[str, Any]:
    """Return the selected part of a partner, with its synchronization policy if that is expanded."""
    shown = render.values(document, exchange.call.version.partner)
    if SYNC in projection.expand:
        stored = snapshot.get(Kind.IDENTITY_SYNC, key)
        shown[SYNC] = None if stored is None else render.values(stored, exchange.call.version.identity_sync)
    return projection.project(shown)
