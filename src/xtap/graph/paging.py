"""Which objects are on this page, and where does the next one begin?

A page continues behind the last object of the one before, by sort values and key (``xtap.graph.odata.skiptoken``),
so objects that come or go meanwhile are neither repeated nor skipped. A page is never empty if it has a next link:
the Python SDK's iterator would stop there (clients.md section A.4).
"""

from __future__ import annotations

from itertools import dropwhile, islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import Struct

from xtap.graph import render
from xtap.graph.odata.filter import compile_filter
from xtap.graph.odata.orderby import compile_orderby
from xtap.graph.odata.skiptoken import fingerprint, seal, unseal
from xtap.graph.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xtap.graph.exchange import Exchange
    from xtap.graph.odata.options import QueryOptions
    from xtap.graph.odata.orderby import Ordering, Position
    from xtap.model.objects import Kind
    from xtap.store.snapshot import Snapshot

    Row = tuple[str, bytes]

PAGE_SIZE = 100
"""Objects on a page if the client does not say (``$top``); the service's number is not documented."""


class Page(Struct, frozen=True):
    """One page: its rows (key, stored document), how many objects there are in all if asked, and what follows."""

    rows: tuple[Row, ...]
    count: int | None
    next_link: str | None


def page(
    exchange: Exchange, snapshot: Snapshot, kind: Kind, shape: type[Struct], asked: QueryOptions, key: str = "tenantId"
) -> Page:
    """Take the rows of one page out of a collection that is kept in the order of its key, the property ``key``.

    Raises:
        UnsupportedQuery: a clause is malformed, or the skiptoken is not ours or of another query.
    """
    ordering = compile_orderby(asked.orderby, shape_of(shape), key)
    bound_to = fingerprint(snapshot.tenant, exchange.call.version.name + exchange.path.lower(), asked)
    after = None if asked.skiptoken is None else unseal(exchange.paging_key, asked.skiptoken, bound_to)
    size = asked.top or PAGE_SIZE
    rows = _ordered(_matching(snapshot, kind, shape, asked, after, ordering), shape, ordering, after)
    skip = (asked.skip or 0) if after is None else 0
    taken = list(islice(rows, skip, skip + size + 1))
    more = len(taken) > size
    last = ordering.position(render.values(taken[size - 1][1], shape)) if more else ()
    return Page(
        rows=tuple(taken[:size]),
        count=count(snapshot, kind, shape, asked) if asked.count and after is None else None,
        next_link=link(exchange, seal(exchange.paging_key, last, bound_to)) if more else None,
    )


def count(snapshot: Snapshot, kind: Kind, shape: type[Struct], asked: QueryOptions) -> int:
    """Count the objects that the filter lets through.

    Raises:
        UnsupportedQuery: the filter is malformed.
    """
    if asked.filter is None:
        return snapshot.count(kind)
    test = _test(shape, asked.filter)
    return sum(1 for row in snapshot.scan(kind) if test(row))


def _matching(
    snapshot: Snapshot, kind: Kind, shape: type[Struct], asked: QueryOptions, after: Position | None, ordering: Ordering
) -> Iterable[Row]:
    """Scan the collection, from the last key on where that is the order."""
    last_key = str(after[-1]) if after is not None and _by_key(ordering) else None
    rows = snapshot.scan(kind, last_key)
    return rows if asked.filter is None else filter(_test(shape, asked.filter), rows)


def _ordered(rows: Iterable[Row], shape: type[Struct], ordering: Ordering, after: Position | None) -> Iterator[Row]:
    if _by_key(ordering):
        return iter(rows)
    ranked = sorted((ordering.key(render.values(row[1], shape)), row) for row in rows)
    start = None if after is None else ordering.rank(after)
    return (row for _, row in dropwhile(lambda pair: start is not None and pair[0] <= start, ranked))


def _by_key(ordering: Ordering) -> bool:
    return len(ordering.criteria) == 1 and not ordering.criteria[0].descending


def _test(shape: type[Struct], text: str) -> Callable[[Row], bool]:
    matches = compile_filter(text, shape_of(shape))
    return lambda row: matches(render.values(row[1], shape))


def link(exchange: Exchange, token: str) -> str:
    """Repeat the address with its options, but for the position: an absolute URL, as clients need it."""
    parts = exchange.query.decode("latin-1").split("&")
    kept = [part for part in parts if part and _option(part) not in {"skiptoken", "skip"}]
    return f"{exchange.root}/{exchange.path}?{'&'.join([*kept, f'$skiptoken={token}'])}"


def _option(part: str) -> str:
    return unquote(part.partition("=")[0]).strip().lower().removeprefix("$")
