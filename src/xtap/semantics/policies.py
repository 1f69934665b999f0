"""Which answer do these tenants' policies give? The policies of some tenants, and decisions over any two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.errors import Conflict, NotFound
from xtap.model.ids import TenantId, is_guid
from xtap.semantics.compiling import compile_crossing
from xtap.semantics.request import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xtap.semantics.crossing import Crossing, Decision
    from xtap.semantics.documents import TenantPolicy
    from xtap.semantics.request import Access

_COLLABORATION = Channel.COLLABORATION  # looking a member up costs a tenth of a decision
REMEMBERED = 65_536
"""Compiled crossings that are kept; all are dropped when there are more."""

NAMED = 5
"""Tenants that an error lists."""


class Policies:
    """The policies of some tenants at one moment; compiled when first used, then answered from memory."""

    def __init__(self, tenants: Iterable[TenantPolicy]) -> None:
        self._tenants = {policy.tenant_id: policy for policy in tenants}
        self._collaboration: dict[TenantId, dict[TenantId, Crossing]] = {}
        self._others: dict[tuple[TenantId, TenantId, Channel], Crossing] = {}

    def __iter__(self) -> Iterator[TenantPolicy]:
        return iter(self._tenants.values())

    def get(self, tenant: TenantId) -> TenantPolicy | None:
        """Return the policy of a tenant, None if it is not known."""
        return self._tenants.get(tenant)

    def named(self, name: str) -> TenantId:
        """Return the id of a tenant; any GUID is one, whether its policy is known or not.

        Args:
            name: id or display name, in any case.

        Raises:
            NotFound: no tenant has this name.
            Conflict: several have it.
        """
        if is_guid(name):
            return TenantId(name.lower())
        called = [policy.tenant_id for policy in self if (policy.display_name or "").lower() == name.lower()]
        if not called or not name:
            raise NotFound(f"No tenant is called '{name}'. {self.known()}")
        if len(called) > 1:
            raise Conflict(f"{len(called)} tenants are called '{name}': {', '.join(called)}. Use the id.")
        return called[0]

    def known(self) -> str:
        """Say whose policies these are, for errors."""
        names = [f"{policy.display_name or 'unnamed'} ({policy.tenant_id})" for policy in self]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return f"Known: {', '.join(names[:NAMED]) or 'none'}{more}."

    def decide(self, access: Access) -> Decision:
        """Answer one access over the policies of both tenants; never ``allowed`` if one of them is not known."""
        if access.channel is _COLLABORATION:
            try:
                return self._collaboration[access.resource][access.home].decide(access)
            except KeyError:
                pass
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
                self._collaboration.setdefault(resource, {})[home] = found
        return found
