"""The addresses of Microsoft 365 capabilities, below the default policy, partners and deleted partners."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, NO_CONTENT, Answer
from xtap.graph.odata.select import parse_projection
from xtap.graph.paging import count, page
from xtap.graph.shapes import shape_of
from xtap.graph.singletons import ROOT
from xtap.http.bodies import json_object
from xtap.model.capabilities import Capability
from xtap.model.ids import TenantId, parse_tenant_id
from xtap.model.objects import Kind
from xtap.service import capabilities
from xtap.service.capabilities import Owner

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange
    from xtap.graph.odata.select import Projection

_ON_MANY = querying.ON_MANY - {"expand"}
_ON_ONE = querying.ON_ONE - {"expand"}


class Address(Struct, frozen=True):
    """The capabilities of the default policy, of partners, or of deleted partners: their handlers.

    Attributes:
        place: the canonical path of their owner, with its key in quotation marks if it has one.
        owner: makes an owner of the key in the address; None if the address has none.
    """

    place: str
    owner: Callable[[TenantId], Owner] | None = None

    async def get_list(self, exchange: Exchange) -> Answer:
        """Answer 200 with a page of capabilities."""
        owner, _ = self._keys(exchange)
        snapshot = await capabilities.listing(exchange.service, exchange.call, owner)
        asked = querying.options(exchange, _ON_MANY)
        projection = parse_projection(asked.select, None, shape_of(Capability))
        found = page(exchange, snapshot, Kind.CAPABILITY, Capability, asked, key="name")
        items = [_shown(exchange, document, projection, "") for _, document in found.rows]
        context = exchange.context(self._path(owner) + projection.context())
        body = render.collection(items, context, found.count, found.next_link)
        return Answer(200, body, BARE_JSON if exchange.bare else JSON)

    async def get_count(self, exchange: Exchange) -> Answer:
        """Answer 200 with the number of capabilities as plain text."""
        owner, _ = self._keys(exchange)
        snapshot = await capabilities.listing(exchange.service, exchange.call, owner)
        asked = querying.options(exchange, querying.ON_COUNT)
        return Answer(200, b"%d" % count(snapshot, Kind.CAPABILITY, Capability, asked), b"text/plain")

    async def post(self, exchange: Exchange) -> Answer:
        """Answer 201 with the new capability."""
        owner, _ = self._keys(exchange)
        body = json_object(exchange.body, exchange.headers)
        document = await capabilities.create(exchange.service, exchange.call, owner, body)
        return self._one(exchange, owner, document, querying.EVERYTHING, 201)

    async def get(self, exchange: Exchange) -> Answer:
        """Answer 200 with one capability."""
        asked = querying.options(exchange, _ON_ONE)
        projection = parse_projection(asked.select, None, shape_of(Capability))
        owner, name = self._keys(exchange)
        document = await capabilities.read(exchange.service, exchange.call, owner, name)
        return self._one(exchange, owner, document, projection, 200)

    async def patch(self, exchange: Exchange) -> Answer:
        """Answer 204, or 200 with the capability if the client prefers it."""
        owner, name = self._keys(exchange)
        body = json_object(exchange.body, exchange.headers)
        await capabilities.update(exchange.service, exchange.call, owner, name, body)
        return await querying.preferred(exchange, self.get)

    async def delete(self, exchange: Exchange) -> Answer:
        """Answer 204."""
        owner, name = self._keys(exchange)
        await capabilities.delete(exchange.service, exchange.call, owner, name)
        return NO_CONTENT

    def _keys(self, exchange: Exchange) -> tuple[Owner, str]:
        """Return the owner and the capability's name, empty if the address has none."""
        if self.owner is None:
            return capabilities.DEFAULT, exchange.key
        partner, _, name = exchange.key.partition("/")
        return self.owner(parse_tenant_id(partner)), name

    def _path(self, owner: Owner) -> str:
        return f"{self.place.format(key=owner.tenant_id)}/m365Capabilities"

    def _one(self, exchange: Exchange, owner: Owner, document: bytes, projection: Projection, status: int) -> Answer:
        context = exchange.context(f"{self._path(owner)}{projection.context()}/$entity")
        body = _shown(exchange, document, projection, context)
        return Answer(status, body, BARE_JSON if exchange.bare else JSON)


def _shown(exchange: Exchange, document: bytes, projection: Projection, context: str) -> bytes:
    """Encode a capability with its type, which the service tells because it is derived."""
    values = render.values(document, Capability)
    annotations: dict[str, object] = {"@odata.context": context} if context else {}
    if not exchange.bare:
        annotations["@odata.type"] = f"#microsoft.graph.{values['name']}"
    return json.encode(annotations | projection.project(values))


on_default = Address(f"{ROOT}/default")
on_partners = Address(f"{ROOT}/partners('{{key}}')", capabilities.partner)
on_deleted = Address("policies/deletedItems/crossTenantPartners('{key}')", capabilities.deleted_partner)
