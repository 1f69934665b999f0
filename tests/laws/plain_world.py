"""Several tenants in plain dicts, one clock, and the multitenant organizations among them (semantics 9, ADR 11).

Every method is one operation of a tenant and returns the status of its answer, as in ``plain_tenant``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.laws.plain_tenant import PlainTenant, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = "00000000-0000-0000-0000-000000000000"
START = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
INACTIVE = {"createdDateTime": None, "displayName": None, "description": None, "state": "inactive"}


@dataclass
class Member:
    """One tenant of an organization, as it is listed, without a join that is on its way."""

    shown: dict[str, Any]

    @property
    def active(self) -> bool:
        return bool(self.shown["state"] == "active")

    @property
    def owner(self) -> bool:
        return self.active and self.shown["role"] == "owner"


@dataclass
class Organization:
    creator: str
    shown: dict[str, Any]
    members: dict[str, Member] = field(default_factory=dict)

    def others(self, tenant: str) -> list[str]:
        return [each for each, member in self.members.items() if member.active and each != tenant]

    def only_owner(self, tenant: str) -> bool:
        return [each for each, member in self.members.items() if member.owner] == [tenant]


@dataclass
class Wish:
    """A tenant's request to join."""

    added_by: str
    due: datetime
    failed: bool = False


class PlainWorld:
    """All tenants.

    Args:
        tenants: their ids.
        delay: how long a join takes.
    """

    def __init__(self, tenants: Sequence[str], delay: timedelta) -> None:
        self.time = START
        self.delay = delay
        self.tenants = {each: PlainTenant(each, lambda: self.time) for each in tenants}
        self.organizations: list[Organization] = []
        self.wishes: dict[str, Wish] = {}
        self.answer: dict[str, Any] | None = None

    def begin(self) -> None:
        """Let everything happen that is due when a request comes."""
        for tenant in self.tenants.values():
            tenant.expire()
            tenant.answer = None
        self.answer = None
        for tenant_id, wish in sorted(self.wishes.items(), key=lambda item: (item[1].due, item[0])):
            if wish.due <= self.time and not wish.failed:
                self._join(tenant_id, wish)

    def of(self, tenant: str) -> Organization | None:
        """Return the organization in which a tenant is active."""
        for each in self.organizations:
            if tenant in each.members and each.members[tenant].active:
                return each
        return None

    # --- the organization ------------------------------------------------------------

    def create(self, tenant: str, body: dict[str, Any]) -> int:
        if not body.get("displayName") or self.of(tenant) is not None or tenant in self.wishes:
            return 400
        now = stamp(self.time)
        shown = {"createdDateTime": now, "displayName": None, "description": None, "state": "active"} | body
        made = Organization(tenant, shown)
        made.members[tenant] = Member(self._member(tenant, tenant, now, "owner", "active"))
        made.members[tenant].shown["displayName"] = f"name of {tenant}"
        self.organizations.append(made)
        self.answer = shown
        return 201

    @staticmethod
    def _member(tenant: str, by: str, added: str, role: str, state: str) -> dict[str, Any]:
        return {
            "tenantId": tenant,
            "displayName": None,
            "addedDateTime": added,
            "joinedDateTime": None,
            "addedByTenantId": by,
            "role": role,
            "state": state,
            "transitionDetails": None,
        }

    def change(self, tenant: str, body: dict[str, Any]) -> int:
        found, status = self._owned(tenant)
        if found is None:
            return status
        if not (found.shown | body)["displayName"]:
            return 400
        found.shown |= body
        return 204

    def add(self, tenant: str, other: str, body: dict[str, Any]) -> int:
        found, status = self._owned(tenant)
        if found is None:
            return status
        if other in found.members:
            return 400
        found.members[other] = Member(self._member(other, tenant, stamp(self.time), "member", "pending") | body)
        self.answer = found.members[other].shown
        return 201

    def change_role(self, tenant: str, other: str, role: str) -> int:
        found, status = self._owned(tenant)
        if found is None:
            return status
        if other not in found.members:
            return 404
        if role != "owner" and found.only_owner(other):
            return 400
        found.members[other].shown["role"] = role
        return 204

    def remove(self, tenant: str, other: str) -> int:
        found, status = self._owned(tenant)
        if found is None and tenant == other and status == 403:
            found = self.of(tenant)
        if found is None:
            return status
        if other not in found.members:
            return 404
        member = found.members[other]
        if found.only_owner(other):
            for each in [each for each in found.members if found.members[each].active]:
                self._leave(found, each)
            self.organizations.remove(found)
            return 204
        if member.active and (member.owner or other == found.creator):
            return 400
        self._leave(found, other)
        return 204

    def _owned(self, tenant: str) -> tuple[Organization | None, int]:
        found = self.of(tenant)
        if found is None:
            return None, 404
        return (found, 0) if found.members[tenant].owner else (None, 403)

    def _leave(self, organization: Organization, tenant: str) -> None:
        if organization.members[tenant].active:
            for other in organization.others(tenant):
                self.tenants[tenant].part(other)
                self.tenants[other].part(tenant)
        del organization.members[tenant]

    # --- joining ---------------------------------------------------------------------

    def ask_to_join(self, tenant: str, added_by: str) -> int:
        found, wish = self.of(tenant), self.wishes.get(tenant)
        if found is not None:
            return 204 if found.members[tenant].shown["addedByTenantId"] == added_by else 400
        if added_by == NOBODY:
            self.wishes.pop(tenant, None)
            return 204
        if wish is not None:
            return 400 if wish.failed or wish.added_by != added_by else 204
        self.wishes[tenant] = Wish(added_by, self.time + self.delay)
        return 204

    def _join(self, tenant: str, wish: Wish) -> None:
        found = self.of(wish.added_by)
        member = None if found is None else found.members.get(tenant)
        if found is None or member is None or member.shown["addedByTenantId"] != wish.added_by:
            wish.failed = True
            return
        del self.wishes[tenant]
        member.shown |= {"state": "active", "joinedDateTime": stamp(wish.due)}
        for other in found.others(tenant):
            self.tenants[tenant].meet(other)
            self.tenants[other].meet(tenant)

    # --- what is seen ----------------------------------------------------------------

    def organization(self, tenant: str) -> dict[str, Any]:
        """Return the organization of a tenant; its id is not known here."""
        found = self.of(tenant)
        return dict(INACTIVE if found is None else found.shown)

    def members(self, tenant: str) -> list[dict[str, Any]]:
        """Return the tenants of the organization of a tenant, as they are listed."""
        found = self.of(tenant)
        members = {} if found is None else found.members
        return [self._listed(each, members[each]) for each in sorted(members)]

    def _listed(self, tenant: str, member: Member) -> dict[str, Any]:
        wish = self.wishes.get(tenant)
        if member.active or wish is None or wish.added_by != member.shown["addedByTenantId"]:
            return dict(member.shown)
        running = {"desiredState": "active", "desiredRole": member.shown["role"], "details": None}
        return member.shown | {"transitionDetails": running | self._progress(wish)}

    def join_request(self, tenant: str) -> dict[str, Any]:
        """Return the join request of a tenant; its id and the words of a failure are not known here."""
        found, wish = self.of(tenant), self.wishes.get(tenant)
        shown = {"addedByTenantId": NOBODY, "memberState": None, "role": None, "transitionDetails": None}
        if found is not None:
            member = found.members[tenant].shown
            return shown | {"addedByTenantId": member["addedByTenantId"], "memberState": "active"} | _role(member)
        if wish is None:
            return shown
        running = {"desiredMemberState": "active", "details": ""} | self._progress(wish)
        return shown | {"addedByTenantId": wish.added_by, "memberState": "pending", "transitionDetails": running}

    @staticmethod
    def _progress(wish: Wish) -> dict[str, Any]:
        return {"status": "failed", "details": "<words>"} if wish.failed else {"status": "notStarted"}


def _role(member: dict[str, Any]) -> dict[str, Any]:
    return {"role": member["role"]}
