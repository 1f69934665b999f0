"""The official Python SDK for beta (it has no types): what only beta has, and what beta says more of."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from azure.identity.aio import ClientSecretCredential
from msgraph_beta.generated.models.allow_invites_from import AllowInvitesFrom
from msgraph_beta.generated.models.authorization_policy import AuthorizationPolicy
from msgraph_beta.generated.models.cross_tenant_access_policy_app_service_connect_setting import (
    CrossTenantAccessPolicyAppServiceConnectSetting as AppServiceConnect,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_configuration_default import (
    CrossTenantAccessPolicyConfigurationDefault as Default,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_inbound_trust import (
    CrossTenantAccessPolicyInboundTrust as InboundTrust,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_m365_collaboration_inbound_setting import (
    CrossTenantAccessPolicyM365CollaborationInboundSetting as CollaborationInbound,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_target import CrossTenantAccessPolicyTarget as Target
from msgraph_beta.generated.models.cross_tenant_access_policy_target_configuration import (
    CrossTenantAccessPolicyTargetConfiguration as Targets,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_target_configuration_access_type import (
    CrossTenantAccessPolicyTargetConfigurationAccessType as Access,
)
from msgraph_beta.generated.models.cross_tenant_access_policy_target_type import (
    CrossTenantAccessPolicyTargetType as Kind,
)
from msgraph_beta.generated.models.cross_tenant_group_sync_inbound import CrossTenantGroupSyncInbound
from msgraph_beta.generated.models.cross_tenant_identity_sync_policy_partner import (
    CrossTenantIdentitySyncPolicyPartner as SyncPolicy,
)
from msgraph_beta.generated.models.cross_tenant_open_profile_card import CrossTenantOpenProfileCard
from msgraph_beta.generated.models.cross_tenant_user_sync_inbound import CrossTenantUserSyncInbound
from msgraph_beta.generated.models.inbound_outbound_policy_configuration import InboundOutboundPolicyConfiguration
from msgraph_beta.generated.models.m365_capability_inbound_access import M365CapabilityInboundAccess
from msgraph_beta.generated.models.m365_capability_resource_scope import M365CapabilityResourceScope
from msgraph_beta.generated.models.m365_capability_resource_scopes import M365CapabilityResourceScopes
from msgraph_beta.generated.models.m365_resource_type import M365ResourceType
from msgraph_beta.generated.models.multi_tenant_organization_partner_configuration_template import (
    MultiTenantOrganizationPartnerConfigurationTemplate as PartnerTemplate,
)
from msgraph_beta.generated.models.networkaccess.cross_tenant_access_settings import CrossTenantAccessSettings
from msgraph_beta.generated.models.networkaccess.status import Status
from msgraph_beta.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_beta.generated.models.template_application_level import TemplateApplicationLevel as Level
from msgraph_beta.graph_service_client import GraphServiceClient

from tests.wire import sdk
from tests.wire.sdk import there
from tests.wire.tenants import ADMINISTRATOR, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS

WOODGROVE = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a"
GROUP = "ad4fc698-74dc-4f62-9e71-ba9b591e8e74"
CARD = "crossTenantOpenProfileCard"


@pytest.fixture
async def beta(tenant: WireTenant) -> AsyncIterator[GraphServiceClient]:
    """A client as the documentation says; only the address is another."""
    ca = str(tenant.server.ca)
    options = {"authority": tenant.authority, "disable_instance_discovery": True, "connection_verify": ca}
    async with contextlib.AsyncExitStack() as stack:
        credential = ClientSecretCredential(tenant.id, ADMINISTRATOR, SECRET, **options)
        graph = GraphServiceClient(await stack.enter_async_context(credential))
        graph.request_adapter.base_url = f"{tenant.authority}/beta"
        # The SDK offers no way to close a client, and the transport of msgraph-core does not pass aclose() on.
        stack.push_async_callback(graph.request_adapter._http_client._transport.transport.aclose)
        yield graph


def partner(graph: GraphServiceClient) -> Any:
    partners = graph.policies.cross_tenant_access_policy.partners
    return partners.by_cross_tenant_access_policy_configuration_partner_tenant_id(WOODGROVE)


def deleted(graph: GraphServiceClient) -> Any:
    partners = graph.policies.deleted_items.cross_tenant_partners
    return partners.by_cross_tenant_access_policy_configuration_partner_tenant_id(WOODGROVE)


def everything(access: Access, kind: Kind, target: str) -> Targets:
    return Targets(access_type=access, targets=[Target(target=target, target_type=kind)])


async def create_partner(graph: GraphServiceClient) -> None:
    consent = InboundOutboundPolicyConfiguration(inbound_allowed=True, outbound_allowed=True)
    body = Partner(tenant_id=WOODGROVE, automatic_user_consent_settings=consent)
    assert there(await graph.policies.cross_tenant_access_policy.partners.post(body)).tenant_id == WOODGROVE


async def test_a_deleted_partner_is_listed_restored_and_removed_for_good(beta: GraphServiceClient):
    trash = beta.policies.deleted_items.cross_tenant_partners
    await create_partner(beta)
    await partner(beta).delete()
    (waiting,) = there(there(await trash.get()).value)
    assert (waiting.tenant_id, await trash.count.get()) == (WOODGROVE, 1)
    assert there(waiting.deleted_date_time).tzinfo is not None
    assert there(await deleted(beta).get()).deleted_date_time == waiting.deleted_date_time
    restored = there(await deleted(beta).restore.post())
    assert restored.tenant_id == WOODGROVE
    assert there(await partner(beta).get()).deleted_date_time is None
    assert await trash.count.get() == 0
    await partner(beta).delete()
    await deleted(beta).delete()
    with pytest.raises(ODataError) as gone:
        await deleted(beta).restore.post()
    assert gone.value.response_status_code == 404


async def test_a_partner_is_restored_at_its_own_address(beta: GraphServiceClient):
    await create_partner(beta)
    await partner(beta).delete()
    assert there(await partner(beta).restore.post()).tenant_id == WOODGROVE
    assert there(there(await partner(beta).get()).automatic_user_consent_settings).inbound_allowed is True


async def test_a_deleted_synchronization_policy_is_restored_and_removed_for_good(beta: GraphServiceClient):
    trash = beta.policies.deleted_items.cross_tenant_sync_policy_partners
    waiting = trash.by_cross_tenant_identity_sync_policy_partner_tenant_id(WOODGROVE)
    await create_partner(beta)
    await partner(beta).identity_synchronization.put(
        SyncPolicy(
            display_name="Woodgrove",
            user_sync_inbound=CrossTenantUserSyncInbound(is_sync_allowed=True),
            group_sync_inbound=CrossTenantGroupSyncInbound(is_sync_allowed=True),
        )
    )
    for _ in range(2):
        await partner(beta).identity_synchronization.delete()
        assert [each.display_name for each in there(there(await trash.get()).value)] == ["Woodgrove"]
        assert await trash.count.get() == 1
        assert there(await waiting.get()).deleted_date_time is not None
        await waiting.restore.post()
        again = there(await partner(beta).identity_synchronization.get())
        assert there(again.group_sync_inbound).is_sync_allowed is True
    await partner(beta).identity_synchronization.delete()
    await waiting.delete()
    assert there(await trash.get()).value == []


async def test_settings_that_microsoft_365_reads(beta: GraphServiceClient):
    policy = beta.policies.cross_tenant_access_policy
    users = everything(Access.Allowed, Kind.User, "AllUsers")
    applications = everything(Access.Blocked, Kind.Application, "AllApplications")
    await create_partner(beta)
    await partner(beta).patch(
        Partner(
            m365_collaboration_inbound=CollaborationInbound(users=users),
            app_service_connect_inbound=AppServiceConnect(applications=applications),
        )
    )
    read = there(await partner(beta).get())
    assert there(there(read.m365_collaboration_inbound).users).access_type is Access.Allowed
    assert there(there(read.app_service_connect_inbound).applications).access_type is Access.Blocked
    await policy.default.patch(Default(m365_collaboration_inbound=CollaborationInbound(users=users)))
    default = there(await policy.default.get())
    assert there(there(default.m365_collaboration_inbound).users).access_type is Access.Allowed
    await policy.default.reset_to_system_default.post()
    assert there(await policy.default.get()).is_service_default is True


async def test_capabilities_of_a_partner_and_of_the_default(beta: GraphServiceClient):
    await create_partner(beta)
    everybody = (partner(beta), beta.policies.cross_tenant_access_policy.default)
    for address in everybody:
        scope = M365CapabilityResourceScope(resource_id=GROUP, resource_type=M365ResourceType.Group)
        access = M365CapabilityInboundAccess(
            is_allowed=True, resource_scopes=M365CapabilityResourceScopes(included=[scope], excluded=[])
        )
        made = there(await address.m365_capabilities.post(CrossTenantOpenProfileCard(inbound_access=access)))
        assert (made.name, type(made)) == (CARD, CrossTenantOpenProfileCard)
        assert made.last_modified_date_time is not None
        one = address.m365_capabilities.by_m365_capability_base_name(CARD)
        await one.patch(CrossTenantOpenProfileCard(inbound_access=M365CapabilityInboundAccess(is_allowed=False)))
        assert there(there(await one.get()).inbound_access).is_allowed is False
        assert [each.name for each in there(there(await address.m365_capabilities.get()).value)] == [CARD]
        assert await address.m365_capabilities.count.get() == 1
    await partner(beta).m365_capabilities.by_m365_capability_base_name(CARD).delete()
    assert there(await partner(beta).m365_capabilities.get()).value == []


async def test_what_was_read_can_be_sent_back(beta: GraphServiceClient, tenant: WireTenant):
    await create_partner(beta)
    before = tenant.read(f"/partners/{WOODGROVE}")
    await partner(beta).patch(there(await partner(beta).get()))
    assert tenant.read(f"/partners/{WOODGROVE}") == before


async def test_a_template_is_changed_and_reset(beta: GraphServiceClient):
    template = beta.policies.cross_tenant_access_policy.templates.multi_tenant_organization_partner_configuration
    await template.patch(
        PartnerTemplate(
            template_application_level=Level.NewPartners, inbound_trust=InboundTrust(is_compliant_device_accepted=True)
        )
    )
    read = there(await template.get())
    assert there(read.inbound_trust).is_compliant_device_accepted is True
    await template.reset_to_default_settings.post()
    assert there(await template.get()).inbound_trust is None


async def test_neighbours(beta: GraphServiceClient, tenant: WireTenant):
    network = beta.network_access.settings.cross_tenant_access
    assert there(await network.get()).network_packet_tagging_status is Status.Disabled
    await network.patch(CrossTenantAccessSettings(network_packet_tagging_status=Status.Enabled))
    assert there(await network.get()).network_packet_tagging_status is Status.Enabled
    authorization = beta.policies.authorization_policy.by_authorization_policy_id("authorizationPolicy")
    await authorization.patch(AuthorizationPolicy(allow_invites_from=AllowInvitesFrom.None_))
    assert there(await authorization.get()).allow_invites_from is AllowInvitesFrom.None_
    find = beta.tenant_relationships.find_tenant_information_by_tenant_id_with_tenant_id
    assert there(await find(tenant.id).get()).display_name == "wire"
