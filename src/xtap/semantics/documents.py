"""What of a tenant's stored documents counts for their meaning? The decisive members only, read without judgement.

These types are deliberately laxer than ``xtap.model``: words of a later version (an access type, a keyword) arrive as
text, and the rules say what an unknown word does. Names of members are those of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct, convert, field, to_builtins

from xtap.model import pristine
from xtap.model.enums import CloudEndpoint
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.settings import AutomaticUserConsent, InboundTrust, SyncInbound


class Target(Struct, frozen=True, rename="camel", gc=False):
    """One member of a list: an id or a keyword, and what it is said to be."""

    target: str
    target_type: str


class TargetList(Struct, frozen=True, rename="camel", gc=False):
    """One half of a setting: a list of users and groups, or of applications, that is allowed or blocked."""

    access_type: str
    targets: tuple[Target, ...]


class Setting(Struct, frozen=True, rename="camel", gc=False):
    """crossTenantAccessPolicyB2BSetting, or tenant restrictions without their (unenforced) devices."""

    users_and_groups: TargetList | None = None
    applications: TargetList | None = None


class Redemption(Struct, frozen=True, rename="camel", gc=False):
    """invitationRedemptionIdentityProviderConfiguration."""

    primary_identity_provider_precedence_order: tuple[str, ...]
    fallback_identity_provider: str


class Configuration(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What a partner entry and the default policy have in common; None is "not configured here"."""

    inbound_trust: InboundTrust | None = None
    b2b_collaboration_inbound: Setting | None = None
    b2b_collaboration_outbound: Setting | None = None
    b2b_direct_connect_inbound: Setting | None = None
    b2b_direct_connect_outbound: Setting | None = None
    automatic_user_consent_settings: AutomaticUserConsent | None = None
    tenant_restrictions: Setting | None = None
    block_service_provider_outbound_access: bool | None = None


class Default(Configuration, frozen=True, kw_only=True, rename="camel", gc=False):
    """The default policy. ``is_service_default`` names the origin of its values and decides nothing (R2.7)."""

    is_service_default: bool = False
    invitation_redemption_identity_provider_configuration: Redemption | None = None


class Partner(Configuration, frozen=True, kw_only=True, rename="camel", gc=False):
    """One partner entry."""

    tenant_id: TenantId
    is_service_provider: bool | None = None


class IdentitySync(Struct, frozen=True, rename="camel", gc=False):
    """The identity synchronization policy of a partner."""

    user_sync_inbound: SyncInbound | None = None


class TenantPolicy(Struct, frozen=True, kw_only=True):
    """Everything one tenant configured, at one version.

    Attributes:
        tenant_id: whose policy it is.
        display_name: what its people call it; decides nothing.
        cloud: where the tenant lives.
        allowed_clouds: the other clouds that its policy names (``allowedCloudEndpoints``).
        default: its default policy; values it lacks come from the service default.
        partners: its partner entries by tenant id.
        identity_sync: its synchronization policies by the partner's tenant id.
        version: the policy version, None for policies from files.
    """

    tenant_id: TenantId
    display_name: str | None = None
    cloud: str = CloudEndpoint.COMMERCIAL
    allowed_clouds: frozenset[str] = frozenset()
    default: Default = Default(is_service_default=True)
    partners: Mapping[TenantId, Partner] = field(default_factory=lambda: MappingProxyType({}))
    identity_sync: Mapping[TenantId, IdentitySync] = field(default_factory=lambda: MappingProxyType({}))
    version: int | None = None


SERVICE_DEFAULT = convert(to_builtins(pristine.default(DIRECTORY)), Default)
"""What holds where a tenant configured nothing: versioned data of ``xtap.model`` (semantics R2.8)."""

CREATED_TENANT_RESTRICTIONS = convert(to_builtins(pristine.CREATED_TENANT_RESTRICTIONS), Setting)
"""What a half-filled tenant restriction is completed from: everything blocked (observed 2026, R10.2)."""
