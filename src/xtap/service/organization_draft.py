"""Where does an organization live? In the scope of the register of tenants, so that one change sees all of them.

A tenant is in at most one organization, which no tenant's own scope could promise. A draft is a change of that scope
while it is made: objects, and the effects on tenants that follow from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.model.audit import Author
from xtap.model.ids import TenantId
from xtap.model.membership import Organization
from xtap.model.objects import Kind
from xtap.service.effects import Joined, Left, Told, unknown_author
from xtap.store.protocol import Change, Write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xtap.model.audit import Event
    from xtap.model.organizations import Member
    from xtap.service.effects import Effect
    from xtap.store.snapshot import Snapshot


class StoredJoin(Struct, frozen=True, rename="camel"):
    """A tenant's wish to join, until it has joined.

    Attributes:
        added_by: the tenant whose invitation it accepts.
        due: when it joins, UTC, RFC 3339 with microseconds.
        author: who asked.
        failure: why it could not join, None while it has not been tried.
    """

    added_by: TenantId
    due: str
    author: Author
    failure: str | None = None

    def due_key(self, tenant: TenantId) -> str:
        """Return the key under which the join waits: in the order of time."""
        return f"{self.due}|{tenant}"


def organization_of(directory: Snapshot, tenant: str) -> Organization | None:
    """Return the organization in which a tenant is active, or None."""
    found = directory.get(Kind.MEMBERSHIP, tenant)
    stored = None if found is None else directory.get(Kind.ORGANIZATION, json.decode(found, type=str))
    return None if stored is None else json.decode(stored, type=Organization)


def join_of(directory: Snapshot, tenant: str) -> StoredJoin | None:
    """Return a tenant's wish to join, or None."""
    stored = directory.get(Kind.JOIN_REQUEST, tenant)
    return None if stored is None else json.decode(stored, type=StoredJoin)


class Draft:
    """A change of organizations while it is made.

    Attributes:
        state: the scope with everything that was written so far.
    """

    def __init__(self, directory: Snapshot) -> None:
        self.state = directory
        self._version = directory.version
        self._writes: list[Write] = []
        self._effects = 0

    def change(self) -> Change:
        """Return everything that was written."""
        return Change(tuple(self._writes))

    def put(self, kind: Kind, key: str, after: Struct | str | None) -> None:
        """Write an object; None deletes it."""
        write = Write(kind, key, None if after is None else json.encode(after))
        self._writes.append(write)
        self.state = self.state.apply(Change((write,)))

    def effect(self, effect: Effect) -> None:
        """Let something happen to a tenant; keys grow with every change, so effects stay in order."""
        self.put(Kind.EFFECT, f"{self._version:020}.{self._effects:06}", effect)
        self._effects += 1

    def tell(self, author: Author, by: TenantId, tenants: Iterable[Member], event: Event) -> None:
        """Tell tenants of a change; only the log of the author's tenant says who it was.

        Args:
            author: who made the change.
            by: the tenant of the author.
            tenants: which are told.
            event: what happened.
        """
        for tenant in (TenantId(member.tenant_id) for member in tenants):
            self.effect(Told(tenant, author if tenant == by else unknown_author(author), event))

    def join(self, organization: Organization, tenant: TenantId, author: Author) -> None:
        """Make a tenant and each other active tenant of an organization fellows of each other."""
        self.put(Kind.MEMBERSHIP, tenant, organization.id)
        for fellow in _others(organization, tenant):
            self.effect(Joined(tenant, author, fellow))
            self.effect(Joined(fellow, unknown_author(author), tenant))

    def leave(self, organization: Organization, tenant: TenantId, author: Author, by: TenantId) -> None:
        """Part a tenant from each other active tenant of an organization that it was in."""
        self.put(Kind.MEMBERSHIP, tenant, None)
        for fellow in _others(organization, tenant):
            for one, other in ((tenant, fellow), (fellow, tenant)):
                self.effect(Left(one, author if one == by else unknown_author(author), other))


def _others(organization: Organization, tenant: TenantId) -> list[TenantId]:
    return [TenantId(each.tenant_id) for each in organization.active() if each.tenant_id != tenant]
