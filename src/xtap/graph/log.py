"""The addresses of a log: a list in the order of time, read piece by piece because it may be long, and one entry.

Names in query options match without regard to case, as in the service (clients.md section B.3). The latest entry
comes first. A page continues behind the last entry of the one before, so entries that come meanwhile disturb nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.errors import InvalidInput, UnsupportedQuery
from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, Answer, Exchange
from xtap.graph.odata.filter import compile_filter
from xtap.graph.odata.orderby import Position, compile_orderby
from xtap.graph.odata.select import parse_projection
from xtap.graph.odata.shape import Shape
from xtap.graph.odata.skiptoken import fingerprint, seal, unseal
from xtap.graph.paging import link
from xtap.model.ids import is_guid
from xtap.model.schema import Document
from xtap.model.versions import Version

if TYPE_CHECKING:
    from xtap.graph.odata.options import QueryOptions
    from xtap.graph.odata.select import Projection

PAGE_SIZE = 1_000
"""Entries on a page if the client does not say, and the most it may ask for (wire.md section 7)."""

ON_LOG = querying.ON_MANY - {"expand"}


class Start(Struct, frozen=True):
    """Where reading begins: behind an entry, or at the end that comes first; latest first if ``descending``."""

    after: Position | None
    descending: bool


class Page(Struct, frozen=True):
    """One page: its entries, how many there are in all if asked, and what follows."""

    entries: list[Document]
    count: int | None
    next_link: str | None


class Log(Struct, frozen=True):
    """One log.

    Attributes:
        path: its address.
        time: the property that it is ordered by, the only one that ``$orderby`` may name.
        shape: what a version shows of an entry.
        read: yields entries with their positions.
        find: returns one entry by its key.
    """

    path: str
    time: str
    shape: Callable[[Version], Shape]
    read: Callable[[Exchange, Start], AsyncIterator[tuple[Position, Document]]]
    find: Callable[[Exchange], Awaitable[Document]]

    async def get_list(self, exchange: Exchange) -> Answer:
        """Answer 200 with a page."""
        asked = querying.options(exchange, ON_LOG, max_top=PAGE_SIZE)
        shape = self.shape(exchange.call.version)
        projection = parse_projection(asked.select, None, shape, ignore_case=True)
        found = await self._page(exchange, asked, shape)
        items = [json.encode(_shown(entry, shape, projection)) for entry in found.entries]
        context = exchange.context(self.path + projection.context())
        body = render.collection(items, context, found.count, found.next_link)
        return Answer(200, body, BARE_JSON if exchange.bare else JSON)

    async def get(self, exchange: Exchange) -> Answer:
        """Answer 200 with one entry."""
        asked = querying.options(exchange, querying.ON_ONE - {"expand"})
        shape = self.shape(exchange.call.version)
        projection = parse_projection(asked.select, None, shape, ignore_case=True)
        if not is_guid(exchange.key):
            raise InvalidInput.at("$.id", f"Invalid object identifier '{exchange.key[:64]}'. Expected a GUID.")
        context = exchange.context(f"{self.path}{projection.context()}/$entity")
        shown = json.encode(_shown(await self.find(exchange), shape, projection))
        return Answer(200, render.with_context(shown, context), JSON if context else BARE_JSON)

    async def _page(self, exchange: Exchange, asked: QueryOptions, shape: Shape) -> Page:
        """Read until the page is full, and one entry more; to the end if they are to be counted."""
        descending = self._descending(asked.orderby, shape)
        matches = None if asked.filter is None else compile_filter(asked.filter, shape, ignore_case=True)
        version, tenant = exchange.call.version.name, exchange.call.caller.tenant
        bound_to = fingerprint(tenant, version + exchange.path.lower(), asked)
        after = None if asked.skiptoken is None else unseal(exchange.paging_key, asked.skiptoken, bound_to)
        size, skip = asked.top or PAGE_SIZE, (asked.skip or 0) if after is None else 0
        counted = bool(asked.count) and after is None
        taken: list[tuple[Position, Document]] = []
        number = 0
        async for position, entry in self.read(exchange, Start(after, descending)):
            if matches is not None and not matches(entry):
                continue
            number += 1
            if number > skip and len(taken) <= size:
                taken.append((position, entry))
            if len(taken) > size and not counted:
                break
        more = len(taken) > size
        token = seal(exchange.paging_key, taken[size - 1][0], bound_to) if more else ""
        return Page(
            entries=[entry for _, entry in taken[:size]],
            count=number if counted else None,
            next_link=link(exchange, token) if more else None,
        )

    def _descending(self, orderby: str | None, shape: Shape) -> bool:
        if orderby is None:
            return True
        first, *others = compile_orderby(orderby, shape, "id", ignore_case=True).criteria
        if first.path != (self.time,) or len(others) != 1:
            raise UnsupportedQuery.at("$orderby", f"This log can be ordered by '{self.time}' only.")
        return first.descending


def _shown(entry: Document, shape: Shape, projection: Projection) -> Document:
    """Leave out what the version does not know, and what is not selected."""
    known = {name: value for name, value in entry.items() if name in shape.properties}
    return known if projection.everything else projection.project(known)
