"""Which policies answer a question? Those of any tenant at any moment, compiled once for as long as they are true.

A crossing is kept as long as both tenants' policies are the very objects it was compiled from; a change of a policy
makes a new one, so nothing stale is ever answered from.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import json

from xtap.model.directory import Tenant
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import Kind
from xtap.semantics.compiling import compile_crossing
from xtap.service.history import History
from xtap.service.meaning import policy_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xtap.semantics.crossing import Crossing, Decision
    from xtap.semantics.documents import TenantPolicy
    from xtap.semantics.request import Access, Channel
    from xtap.service.context import Service
    from xtap.store.snapshot import Snapshot

REMEMBERED: Final = 65_536
"""Compiled crossings that are kept; all are dropped when there are more."""

PAST_REMEMBERED: Final = 256
"""Policies of the past that are kept."""

Moment: TypeAlias = "datetime | Mapping[TenantId, int] | None"
"""When: a time, versions of some tenants (the others as now), or None for now."""


class Compiled:
    """One crossing, and the policies that it was compiled from; it equals nothing but itself.

    Attributes:
        home: the policy of the home tenant that it was compiled from; None if not known.
        resource: the policy of the resource tenant.
        crossing: the compiled policies.
        states: of the register and of those tenants that are registered, which it is true for; none if not known.
    """

    __slots__ = ("crossing", "home", "resource", "states")

    def __init__(self, home: TenantPolicy | None, resource: TenantPolicy | None, crossing: Crossing) -> None:
        self.home = home
        self.resource = resource
        self.crossing = crossing
        self.states: tuple[Snapshot, ...] = ()

    def decide(self, access: Access) -> Decision:
        """Answer one access of this crossing."""
        return self.crossing.decide(access)


class Decisions:
    """Policies and crossings of the stored tenants."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._history = History(service.store)
        self._latest: dict[TenantId, tuple[Snapshot, Snapshot, TenantPolicy]] = {}
        self._past: dict[tuple[TenantId, int, bytes, bytes], TenantPolicy] = {}
        self._compiled: dict[tuple[TenantId, TenantId, Channel], Compiled] = {}

    async def policy(self, tenant: TenantId, moment: Moment = None) -> TenantPolicy | None:
        """Return the policy of a tenant; None if the tenant is not registered here, or was not then.

        Raises:
            InvalidInput: the moment is yet to come, or the version does not exist.
        """
        return await self._policy(await self._service.store.snapshot(DIRECTORY), tenant, moment)

    async def _policy(self, register: Snapshot, tenant: TenantId, moment: Moment) -> TenantPolicy | None:
        known = self._latest.get(tenant) if moment is None else None
        if known is not None and known[0] is register and known[1] is await self._service.store.snapshot(tenant):
            return known[2]
        # Not asked of the database: most home tenants are registered nowhere, and memory is a moment behind at most.
        registered = register.get(Kind.TENANT, tenant)
        if registered is None:
            return None
        if isinstance(moment, datetime):
            created = json.decode(registered, type=Tenant).created
            if created and moment < datetime.fromisoformat(created):
                return None
            version = await self._history.version_at(tenant, moment, self._service.now())
            return self._past_policy(await self._history.at_version(tenant, version), registered)
        if moment is not None and tenant in moment:
            return self._past_policy(await self._history.at_version(tenant, moment[tenant]), registered)
        snapshot = await self._service.store.snapshot(tenant)
        policy = policy_of(snapshot, _cloud(registered))
        self._latest[tenant] = (register, snapshot, policy)
        return policy

    async def compiled(self, home: TenantId, resource: TenantId, channel: Channel, moment: Moment = None) -> Compiled:
        """Return the compiled policies of two tenants for one channel.

        Raises:
            InvalidInput: as for ``policy``.
        """
        key = (home, resource, channel)
        found = self._compiled.get(key)
        if found is not None and moment is None and self._is_latest(found):
            return found
        register = await self._service.store.snapshot(DIRECTORY)
        mine = await self._policy(register, home, moment)
        theirs = await self._policy(register, resource, moment)
        if found is None or found.home is not mine or found.resource is not theirs:
            found = Compiled(mine, theirs, compile_crossing(mine, theirs, (home, resource), channel))
            if moment is None and _names(mine, resource, theirs) and _names(theirs, home, mine):
                if len(self._compiled) >= REMEMBERED:
                    self._compiled.clear()
                self._compiled[key] = found
        if moment is None:
            found.states = self._states(register, ((home, mine), (resource, theirs)))
        return found

    def _states(
        self, register: Snapshot, policies: Iterable[tuple[TenantId, TenantPolicy | None]]
    ) -> tuple[Snapshot, ...]:
        """Return the states that policies are of; none if one of them was replaced while the other was waited for."""
        states = [register]
        for tenant, policy in policies:
            if policy is not None:
                _, state, latest = self._latest[tenant]
                if latest is not policy:
                    return ()
                states.append(state)
        return tuple(states)

    def _is_latest(self, found: Compiled) -> bool:
        """Say whether what it was last asked for with is the latest, as far as that can be said at once."""
        at_hand = self._service.store.at_hand
        for state in found.states:
            if at_hand(state.tenant) is not state:
                return False
        return bool(found.states)

    def _past_policy(self, then: Snapshot, registered: bytes) -> TenantPolicy:
        key = (then.tenant, then.sequence, then.mark, registered)
        found = self._past.get(key)
        if found is None:
            if len(self._past) >= PAST_REMEMBERED:
                self._past.clear()
            found = self._past[key] = policy_of(then, _cloud(registered))
        return found


def _names(policy: TenantPolicy | None, other: TenantId, policy_of_other: TenantPolicy | None) -> bool:
    """Say whether a tenant is known, by a policy or as a partner: what is compiled for made-up ids is not kept."""
    return policy_of_other is not None or (policy is not None and other in policy.partners)


def _cloud(registered: bytes) -> str:
    return json.decode(registered, type=Tenant).cloud
