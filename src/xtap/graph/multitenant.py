"""The addresses of the multitenant organization, its tenants and the join request: parse, call the service, render."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, NO_CONTENT, Answer
from xtap.graph.odata.select import parse_projection
from xtap.graph.paging import count, page
from xtap.graph.shapes import shape_of
from xtap.http.bodies import json_object
from xtap.model.ids import parse_tenant_id
from xtap.model.objects import Kind
from xtap.model.organizations import BasicMember, JoinRequest, Member, MultiTenantOrganization
from xtap.service import join_requests, organization_members, organizations

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange
    from xtap.model.ids import TenantId

PATH = "tenantRelationships/multiTenantOrganization"
TENANTS = f"{PATH}/tenants"


async def get(exchange: Exchange) -> Answer:
    """Answer 200 with the organization, the inactive one if the tenant is in none."""
    projection = querying.entity_projection(exchange, MultiTenantOrganization)
    document = await organizations.read(exchange.service, exchange.call)
    return querying.one(exchange, document, MultiTenantOrganization, PATH, projection)


async def put(exchange: Exchange) -> Answer:
    """Answer 201 with the new organization."""
    body = json_object(exchange.body, exchange.headers)
    document = await organizations.create(exchange.service, exchange.call, body)
    return querying.one(exchange, document, MultiTenantOrganization, PATH, querying.EVERYTHING, status=201)


async def patch(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the organization if the client prefers it."""
    querying.entity_projection(exchange, MultiTenantOrganization)
    await organizations.update(exchange.service, exchange.call, json_object(exchange.body, exchange.headers))
    return await querying.preferred(exchange, get)


async def get_tenants(exchange: Exchange) -> Answer:
    """Answer 200 with a page of tenants."""
    snapshot = await organization_members.listing(exchange.service, exchange.call)
    shape = _shape(exchange)
    asked = querying.options(exchange, querying.ON_MANY)
    projection = parse_projection(asked.select, asked.expand, shape_of(shape))
    found = page(exchange, snapshot, Kind.MEMBER, shape, asked)
    items = [
        json.encode(projection.project(render.values(document, shape)))
        if not projection.everything
        else render.entity(document, shape)
        for _, document in found.rows
    ]
    context = exchange.context(TENANTS + projection.context())
    body = render.collection(items, context, found.count, found.next_link)
    return Answer(200, body, BARE_JSON if exchange.bare else JSON)


async def get_count(exchange: Exchange) -> Answer:
    """Answer 200 with the number of tenants as plain text."""
    snapshot = await organization_members.listing(exchange.service, exchange.call)
    asked = querying.options(exchange, querying.ON_COUNT)
    return Answer(200, b"%d" % count(snapshot, Kind.MEMBER, _shape(exchange), asked), b"text/plain")


async def post_tenant(exchange: Exchange) -> Answer:
    """Answer 201 with the tenant that was added."""
    body = json_object(exchange.body, exchange.headers)
    document = await organizations.add_member(exchange.service, exchange.call, body)
    answer = querying.one(exchange, document, Member, TENANTS, querying.EVERYTHING, status=201)
    key = json.decode(document)["tenantId"]
    location = (b"location", f"{exchange.root}/{TENANTS}('{key}')".encode())
    return Answer(201, answer.body, answer.content_type, (location,))


async def get_tenant(exchange: Exchange) -> Answer:
    """Answer 200 with one tenant."""
    shape = _shape(exchange)
    projection = querying.entity_projection(exchange, shape)
    document = await organization_members.read(exchange.service, exchange.call, _key(exchange))
    return querying.one(exchange, document, shape, TENANTS, projection)


async def patch_tenant(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the tenant if the client prefers it."""
    querying.entity_projection(exchange, Member)
    body = json_object(exchange.body, exchange.headers)
    await organizations.update_member(exchange.service, exchange.call, _key(exchange), body)
    return await querying.preferred(exchange, get_tenant)


async def delete_tenant(exchange: Exchange) -> Answer:
    """Answer 204."""
    await organizations.remove_member(exchange.service, exchange.call, _key(exchange))
    return NO_CONTENT


async def get_join_request(exchange: Exchange) -> Answer:
    """Answer 200 with the join request."""
    projection = querying.entity_projection(exchange, JoinRequest)
    document = await join_requests.read(exchange.service, exchange.call)
    return querying.one(exchange, document, JoinRequest, f"{PATH}/joinRequest", projection)


async def patch_join_request(exchange: Exchange) -> Answer:
    """Answer 204, or 200 with the join request if the client prefers it."""
    querying.entity_projection(exchange, JoinRequest)
    await join_requests.update(exchange.service, exchange.call, json_object(exchange.body, exchange.headers))
    return await querying.preferred(exchange, get_join_request)


def _key(exchange: Exchange) -> TenantId:
    return parse_tenant_id(exchange.key)


def _shape(exchange: Exchange) -> type[BasicMember]:
    """Return what the caller may see of a tenant."""
    return BasicMember if organization_members.sees_only_names(exchange.call.caller) else Member
