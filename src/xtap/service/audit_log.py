"""What was changed in the caller's tenant? The stored audit records, read in the order of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import json

from xtap.model.audit import AuditRecord
from xtap.service.partners import no_such_object
from xtap.service.permissions import Operation, require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xtap.service.context import Call, Service

AT_ONCE: Final = 250
"""Records that are read, and made up for the client, without letting other requests in between."""

_record: Final = json.Decoder(AuditRecord)


async def records(
    service: Service, call: Call, *, after: int | None = None, descending: bool = True
) -> AsyncIterator[tuple[int, AuditRecord]]:
    """Yield records with their numbers.

    Args:
        service: where they are.
        call: who asks.
        after: the number that the caller has seen last, None to begin.
        descending: latest first.

    Raises:
        Forbidden: the caller may not read the audit log.
    """
    require(call.caller, Operation.READ_DIRECTORY_AUDITS)
    store, tenant = service.store, call.caller.tenant
    latest = (await store.snapshot(tenant)).sequence
    if descending:
        end = latest if after is None else min(latest, after - 1)
        while end > 0:
            start = max(0, end - AT_ONCE)
            for number, entry in reversed(await store.audit(tenant, after=start, limit=end - start)):
                yield number, _record.decode(entry.document)
            end = start
        return
    start = after or 0
    while start < latest:
        end = min(latest, start + AT_ONCE)
        for number, entry in await store.audit(tenant, after=start, limit=end - start):
            yield number, _record.decode(entry.document)
        start = end


async def record(service: Service, call: Call, key: str) -> AuditRecord:
    """Return one record.

    Raises:
        Forbidden: the caller may not read the audit log.
        NotFound: there is none with this id.
    """
    async for _, found in records(service, call):
        if found.id == key:
            return found
    raise no_such_object(key)
