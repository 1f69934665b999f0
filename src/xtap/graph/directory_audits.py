"""The audit log of a tenant's policies, as ``auditLogs/directoryAudits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

from xtap.graph.log import Log
from xtap.graph.shapes import shape_of
from xtap.model.directory_audit import directory_audit
from xtap.service import audit_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xtap.graph.exchange import Exchange
    from xtap.graph.log import Start
    from xtap.graph.odata.orderby import Position
    from xtap.model.audit import AuditRecord
    from xtap.model.schema import Document


async def _read(exchange: Exchange, start: Start) -> AsyncIterator[tuple[Position, Document]]:
    after = None if start.after is None else int(str(start.after[0]))
    found = audit_log.records(exchange.service, exchange.call, after=after, descending=start.descending)
    async for number, record in found:
        yield (number,), _document(exchange, record)


async def _find(exchange: Exchange) -> Document:
    return _document(exchange, await audit_log.record(exchange.service, exchange.call, exchange.key.lower()))


def _document(exchange: Exchange, record: AuditRecord) -> Document:
    document: Document = json.decode(json.encode(directory_audit(record, exchange.call.caller.tenant)))
    return document


directory_audits = Log(
    path="auditLogs/directoryAudits",
    time="activityDateTime",
    shape=lambda version: shape_of(version.directory_audit),
    read=_read,
    find=_find,
)
