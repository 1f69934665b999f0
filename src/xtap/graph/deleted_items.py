"""The addresses of what was deleted: parse, call the service, render."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, NO_CONTENT, Answer
from xtap.graph.odata.select import parse_projection
from xtap.graph.paging import count, page
from xtap.graph.shapes import shape_of
from xtap.model import policies
from xtap.model.ids import parse_tenant_id
from xtap.model.schema import Shape
from xtap.service import deleted_items
from xtap.service.deleted_items import CONSTRAINTS, PARTNERS, SYNC_POLICIES, Deleted
from xtap.service.recycle_bin import BINS

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange

ROOT = "policies/deletedItems"
_ON_MANY = querying.ON_MANY - {"expand"}
_ON_ONE = querying.ON_ONE - {"expand"}


class Address(Struct, frozen=True):
    """Deleted objects of one kind at one path: its handlers.

    Attributes:
        deleted: what the service calls them.
        shape: the type that clients see.
        path: the canonical path, as contexts show it, with the key in it if it does not stand at the end.
    """

    deleted: Deleted
    shape: Shape
    path: str

    async def get_list(self, exchange: Exchange) -> Answer:
        """Answer 200 with a page of deleted objects."""
        snapshot = await deleted_items.listing(exchange.service, exchange.call, self.deleted)
        asked = querying.options(exchange, _ON_MANY)
        projection = parse_projection(asked.select, None, shape_of(self.shape))
        found = page(exchange, snapshot, BINS[self.deleted.kind], self.shape, asked)
        shown = (render.values(document, self.shape) for _, document in found.rows)
        items = [json.encode(projection.project(each)) for each in shown]
        body = render.collection(
            items, exchange.context(self.path + projection.context()), found.count, found.next_link
        )
        return Answer(200, body, BARE_JSON if exchange.bare else JSON)

    async def get_count(self, exchange: Exchange) -> Answer:
        """Answer 200 with the number of deleted objects as plain text."""
        snapshot = await deleted_items.listing(exchange.service, exchange.call, self.deleted)
        asked = querying.options(exchange, querying.ON_COUNT)
        return Answer(200, b"%d" % count(snapshot, BINS[self.deleted.kind], self.shape, asked), b"text/plain")

    async def get(self, exchange: Exchange) -> Answer:
        """Answer 200 with one deleted object."""
        asked = querying.options(exchange, _ON_ONE)
        projection = parse_projection(asked.select, None, shape_of(self.shape))
        tenant_id = parse_tenant_id(exchange.key)
        document = await deleted_items.read(exchange.service, exchange.call, self.deleted, tenant_id)
        return querying.one(exchange, document, self.shape, self.path.format(key=tenant_id), projection)

    async def delete(self, exchange: Exchange) -> Answer:
        """Answer 204: it cannot be restored any more."""
        tenant_id = parse_tenant_id(exchange.key)
        await deleted_items.remove(exchange.service, exchange.call, self.deleted, tenant_id)
        return NO_CONTENT

    async def restore(self, exchange: Exchange) -> Answer:
        """Answer 200 with the restored object; a body is not looked at."""
        tenant_id = parse_tenant_id(exchange.key)
        document = await deleted_items.restore(exchange.service, exchange.call, self.deleted, tenant_id)
        context = exchange.context(shape_of(self.shape).type_name)
        return Answer(200, render.entity(document, self.shape, context), BARE_JSON if exchange.bare else JSON)


async def get_root(exchange: Exchange) -> Answer:
    """Answer 200 with the container of deleted items."""
    projection = querying.entity_projection(exchange, policies.DeletedItems)
    document = deleted_items.read_root(exchange.call)
    return querying.one(exchange, document, policies.DeletedItems, ROOT, projection)


partners = Address(PARTNERS, policies.BetaPartner, f"{ROOT}/crossTenantPartners")
sync_policies = Address(SYNC_POLICIES, policies.BetaIdentitySync, f"{ROOT}/crossTenantSyncPolicyPartners")
constraints = Address(
    CONSTRAINTS,
    policies.BetaDelegatedAdminConstraints,
    f"{ROOT}/crossTenantPartners('{{key}}')/serviceProviderConstraints",
)
