"""Settings beside cross-tenant access that tools read with it: who may invite guests, and network tagging.

They are kept and answered, nothing is decided by them. The beta type is what is stored (see ``xtap.model.policies``).
Defaults are those of the examples on the reference pages; consent of users to applications is in beta only.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from xtap.model.enums import AllowInvitesFrom, GuestUserRole, TaggingStatus


class DefaultUserRolePermissions(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """defaultUserRolePermissions: what every member may."""

    allowed_to_create_apps: bool = True
    allowed_to_create_security_groups: bool = True
    allowed_to_read_other_users: bool = True


class AuthorizationPolicy(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """authorizationPolicy: a singleton that always exists."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "enabledPreviewFeatures"})

    id: str = "authorizationPolicy"
    allow_invites_from: AllowInvitesFrom = AllowInvitesFrom.EVERYONE
    allowed_to_sign_up_email_based_subscriptions: bool = True
    allowed_to_use_sspr: bool = field(default=True, name="allowedToUseSSPR")
    allow_email_verified_users_to_join_organization: bool = True
    allow_user_consent_for_risky_apps: bool = False
    block_msol_power_shell: bool | None = None
    display_name: str | None = "Authorization Policy"
    description: str | None = "Used to manage authorization related settings across the company."
    guest_user_role_id: GuestUserRole = GuestUserRole.GUEST_USER
    default_user_role_permissions: DefaultUserRolePermissions = DefaultUserRolePermissions()


class BetaAuthorizationPolicy(AuthorizationPolicy, frozen=True, kw_only=True, rename="camel", gc=False):
    """The same in beta: with the consent of users to applications, and what is in private preview."""

    enabled_preview_features: tuple[str, ...] = ()
    permission_grant_policy_ids_assigned_to_default_user_role: tuple[str, ...] = (
        "managePermissionGrantsForSelf.microsoft-user-default-low",
    )


class NetworkAccess(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """networkaccess.crossTenantAccessSettings (beta): universal tenant restrictions.

    ``data_plane_tagging_options`` was only ever observed as ``none``, and is on no page.
    """

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"dataPlaneTaggingOptions"})

    network_packet_tagging_status: TaggingStatus = TaggingStatus.DISABLED
    data_plane_tagging_options: str = "none"
