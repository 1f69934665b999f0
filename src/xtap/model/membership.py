"""What may happen to a multitenant organization? One organization as it is stored, and the rules of its tenants.

Semantics R9.1 to R9.4; what is chosen where they contradict each other stands in docs/adr/0011.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, structs

from xtap.errors import PolicyViolation
from xtap.model.enums import MemberRole, MemberState, OrganizationState
from xtap.model.ids import TenantId
from xtap.model.organizations import Member, MultiTenantOrganization

ACTIVE_LIMIT: Final = 100
"""Active tenants of one organization, counted when a tenant joins; more may be pending (R9.2)."""


class Organization(Struct, frozen=True, rename="camel", gc=False):
    """One organization with its tenants, in the order of their ids.

    Attributes:
        id: a GUID.
        created: when, as the wire shows it.
        creator: the tenant that created it; nobody can remove it (R9.3).
        display_name: its name.
        description: free text.
        members: tenants that were added or have joined, without running transitions.
    """

    id: str
    created: str
    creator: TenantId
    display_name: str
    description: str | None = None
    members: tuple[Member, ...] = ()

    def member(self, tenant: str) -> Member | None:
        """Return one tenant of the organization, or None."""
        return next((each for each in self.members if each.tenant_id == tenant), None)

    def active(self) -> tuple[Member, ...]:
        """Return the tenants that have joined."""
        return tuple(each for each in self.members if each.state is MemberState.ACTIVE)

    def is_owner(self, tenant: str) -> bool:
        """Say whether a tenant has joined and may change the organization."""
        return any(each.tenant_id == tenant and each.role is MemberRole.OWNER for each in self.active())

    def is_last_owner(self, tenant: str) -> bool:
        """Say whether a tenant is the only owner."""
        return [each.tenant_id for each in self.active() if each.role is MemberRole.OWNER] == [tenant]

    def with_member(self, member: Member) -> Organization:
        """Return the organization with a tenant added or changed."""
        others = self.without(member.tenant_id).members
        return structs.replace(self, members=tuple(sorted((*others, member), key=lambda each: each.tenant_id)))

    def without(self, tenant: str) -> Organization:
        """Return the organization without a tenant."""
        return structs.replace(self, members=tuple(each for each in self.members if each.tenant_id != tenant))

    def shown(self) -> MultiTenantOrganization:
        """Return the organization as its tenants see it."""
        return MultiTenantOrganization(
            id=self.id,
            created_date_time=self.created,
            display_name=self.display_name,
            description=self.description,
            state=OrganizationState.ACTIVE,
        )


def check_role(organization: Organization, before: Member, after: Member) -> None:
    """Let a tenant get another role, or refuse.

    Raises:
        PolicyViolation: the organization would be without an owner.
    """
    if after.role is not MemberRole.OWNER and organization.is_last_owner(before.tenant_id):
        raise PolicyViolation.at(
            "$.role",
            f"Tenant {before.tenant_id} is the only owner. Make another active tenant an owner first: "
            "an organization has at least one.",
        )


def check_removal(organization: Organization, member: Member) -> None:
    """Let a tenant leave, or be removed, or refuse; the last owner may leave, and ends the organization.

    Raises:
        PolicyViolation: it is an owner, or created the organization.
    """
    if member.state is not MemberState.ACTIVE or organization.is_last_owner(member.tenant_id):
        return
    if member.tenant_id == organization.creator:
        raise PolicyViolation.at("$", f"Tenant {member.tenant_id} created the organization and cannot be removed.")
    if member.role is MemberRole.OWNER:
        raise PolicyViolation.at(
            "$", f"Tenant {member.tenant_id} is an owner and cannot be removed. Change its role to member first."
        )


def why_not_joining(organization: Organization | None, tenant: TenantId, added_by: TenantId) -> str | None:
    """Say why a tenant cannot join, None if it can.

    What the tenant was not invited to is not told apart from what does not exist.

    Args:
        organization: the one in which the tenant ``added_by`` is active, None for none.
        tenant: that wants to join.
        added_by: the tenant whose invitation it accepts.
    """
    member = None if organization is None else organization.member(tenant)
    if organization is None or member is None or member.added_by_tenant_id != added_by:
        return f"Tenant {added_by} has not added this tenant to a multitenant organization of which it is a part."
    if len(organization.active()) >= ACTIVE_LIMIT:
        return f"The multitenant organization has {ACTIVE_LIMIT} active tenants, which is the limit."
    return None
