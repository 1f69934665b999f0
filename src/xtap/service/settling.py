"""What is due? Joins whose time has come, and effects of organizations that are not carried out yet.

Nothing sleeps: every access asks first, and what is due is finished beside it. A server that died between two tenants'
transactions finishes at the next access, whoever makes it. The effects of each tenant are carried out beside those of
the others, so that one which cannot be read or written waits alone (docs/adr/0011).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from contextvars import Context
from functools import partial
from itertools import takewhile
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct, json, structs

from xtap.errors import Unavailable
from xtap.model.audit import Activity
from xtap.model.enums import MemberState
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.membership import why_not_joining
from xtap.model.objects import Kind
from xtap.service import effects
from xtap.service.audit import Modification, event_of
from xtap.service.organization_draft import Draft, join_of, organization_of
from xtap.store.outage import Outage
from xtap.store.protocol import Change, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from xtap.service.context import Service
    from xtap.service.organization_draft import StoredJoin
    from xtap.store.snapshot import Snapshot


log = logging.getLogger(__name__)

WAIT: Final = 1.0
"""Seconds for which an access waits for what is due; once it took longer, nobody waits until something was finished."""

AGAIN: Final = 1.0
"""Seconds between two tries of what cannot be finished, be it for the storage's sake or a tenant's."""

_WAITING: Final = frozenset({Kind.DUE_JOIN, Kind.EFFECT})
"""The kinds of objects in the directory that something may be due for."""

_CANNOT: Final = "what organizations did to tenant %s cannot be carried out now, and waits: %s"

_outage: Final = Outage(
    log, "what is due in multitenant organizations waits", "what was due in multitenant organizations is finished"
)


class _Addressed(Struct):
    """What of an effect says whose it is, also of one that this version cannot read."""

    tenant: TenantId


_addressed: Final = json.Decoder(_Addressed).decode


class Settler:
    """Finishes what is due beside the requests of one node: one try at a time, and no request fails by it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._deliveries = Deliveries(service)
        self._trying: asyncio.Task[None] | None = None
        self._stuck = False
        self._again = 0.0
        self._quiet: Snapshot | None = None  # a state of the directory in which nothing waits
        self._tried: Snapshot | None = None  # one whose effects were all tried

    async def settle(self) -> None:
        """See to it that what is due is finished, and wait for that as long as it is quick; never raises."""
        if self._quiet is not None and self._quiet is self._service.store.at_hand(DIRECTORY):
            return
        try:
            if not await self._is_due():
                return
            if self._trying is not None:  # it may have begun before the last of what is due
                await self._wait(self._trying)
                if not await self._is_due():
                    return
        except Unavailable:  # the access itself will be told
            return
        if self._trying is None and monotonic() >= self._again:
            # In a context of its own: it belongs to no request, neither its trace nor what it sees.
            self._trying = asyncio.create_task(self._try(), context=Context())
        if self._trying is not None:
            await self._wait(self._trying)

    async def close(self) -> None:
        """Give up what is under way."""
        if self._trying is not None:
            self._trying.cancel()
            with suppress(asyncio.CancelledError):
                await self._trying
        await self._deliveries.close()

    async def _is_due(self) -> bool:
        directory = await self._service.store.snapshot(DIRECTORY)
        if not any(map(directory.count, _WAITING)):
            self._quiet = directory
            return False
        if next(_due(directory, self._service.now), None) is not None:
            return True
        tried = directory is self._tried and monotonic() < self._deliveries.again()
        return not tried and directory.count(Kind.EFFECT) > 0

    async def _wait(self, trying: asyncio.Task[None]) -> None:
        if not self._stuck:
            _, late = await asyncio.wait({trying}, timeout=WAIT)
            if late:
                self._stuck = True

    async def _try(self) -> None:
        try:
            await self._finish()
        except Unavailable as error:
            _outage.met(error)
            self._again = monotonic() + AGAIN
        except Exception:
            log.exception("what is due in multitenant organizations cannot be finished")
            self._again = monotonic() + AGAIN
        else:
            _outage.over()
            self._stuck = False
        finally:
            self._trying = None

    async def _finish(self) -> None:
        """Finish everything that is due in every organization, but what a tenant cannot take now."""
        service = self._service
        directory = await service.store.snapshot(DIRECTORY)
        if next(_due(directory, service.now), None) is not None:
            directory = await service.store.change(DIRECTORY, partial(_joined, service))
        if directory.count(Kind.EFFECT):
            await self._deliveries.begin(directory)
        self._tried = directory


