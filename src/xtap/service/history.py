"""How did a tenant's objects look then? Any past version, rebuilt backwards from what the audit records kept.

A version is the number of an audit record (``Snapshot.sequence``); 0 is the tenant before its first change. What was
rebuilt is kept, with states on the way to it, so that the next question about that time reads few records or none.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from datetime import datetime, timedelta
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
    from xtap.store.snapshot import Head, Snapshot

AT_ONCE: Final = 1_000
"""Audit records that are read at once."""

STATES: Final = 64
"""The most states that are kept of one way back, at equal distances; one for each reading at most."""

DOCUMENTS: Final = 65_536
"""Documents by which all kept states may differ from the ones that they were made from; the oldest go beyond that."""

MOMENTS: Final = 4_096
"""Moments whose version is remembered; all are dropped when there are more."""

RECENT: Final = timedelta(minutes=1)
"""Moments that are closer than this may have records which only the database knows."""

_record: Final = json.Decoder(AuditRecord)


class History:
    """The past of the tenants of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[TenantId, int], tuple[Snapshot, int]] = OrderedDict()
        self._documents = 0
        self._marks: dict[TenantId, bytes] = {}
        self._versions: dict[tuple[TenantId, datetime, Head], int] = {}
        self._turns: defaultdict[TenantId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def at_version(self, tenant: TenantId, version: int) -> Snapshot:
        """Return a tenant's audited objects after the record with this number.

        What is not audited is as it was at some later time; deleted items are left out.

        Raises:
            InvalidInput: there is no such version.
        """
        latest = await self._store.snapshot(tenant)
        if version > latest.sequence:
            latest = await self._store.refresh(tenant)
        if not 0 <= version <= latest.sequence:
            raise InvalidInput.at(
                "$", f"Tenant {tenant} has no policy version {version}. Its versions are 0 to {latest.sequence}."
            )
        async with self._turns[tenant]:  # whoever asks for the same meanwhile finds it
            if self._marks.get(tenant) != latest.mark:  # what was kept may be of commits that the database lost
                self._forget(tenant)
                self._marks[tenant] = latest.mark
            if (tenant, version) in self._kept:
                self._kept.move_to_end((tenant, version))
                return self._kept[tenant, version][0]
            return await self._rebuilt(latest, version)

    async def version_at(self, tenant: TenantId, moment: datetime, now: datetime) -> int:
        """Return the version that a tenant had at a time.

        Args:
            tenant: whose history.
            moment: when, with a time zone; changes of that very microsecond count.
            now: the time of the question.

        Raises:
            InvalidInput: the time is yet to come, so the answer could still change.
        """
        if moment > now:
            raise InvalidInput.at("$", f"The time {moment.isoformat()} is yet to come. Leave it out to ask about now.")
        read = self._store.refresh if now - moment < RECENT else self._store.snapshot
        latest = await read(tenant)
        key = (tenant, moment, latest.head)
        if key not in self._versions:
            found = await self._last_before(tenant, moment, latest.sequence)
            if len(self._versions) >= MOMENTS:
                self._versions.clear()
            self._versions[key] = found
        return self._versions[key]

    async def _rebuilt(self, latest: Snapshot, version: int) -> Snapshot:
        """Go back from the nearest later state that is known, and keep states on the way."""
        tenant = latest.tenant
        later = (state for (whose, number), (state, _) in self._kept.items() if whose == tenant and number > version)
        found = min(later, key=lambda state: state.sequence, default=latest)
        step = max(AT_ONCE, -(-(found.sequence - version) // STATES))
        for start in reversed(range(version, found.sequence, step)):
            writes = await self._undone(tenant, start, found.sequence)
            found = replace(found.apply(Change(writes), latest.mark), sequence=start)
            self._keep(_audited(found), len(writes))
        return _audited(found)

    def _forget(self, tenant: TenantId) -> None:
        for key in [key for key in self._kept if key[0] == tenant]:
            self._documents -= self._kept.pop(key)[1]

    def _keep(self, state: Snapshot, documents: int) -> None:
        self._kept[state.tenant, state.sequence] = state, documents
        self._documents += documents
        while self._documents > DOCUMENTS and len(self._kept) > 1:
            _, (_, fewer) = self._kept.popitem(last=False)
            self._documents -= fewer

    async def _undone(self, tenant: TenantId, after: int, last: int) -> tuple[Write, ...]:
        """Return the writes that take back some records: each object as the first of them found it."""
        found: dict[tuple[Kind, str], Write] = {}
        while after < last and (page := await self._store.audit(tenant, after=after, limit=min(AT_ONCE, last - after))):
            for number, entry in page:
                after = number
                record = _record.decode(entry.document)
                if (record.kind, record.key) not in found:
                    before = None if record.before == NOTHING else bytes(record.before)
                    found[record.kind, record.key] = Write(record.kind, record.key, before)
        return tuple(found.values())

    async def _last_before(self, tenant: TenantId, moment: datetime, last: int) -> int:
        """Return the number of the last record that is not later than a time, by halving: records stand in time order.

        Where the clock of a node jumped back, or those of two nodes differ, moments were seen twice: one is found.
        """
        low, high = 0, last
        while low < high:
            middle = (low + high + 1) // 2
            ((_, entry),) = await self._store.audit(tenant, after=middle - 1, limit=1)
            if datetime.fromisoformat(_record.decode(entry.document).time) <= moment:
                low = middle
            else:
                high = middle - 1
        return low


def _audited(state: Snapshot) -> Snapshot:
    objects = {kind: kept for kind, kept in state.objects.items() if kind not in NOT_HISTORY}
    return replace(state, objects=objects)
