"""What is due? Joins whose time has come, and effects of organizations that are not carried out yet.

Nothing sleeps: every access asks first, and what is due is finished beside it. A server that died between two tenants'
transactions finishes at the next access, whoever makes it (docs/adr/0011).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from contextvars import Context
from functools import partial
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import structs

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
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from xtap.service.context import Service
    from xtap.service.effects import Effect
    from xtap.service.organization_draft import StoredJoin
    from xtap.store.snapshot import Snapshot


log = logging.getLogger(__name__)

WAIT: Final = 1.0
"""Seconds for which an access waits for what is due; once it took longer, nobody waits until something was finished."""

AGAIN: Final = 1.0
"""Seconds between two tries while the storage refuses."""

_WAITING: Final = frozenset({Kind.DUE_JOIN, Kind.EFFECT})
"""The kinds of objects in the directory that something may be due for."""

_outage: Final = Outage(
    log, "what is due in multitenant organizations waits", "what was due in multitenant organizations is finished"
)

_reported: Final[set[TenantId]] = set()
"""Tenants whose effects cannot be carried out, which the log has told; every access tries them again."""


class Settler:
    """Finishes what is due beside the requests of one node: one try at a time, and no request fails by it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._trying: asyncio.Task[None] | None = None
        self._stuck = False
        self._again = 0.0
        self._quiet: Snapshot | None = None  # a state of the directory in which nothing waits

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
        """Give up a try that is under way."""
        if self._trying is not None:
            self._trying.cancel()
            with suppress(asyncio.CancelledError):
                await self._trying

    async def _is_due(self) -> bool:
        directory = await self._service.store.snapshot(DIRECTORY)
        if not any(map(directory.count, _WAITING)):
            self._quiet = directory
            return False
        return directory.count(Kind.EFFECT) > 0 or next(_due(directory, self._service.now), None) is not None

    async def _wait(self, trying: asyncio.Task[None]) -> None:
        if not self._stuck:
            _, late = await asyncio.wait({trying}, timeout=WAIT)
            if late:
                self._stuck = True

    async def _try(self) -> None:
        try:
            if await settle(self._service):
                self._stuck = False
            else:
                self._again = monotonic() + AGAIN
        finally:
            self._trying = None


async def settle(service: Service) -> bool:
    """Finish everything that is due in every organization; what cannot be finished now is left to the next access.

    Never raises: what is due is another tenant's matter as often as the caller's, who can be answered without it.

    Returns:
        Whether the storage took it.
    """
    try:
        await _settle(service)
    except Unavailable as error:
        _outage.met(error)
    except Exception:
        log.exception("what is due in multitenant organizations cannot be finished")
    else:
        _outage.over()
        return True
    return False


async def _settle(service: Service) -> None:
    directory = await service.store.snapshot(DIRECTORY)
    if directory.objects.keys().isdisjoint(_WAITING):
        return
    if next(_due(directory, service.now), None) is not None:
        directory = await service.store.change(DIRECTORY, partial(_joined, service))
    if directory.count(Kind.EFFECT):
        await _carry_out(service, directory)


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


async def _carry_out(service: Service, directory: Snapshot) -> None:
    """Carry out every effect, tenant by tenant, and forget those that are carried out."""
    waiting: dict[TenantId, list[tuple[str, Effect]]] = {}
    for key, document in directory.scan(Kind.EFFECT):
        effect = effects.decode(document)
        waiting.setdefault(effect.tenant, []).append((key, effect))
    for tenant, those in waiting.items():
        try:
            await service.store.change(tenant, partial(effects.carry_out, service, those))
        except Unavailable:
            raise
        except Exception:  # one tenant's fault is no other tenant's: the effects of those behind it are due as well
            if tenant not in _reported:
                _reported.add(tenant)
                log.exception("what organizations did to tenant %s cannot be carried out, and waits", tenant)
        else:
            _reported.discard(tenant)
            await service.store.change(DIRECTORY, partial(_forgotten, [key for key, _ in those]))


def _forgotten(keys: list[str], directory: Snapshot) -> Change:
    there = (key for key in keys if directory.get(Kind.EFFECT, key) is not None)
    return Change(tuple(Write(Kind.EFFECT, key, None) for key in there))
