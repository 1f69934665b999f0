"""The objects a tenant keeps: policy, default, partner, identity synchronization, and the two templates.

Each comes twice: the v1.0 type, and a ``Beta…`` type that adds what only beta knows. The beta type is what is
stored; an answer is the stored document read through the type of the version that was asked. Field order is the
order of the service's answers. ``READ_ONLY`` holds the wire names that a client may echo but not change.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from xtap.model.enums import CloudEndpoint, TemplateApplicationLevel
from xtap.model.settings import (
    AppServiceConnect,
    AutomaticUserConsent,
    B2BSetting,
    GroupSyncInbound,
    InboundTrust,
    InvitationRedemption,
    M365CollaborationInbound,
    M365CollaborationOutbound,
    RoleEnabledGroupSyncInbound,
    SyncInbound,
    TenantRestrictions,
)


class Policy(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicy: the root singleton."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "deletedDateTime", "definition"})

    id: str
    deleted_date_time: str | None = None
    display_name: str | None = None
    description: str | None = None
    allowed_cloud_endpoints: tuple[CloudEndpoint, ...] = ()


class BetaPolicy(Policy, frozen=True, kw_only=True, rename="camel", gc=False):
    """The root singleton in beta: with the old raw definition, always empty here."""

    definition: tuple[str, ...] = ()


class Default(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyConfigurationDefault: what holds for every tenant without an own setting.

    ``is_service_default`` says that it was never written since the last reset (semantics R2.7).
    """

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "isServiceDefault", "automaticUserConsentSettings"})

    id: str
    is_service_default: bool
    inbound_trust: InboundTrust | None = None
    b2b_collaboration_outbound: B2BSetting | None = None
    b2b_collaboration_inbound: B2BSetting | None = None
    b2b_direct_connect_outbound: B2BSetting | None = None
    b2b_direct_connect_inbound: B2BSetting | None = None
    automatic_user_consent_settings: AutomaticUserConsent = AutomaticUserConsent()
    tenant_restrictions: TenantRestrictions | None = None
    invitation_redemption_identity_provider_configuration: InvitationRedemption | None = None
    m365_collaboration_inbound: M365CollaborationInbound | None = None
    m365_collaboration_outbound: M365CollaborationOutbound | None = None
    app_service_connect_inbound: AppServiceConnect | None = None


class BetaDefault(Default, frozen=True, kw_only=True, rename="camel", gc=False):
    """The default policy in beta."""

    block_service_provider_outbound_access: bool | None = None


class Partner(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyConfigurationPartner: one partner tenant; null inherits from the default."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"tenantId", "isInMultiTenantOrganization", "deletedDateTime"})

    tenant_id: str
    is_service_provider: bool | None = None
    is_in_multi_tenant_organization: bool | None = False
    inbound_trust: InboundTrust | None = None
    b2b_collaboration_outbound: B2BSetting | None = None
    b2b_collaboration_inbound: B2BSetting | None = None
    b2b_direct_connect_outbound: B2BSetting | None = None
    b2b_direct_connect_inbound: B2BSetting | None = None
    automatic_user_consent_settings: AutomaticUserConsent = AutomaticUserConsent()
    tenant_restrictions: TenantRestrictions | None = None
    m365_collaboration_inbound: M365CollaborationInbound | None = None
    m365_collaboration_outbound: M365CollaborationOutbound | None = None
    app_service_connect_inbound: AppServiceConnect | None = None


class BetaPartner(Partner, frozen=True, kw_only=True, rename="camel", gc=False):
    """A partner in beta."""

    block_service_provider_outbound_access: bool | None = None
    deleted_date_time: str | None = None


class IdentitySync(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantIdentitySyncPolicyPartner: may the partner push its users into this tenant."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"tenantId", "deletedDateTime"})

    tenant_id: str
    display_name: str | None = None
    user_sync_inbound: SyncInbound | None = None


class BetaIdentitySync(IdentitySync, frozen=True, kw_only=True, rename="camel", gc=False):
    """The synchronization policy in beta: groups too, and the application that syncs from another cloud."""

    group_sync_inbound: GroupSyncInbound | None = None
    role_enabled_group_sync_inbound: RoleEnabledGroupSyncInbound | None = None
    external_cloud_authorized_application_id: str | None = None
    deleted_date_time: str | None = None


class ServiceProviderConstraints(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """serviceProviderConstraints: what a service provider may do here; the metadata has one kind that says so."""

    id: str


class BetaServiceProviderConstraints(ServiceProviderConstraints, frozen=True, kw_only=True, rename="camel", gc=False):
    """The same in beta."""

    deleted_date_time: str | None = None


class DelegatedAdminConstraints(ServiceProviderConstraints, frozen=True, kw_only=True, rename="camel", gc=False):
    """delegatedAdminServiceProviderConstraints: which directory roles, by template id, the provider's people may get.

    Every constraint that is stored is of this kind (docs/adr/0016).
    """

    READ_ONLY: ClassVar[frozenset[str]] = frozenset(
        {"id", "createdDateTime", "lastModifiedDateTime", "deletedDateTime"}
    )
    ODATA_TYPE: ClassVar[str] = "#microsoft.graph.delegatedAdminServiceProviderConstraints"

    allowed_role_template_ids: tuple[str, ...] = ()
    created_date_time: str
    last_modified_date_time: str


class BetaDelegatedAdminConstraints(DelegatedAdminConstraints, frozen=True, kw_only=True, rename="camel", gc=False):
    """The same in beta."""

    deleted_date_time: str | None = None


class PartnerTemplate(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationPartnerConfigurationTemplate: what a join writes into partners."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id"})

    id: str
    template_application_level: TemplateApplicationLevel = TemplateApplicationLevel.NEW_AND_EXISTING_PARTNERS
    inbound_trust: InboundTrust | None = None
    b2b_collaboration_outbound: B2BSetting | None = None
    b2b_collaboration_inbound: B2BSetting | None = None
    b2b_direct_connect_outbound: B2BSetting | None = None
    b2b_direct_connect_inbound: B2BSetting | None = None
    automatic_user_consent_settings: AutomaticUserConsent = AutomaticUserConsent()


class SyncTemplate(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """multiTenantOrganizationIdentitySyncPolicyTemplate: what a join writes into synchronization policies."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id"})

    id: str
    template_application_level: TemplateApplicationLevel = TemplateApplicationLevel.NEW_AND_EXISTING_PARTNERS
    user_sync_inbound: SyncInbound = SyncInbound()


class DeletedItems(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """policyDeletableRoot: the container of deleted partners and synchronization policies."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id"})

    id: str


class Templates(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """policyTemplate: the container of the two templates, itself without settings."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id"})

    id: str
