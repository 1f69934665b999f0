"""The log of sign-ins, as ``auditLogs/signIns``: what was brought in, as a version shows it (wire.md section 10.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xtap.graph.log import Log
from xtap.graph.sign_in_types import SHAPE_BETA, SHAPE_V1
from xtap.model.enums import UNKNOWN_FUTURE_VALUE
from xtap.model.versions import BETA
from xtap.service import sign_ins as service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xtap.graph.exchange import Exchange
    from xtap.graph.log import Start
    from xtap.graph.odata.orderby import Position
    from xtap.graph.odata.shape import Shape
    from xtap.model.schema import Document
    from xtap.model.versions import Version

_PASSTHROUGH: Final = "passthrough"


def _shape(version: Version) -> Shape:
    return SHAPE_BETA if version is BETA else SHAPE_V1


async def _read(exchange: Exchange, start: Start) -> AsyncIterator[tuple[Position, Document]]:
    after = None if start.after is None else (str(start.after[0]), str(start.after[1]))
    found = service.entries(exchange.service, exchange.call, after=after, descending=start.descending)
    async for position, document in found:
        yield position, _evolved(document, exchange)


async def _find(exchange: Exchange) -> Document:
    return _evolved(await service.entry(exchange.service, exchange.call, exchange.key.lower()), exchange)


def _evolved(document: Document, exchange: Exchange) -> Document:
    """Hide the member that was added to an enum later, unless the client asked for it (wire.md section 3.4)."""
    asked_for = b"include-unknown-enum-members" in exchange.headers.get(b"prefer", b"")
    if document.get("crossTenantAccessType") == _PASSTHROUGH and not asked_for:
        document["crossTenantAccessType"] = UNKNOWN_FUTURE_VALUE
    return document


sign_ins = Log(path="auditLogs/signIns", time="createdDateTime", shape=_shape, read=_read, find=_find)
