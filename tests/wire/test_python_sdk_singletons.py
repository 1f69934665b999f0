"""The official Python SDK: the policy itself, the default, and settings with types of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgraph.generated.models.b2b_identity_providers_type import B2bIdentityProvidersType as Provider
from msgraph.generated.models.cross_tenant_access_policy import CrossTenantAccessPolicy
from msgraph.generated.models.cross_tenant_access_policy_b2_b_setting import CrossTenantAccessPolicyB2BSetting
from msgraph.generated.models.cross_tenant_access_policy_configuration_default import (
    CrossTenantAccessPolicyConfigurationDefault as Default,
)
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.cross_tenant_access_policy_m365_collaboration_inbound_setting import (
    CrossTenantAccessPolicyM365CollaborationInboundSetting,
)
from msgraph.generated.models.cross_tenant_access_policy_tenant_restrictions import (
    CrossTenantAccessPolicyTenantRestrictions,
)
from msgraph.generated.models.default_invitation_redemption_identity_provider_configuration import (
    DefaultInvitationRedemptionIdentityProviderConfiguration as Redemption,
)
from msgraph.generated.models.template_application_level import TemplateApplicationLevel as Level

from tests.wire import sdk
from tests.wire.samples import (
    ALLOWED,
    APPLICATION,
    BLOCKED,
    GROUP,
    GROUP_ID,
    USER,
    WOODGROVE,
    targets,
)
from tests.wire.sdk import there

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

pytestmark = sdk.MARKS


BOTH_LEVELS: Any = [Level.NewPartners, Level.ExistingPartners]  # typed as one member, but read as a list
ONLY_NEW: Any = [Level.NewPartners]


async def test_the_policy_itself_is_patched(graph: GraphServiceClient):
    policy = sdk.policy(graph)
    assert there(await policy.get()).allowed_cloud_endpoints == []
    await policy.patch(CrossTenantAccessPolicy(allowed_cloud_endpoints=["microsoftonline.us"]))
    read = there(await policy.get())
    assert read.allowed_cloud_endpoints == ["microsoftonline.us"]
    assert there(read.display_name).startswith("CrossTenantAccessPolicy for ")


async def test_the_default_is_changed_as_documented_and_reset(graph: GraphServiceClient):
    default = sdk.policy(graph).default
    before = there(await default.get())
    assert before.is_service_default is True
    assert there(there(before.b2b_collaboration_outbound).users_and_groups).access_type is ALLOWED
    await default.patch(
        Default(
            b2b_collaboration_outbound=CrossTenantAccessPolicyB2BSetting(
                users_and_groups=targets(BLOCKED, GROUP_ID, GROUP),
                applications=targets(BLOCKED, "AllApplications", APPLICATION),
            )
        )
    )
    changed = there(await default.get())
    assert changed.is_service_default is False
    people = there(there(changed.b2b_collaboration_outbound).users_and_groups)
    assert (people.access_type, [one.target for one in there(people.targets)]) == (BLOCKED, [GROUP_ID])
    await default.reset_to_system_default.post()
    after = there(await default.get())
    assert after.is_service_default is True
    assert there(there(after.b2b_collaboration_outbound).users_and_groups).access_type is ALLOWED


@pytest.mark.parametrize("fallback", [Provider.DefaultConfiguredIdp, Provider.EmailOneTimePasscode])
async def test_the_redemption_order_is_set_on_the_default(graph: GraphServiceClient, fallback: Provider):
    order = [Provider.ExternalFederation, Provider.AzureActiveDirectory, Provider.SocialIdentityProviders]
    wanted = Redemption(primary_identity_provider_precedence_order=order, fallback_identity_provider=fallback)
    await sdk.policy(graph).default.patch(Default(invitation_redemption_identity_provider_configuration=wanted))
    read = there(await sdk.policy(graph).default.get())
    redemption = there(read.invitation_redemption_identity_provider_configuration)
    assert redemption.primary_identity_provider_precedence_order == order
    assert redemption.fallback_identity_provider is fallback


async def test_microsoft_365_collaboration_is_set_on_the_default(graph: GraphServiceClient):
    inbound = CrossTenantAccessPolicyM365CollaborationInboundSetting(users=targets(ALLOWED, "AllUsers", USER))
    await sdk.policy(graph).default.patch(Default(m365_collaboration_inbound=inbound))
    read = there(await sdk.policy(graph).default.get())
    assert there(there(read.m365_collaboration_inbound).users).access_type is ALLOWED


async def test_tenant_restrictions_arrive_with_the_derived_type_that_the_sdk_adds(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(Partner(tenant_id=WOODGROVE))
    restrictions = CrossTenantAccessPolicyTenantRestrictions(
        users_and_groups=targets(ALLOWED, "AllUsers", USER),
        applications=targets(ALLOWED, "Office365", APPLICATION),
    )
    assert restrictions.odata_type == "#microsoft.graph.crossTenantAccessPolicyTenantRestrictions"
    await sdk.partner(graph, WOODGROVE).patch(Partner(tenant_restrictions=restrictions))
    await sdk.policy(graph).default.patch(Default(tenant_restrictions=restrictions))
    of_partner = there(await sdk.partner(graph, WOODGROVE).get()).tenant_restrictions
    of_default = there(await sdk.policy(graph).default.get()).tenant_restrictions
    for read in (of_partner, of_default):
        (target,) = there(there(there(read).applications).targets)
        assert (target.target, target.target_type) == ("Office365", APPLICATION)


async def test_a_fetched_default_can_be_sent_back(graph: GraphServiceClient):
    default = sdk.policy(graph).default
    fetched = there(await default.get())
    there(fetched.inbound_trust).is_mfa_accepted = True
    await default.patch(fetched)
    read = there(await default.get())
    assert there(read.inbound_trust).is_mfa_accepted is True
    assert there(there(read.b2b_collaboration_inbound).users_and_groups).access_type is ALLOWED