class Deliveries:
    """Carries out the effects on each tenant in a task of its own; who cannot take them pauses, and delays no other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._under_way: dict[TenantId, asyncio.Task[None]] = {}
        self._failed: dict[TenantId, float] = {}  # tenants that could not take theirs, and when they are tried again

    async def begin(self, directory: Snapshot) -> None:
        """Carry out what waits, and wait for that: almost ``WAIT`` seconds, and for no tenant that failed before.

        Raises:
            DecodeError: an effect does not say whose it is. Nothing is carried out then: it could be anybody's, and
                who takes a later one first never takes it.
        """
        waiting: dict[TenantId, list[tuple[str, bytes]]] = {}
        for key, document in directory.scan(Kind.EFFECT):
            waiting.setdefault(_addressed(document).tenant, []).append((key, document))
        self._failed = {tenant: again for tenant, again in self._failed.items() if tenant in waiting}
        fresh: list[asyncio.Task[None]] = []
        for tenant, those in waiting.items():
            if tenant in self._under_way or monotonic() < self._failed.get(tenant, 0.0):
                continue
            self._under_way[tenant] = asyncio.create_task(self._deliver(tenant, those))
            if tenant not in self._failed:
                fresh.append(self._under_way[tenant])
        if fresh:
            await asyncio.wait(fresh, timeout=0.9 * WAIT)  # less than an access: for their sake no try is late

    def again(self) -> float:
        """Return when a tenant that could not take its effects is tried next, by the clock of ``monotonic``."""
        return min((again for tenant, again in self._failed.items() if tenant not in self._under_way), default=inf)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way.values())
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, tenant: TenantId, those: Sequence[tuple[str, bytes]]) -> None:
        """Carry out a tenant's effects, and forget them."""
        store = self._service.store
        try:
            decoded = [(key, effects.decode(document)) for key, document in those]
            await store.change(tenant, partial(effects.carry_out, self._service, decoded))
            await store.change(DIRECTORY, partial(_forgotten, [key for key, _ in those]))
        except Exception as error:  # one tenant's fault is no other tenant's
            if tenant not in self._failed:
                fault = None if isinstance(error, Unavailable) else error
                log.log(logging.ERROR if fault else logging.WARNING, _CANNOT, tenant, error, exc_info=fault)
            self._failed[tenant] = monotonic() + AGAIN
        else:
            if self._failed.pop(tenant, None) is not None:
                log.info("what organizations did to tenant %s is carried out", tenant)
        finally:
            del self._under_way[tenant]


def moment(time: datetime) -> str:
    """Return a time as texts that sort like times."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _due(directory: Snapshot, now: Callable[[], datetime]) -> Iterator[tuple[str, TenantId]]:
    """Yield key and tenant of each join whose time has come, in the order of time."""
    if not directory.count(Kind.DUE_JOIN):
        return
    limit = moment(now())
    for key, _ in takewhile(lambda row: row[0].partition("|")[0] <= limit, directory.scan(Kind.DUE_JOIN)):
        yield key, TenantId(key.partition("|")[2])


def _joined(service: Service, directory: Snapshot) -> Change:
    draft = Draft(directory)
    for key, tenant in _due(directory, service.now):
        draft.put(Kind.DUE_JOIN, key, None)
        wish = join_of(directory, tenant)
        if wish is not None:
            _join(draft, tenant, wish)
    return draft.change()


def _join(draft: Draft, tenant: TenantId, wish: StoredJoin) -> None:
    organization = organization_of(draft.state, wish.added_by)
    failure = why_not_joining(organization, tenant, wish.added_by)
    before = None if organization is None else organization.member(tenant)
    if organization is None or before is None or failure is not None:
        draft.put(Kind.JOIN_REQUEST, tenant, structs.replace(wish, failure=failure))
        return
    joined = f"{wish.due[:19]}Z"
    after = structs.replace(before, state=MemberState.ACTIVE, joined_date_time=joined)
    organization = organization.with_member(after)
    draft.put(Kind.ORGANIZATION, organization.id, organization)
    draft.put(Kind.JOIN_REQUEST, tenant, None)
    event = event_of(Modification(Activity.MEMBER_JOINS, Kind.MEMBER, tenant, before, after))
    draft.tell(wish.author, tenant, organization.active(), event)
    draft.join(organization, tenant, wish.author)


def _forgotten(keys: list[str], directory: Snapshot) -> Change:
    there = (key for key in keys if directory.get(Kind.EFFECT, key) is not None)
    return Change(tuple(Write(Kind.EFFECT, key, None) for key in there))
