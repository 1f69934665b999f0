"""How did a tenant's objects look then? Any past version, rebuilt backwards from what the audit records kept.

A version is the number of an audit record (``Snapshot.sequence``); 0 is the tenant before its first change.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import json
from msgspec.structs import replace

from xtap.errors import InvalidInput
from xtap.model.audit import NOTHING, AuditRecord
from xtap.service.recycle_bin import NOT_HISTORY
from xtap.store.protocol import Change, Write

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.model.objects import Kind
    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot

AT_ONCE: Final = 1_000
"""Audit records that are read at once."""

_record: Final = json.Decoder(AuditRecord)


async def at_version(store: Store, tenant: TenantId, version: int) -> Snapshot:
    """Return a tenant's audited objects after the record with this number; what is not audited is as it is now.

    Deleted items are left out.

    Raises:
        InvalidInput: there is no such version.
    """
    latest = await store.snapshot(tenant)
    if version > latest.sequence:
        latest = await store.refresh(tenant)
    if not 0 <= version <= latest.sequence:
        raise InvalidInput.at(
            "$", f"Tenant {tenant} has no policy version {version}. Its versions are 0 to {latest.sequence}."
        )
    found = latest.apply(Change(await _undone(store, latest, version)), latest.mark)
    objects = {kind: kept for kind, kept in found.objects.items() if kind not in NOT_HISTORY}
    return replace(found, sequence=version, objects=objects)


async def at_time(store: Store, tenant: TenantId, moment: datetime, now: datetime) -> Snapshot:
    """Return a tenant's audited objects as they were at a time.

    Args:
        store: where the history is.
        tenant: whose history.
        moment: when, with a time zone; changes of that very microsecond count.
        now: the time of the question.

    Raises:
        InvalidInput: the time is yet to come, so the answer could still change.
    """
    if moment > now:
        raise InvalidInput.at("$", f"The time {moment.isoformat()} is yet to come. Leave it out to ask about now.")
    return await at_version(store, tenant, await _last_before(store, tenant, moment))


async def _undone(store: Store, latest: Snapshot, version: int) -> tuple[Write, ...]:
    """Return the writes that take back every change after a version: each object as its first later record found it."""
    found: dict[tuple[Kind, str], Write] = {}
    while version < latest.sequence and (page := await store.audit(latest.tenant, after=version, limit=AT_ONCE)):
        for number, entry in page:
            version = number
            record = _record.decode(entry.document)
            if number <= latest.sequence and (record.kind, record.key) not in found:
                before = None if record.before == NOTHING else bytes(record.before)
                found[record.kind, record.key] = Write(record.kind, record.key, before)
    return tuple(found.values())


async def _last_before(store: Store, tenant: TenantId, moment: datetime) -> int:
    """Return the number of the last record that is not later than a time, by halving: records stand in time order.

    Where the clock of a node jumped back, or those of two nodes differ, moments were seen twice: one of them is found.
    """
    low, high = 0, (await store.refresh(tenant)).sequence
    while low < high:
        middle = (low + high + 1) // 2
        ((_, entry),) = await store.audit(tenant, after=middle - 1, limit=1)
        if datetime.fromisoformat(_record.decode(entry.document).time) <= moment:
            low = middle
        else:
            high = middle - 1
    return low
