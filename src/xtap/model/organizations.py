"""What is a multitenant organization on the wire: the organization, its tenants, and a tenant's request to join.

Resource pages multiTenantOrganization, multiTenantOrganizationMember, multiTenantOrganizationJoinRequestRecord; v1.0
and beta show the same. ``READ_ONLY`` holds the wire names that a client may echo but not change.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import UNSET, Struct, UnsetType

from xtap.model.enums import MemberRole, MemberState, OrganizationState, ProcessingStatus
from xtap.model.ids import DIRECTORY


class MultiTenantOrganization(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganization: as it begins, what a tenant sees that is in none."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "createdDateTime", "state"})

    id: str | UnsetType = UNSET
    created_date_time: str | None = None
    display_name: str | None = None
    description: str | None = None
    state: OrganizationState | None = OrganizationState.INACTIVE


class MemberTransition(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationMemberTransitionDetails: what a tenant is about to become."""

    desired_state: MemberState | None = None
    desired_role: MemberRole | None = None
    status: ProcessingStatus | None = None
    details: str | None = None


class BasicMember(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationMember as far as MultiTenantOrganization.ReadBasic.All shows it."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset(
        {
            *("tenantId", "displayName", "addedDateTime", "joinedDateTime", "addedByTenantId"),
            *("state", "transitionDetails"),
        }
    )

    tenant_id: str
    display_name: str | None = None


class Member(BasicMember, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationMember: one tenant that was added, or has joined.

    ``joined_date_time`` stays null for the tenant that created the organization (documented examples).
    """

    added_date_time: str | None = None
    joined_date_time: str | None = None
    added_by_tenant_id: str | None = None
    role: MemberRole | None = MemberRole.MEMBER
    state: MemberState | None = MemberState.PENDING
    transition_details: MemberTransition | None = None


class JoinTransition(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationJoinRequestTransitionDetails: how far a join is, or why it failed."""

    desired_member_state: MemberState | None = None
    status: ProcessingStatus | None = None
    details: str | None = None


class JoinRequest(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationJoinRequestRecord: whose invitation was accepted; the nil GUID stands for nobody's."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "memberState", "role", "transitionDetails"})

    id: str
    added_by_tenant_id: str | None = DIRECTORY
    member_state: MemberState | None = None
    role: MemberRole | None = None
    transition_details: JoinTransition | None = None
