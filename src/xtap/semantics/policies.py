"""Which answer do these tenants' policies give? The policies of some tenants, and decisions over any two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.semantics.compiling import compile_crossing
from xtap.semantics.request import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xtap.model.ids import TenantId
    from xtap.semantics.crossing import Crossing, Decision
    from xtap.semantics.documents import TenantPolicy
    from xtap.semantics.request import Access

REMEMBERED = 65_536
"""Compiled crossings that are kept; all are dropped when there are more."""


class Policies:
    """The policies of some tenants at one moment; compiled when first used, then answered from memory."""

    def __init__(self, tenants: Iterable[TenantPolicy]) -> None:
        self._tenants = {policy.tenant_id: policy for policy in tenants}
        self._collaboration: dict[tuple[TenantId, TenantId], Crossing] = {}
        self._others: dict[tuple[TenantId, TenantId, Channel], Crossing] = {}

    def __iter__(self) -> Iterator[TenantPolicy]:
        return iter(self._tenants.values())

    def get(self, tenant: TenantId) -> TenantPolicy | None:
        """Return the policy of a tenant, None if it is not known."""
        return self._tenants.get(tenant)

    def decide(self, access: Access) -> Decision:
        """Answer one access over the policies of both tenants; never ``allowed`` if one of them is not known."""
        if access.channel is Channel.COLLABORATION:
            found = self._collaboration.get((access.home, access.resource))
            if found is not None:
                return found.decide(access)
        return self.crossing(access.home, access.resource, access.channel).decide(access)

    def crossing(self, home: TenantId, resource: TenantId, channel: Channel) -> Crossing:
        """Return the compiled policies of two tenants for one channel."""
        key = (home, resource, channel)
        found = self._others.get(key)
        if found is None:
            found = compile_crossing(self.get(home), self.get(resource), (home, resource), channel)
            if len(self._others) >= REMEMBERED:
                self._others.clear()
                self._collaboration.clear()
            self._others[key] = found
            if channel is Channel.COLLABORATION:
                self._collaboration[home, resource] = found
        return found
