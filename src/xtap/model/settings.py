"""The building blocks of every policy: targets, B2B settings, trust, consent, redemption.

Names and types are those of the CSDL. A member typed ``X | UnsetType`` is left out of answers while it is not
configured (the documentation echoes half-filled settings that way); a member typed ``X | None`` shows as null.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field

from xtap.model.enums import AccessType, IdentityProvider, TargetType


class Target(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyTarget: one user, group or application, by object id or keyword."""

    target: str
    target_type: TargetType


class TargetConfiguration(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyTargetConfiguration: a list, and whether it allows or blocks."""

    access_type: AccessType
    targets: tuple[Target, ...]


class UsersAndGroups(TargetConfiguration, frozen=True, kw_only=True, rename="camel", gc=False):
    """A target configuration that names people: users and groups of the home tenant, or ``AllUsers``."""


class Applications(TargetConfiguration, frozen=True, kw_only=True, rename="camel", gc=False):
    """A target configuration that names applications by id, ``AllApplications`` or ``Office365``."""


class B2BSetting(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyB2BSetting: who, with which applications, in one direction of one channel."""

    users_and_groups: UsersAndGroups | UnsetType = UNSET
    applications: Applications | UnsetType = UNSET


class DevicesFilter(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """devicesFilter: stored and shown; documented as not yet enforced by the service."""

    mode: AccessType | None = None
    rule: str | None = None


class TenantRestrictions(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyTenantRestrictions: foreign accounts on one's own network or devices."""

    devices: DevicesFilter | None = None
    users_and_groups: UsersAndGroups | UnsetType = UNSET
    applications: Applications | UnsetType = UNSET


class InboundTrust(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyInboundTrust: which claims of the home tenant Conditional Access accepts."""

    is_mfa_accepted: bool | None = None
    is_compliant_device_accepted: bool | None = None
    is_hybrid_azure_ad_joined_device_accepted: bool | None = field(
        default=None, name="isHybridAzureADJoinedDeviceAccepted"
    )


class AutomaticUserConsent(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """inboundOutboundPolicyConfiguration: whether the consent prompt is skipped; null inherits."""

    inbound_allowed: bool | None = None
    outbound_allowed: bool | None = None


class InvitationRedemption(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """defaultInvitationRedemptionIdentityProviderConfiguration: who signs a guest in, in which order."""

    primary_identity_provider_precedence_order: tuple[IdentityProvider, ...]
    fallback_identity_provider: IdentityProvider


class M365CollaborationInbound(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyM365CollaborationInboundSetting: the inbound one has ``users``."""

    users: UsersAndGroups | UnsetType = UNSET


class M365CollaborationOutbound(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyM365CollaborationOutboundSetting: the outbound one has ``usersAndGroups``."""

    users_and_groups: UsersAndGroups | UnsetType = UNSET


class AppServiceConnect(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyAppServiceConnectSetting: foreign applications, service to service."""

    applications: Applications | UnsetType = UNSET


class SyncInbound(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantUserSyncInbound: may the partner push users into this tenant."""

    is_sync_allowed: bool | None = None


class GroupSyncInbound(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantGroupSyncInbound: may the partner push groups into this tenant."""

    is_sync_allowed: bool


class RoleEnabledGroupSyncInbound(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantRoleEnabledGroupSyncInbound: the same for groups that roles can be assigned to."""

    is_sync_allowed: bool
