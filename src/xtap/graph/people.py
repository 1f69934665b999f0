"""The addresses of users and groups: a read-only slice of the directory, for tools that look names up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, Answer
from xtap.graph.odata.select import parse_projection
from xtap.graph.paging import count, page
from xtap.graph.shapes import shape_of
from xtap.model.directory import Group, User
from xtap.model.ids import parse_object_id
from xtap.model.objects import Kind
from xtap.service import directory

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange


class People(Struct, frozen=True):
    """The addresses of one kind: the list, the count, one object."""

    path: str
    kind: Kind
    shape: type[Struct]

    async def get_list(self, exchange: Exchange) -> Answer:
        """Answer 200 with a page."""
        snapshot = await directory.listing(exchange.service, exchange.call, self.kind)
        asked = querying.options(exchange, querying.ON_MANY)
        projection = parse_projection(asked.select, asked.expand, shape_of(self.shape))
        found = page(exchange, snapshot, self.kind, self.shape, asked, "id")
        if projection.everything:
            items = [render.entity(document, self.shape) for _, document in found.rows]
        else:
            shown = (projection.project(render.values(document, self.shape)) for _, document in found.rows)
            items = [json.encode(each) for each in shown]
        context = exchange.context(self.path + projection.context())
        body = render.collection(items, context, found.count, found.next_link)
        return Answer(200, body, BARE_JSON if exchange.bare else JSON)

    async def get_count(self, exchange: Exchange) -> Answer:
        """Answer 200 with the number of objects as plain text."""
        snapshot = await directory.listing(exchange.service, exchange.call, self.kind)
        asked = querying.options(exchange, querying.ON_COUNT)
        return Answer(200, b"%d" % count(snapshot, self.kind, self.shape, asked), b"text/plain")

    async def get(self, exchange: Exchange) -> Answer:
        """Answer 200 with one object."""
        projection = querying.entity_projection(exchange, self.shape)
        name = exchange.key if self.kind is Kind.USER else parse_object_id(exchange.key)
        document = await directory.read(exchange.service, exchange.call, self.kind, name)
        return querying.one(exchange, document, self.shape, self.path, projection)


users = People("users", Kind.USER, User)
groups = People("groups", Kind.GROUP, Group)
