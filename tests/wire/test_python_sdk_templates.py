"""The official Python SDK: synchronization policies, and the templates of a multitenant organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.cross_tenant_user_sync_inbound import CrossTenantUserSyncInbound
from msgraph.generated.models.multi_tenant_organization_identity_sync_policy_template import (
    MultiTenantOrganizationIdentitySyncPolicyTemplate as SyncTemplate,
)
from msgraph.generated.models.multi_tenant_organization_partner_configuration_template import (
    MultiTenantOrganizationPartnerConfigurationTemplate as PartnerTemplate,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.template_application_level import TemplateApplicationLevel as Level

from tests.wire import sdk
from tests.wire.samples import (
    WOODGROVE,
    consent_both_ways,
    trust_everything,
    user_sync,
)
from tests.wire.sdk import there

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

pytestmark = sdk.MARKS


BOTH_LEVELS: Any = [Level.NewPartners, Level.ExistingPartners]  # typed as one member, but read as a list
ONLY_NEW: Any = [Level.NewPartners]


async def test_a_synchronization_policy_is_put_read_and_deleted(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(
        Partner(tenant_id=WOODGROVE, automatic_user_consent_settings=consent_both_ways())
    )
    address = sdk.partner(graph, WOODGROVE).identity_synchronization
    assert await address.put(user_sync("Fabrikam")) is None
    read = there(await address.get())
    assert (read.tenant_id, read.display_name) == (WOODGROVE, "Fabrikam")
    assert there(read.user_sync_inbound).is_sync_allowed is True
    with pytest.raises(ODataError) as refused:
        await sdk.partner(graph, WOODGROVE).delete()
    assert refused.value.response_status_code == 400
    await address.delete()
    with pytest.raises(ODataError) as gone:
        await address.get()
    assert gone.value.response_status_code == 404
    await sdk.partner(graph, WOODGROVE).delete()


async def test_the_partner_template_is_changed_as_documented_and_reset(graph: GraphServiceClient):
    template = sdk.policy(graph).templates.multi_tenant_organization_partner_configuration
    await template.patch(PartnerTemplate(template_application_level=Level.NewPartners))
    assert there(await template.get()).template_application_level == ONLY_NEW
    await template.patch(
        PartnerTemplate(
            inbound_trust=trust_everything(),
            automatic_user_consent_settings=consent_both_ways(),
            # The SDK drops the list that its own type asks for; this is how its users send two levels.
            additional_data={"templateApplicationLevel": "newPartners,existingPartners"},
        )
    )
    read = there(await template.get())
    assert read.template_application_level == BOTH_LEVELS
    assert there(read.inbound_trust).is_mfa_accepted is True
    assert there(read.automatic_user_consent_settings).inbound_allowed is True
    await template.reset_to_default_settings.post()
    after = there(await template.get())
    assert after.inbound_trust is None
    assert there(after.automatic_user_consent_settings).inbound_allowed is None


async def test_what_the_sdk_makes_of_a_list_of_levels_changes_nothing(graph: GraphServiceClient):
    template = sdk.policy(graph).templates.multi_tenant_organization_partner_configuration
    await template.patch(PartnerTemplate(template_application_level=Level.NewPartners))
    await template.patch(PartnerTemplate(template_application_level=BOTH_LEVELS))
    assert there(await template.get()).template_application_level == ONLY_NEW


async def test_the_synchronization_template_is_changed_as_documented_and_reset(graph: GraphServiceClient):
    template = sdk.policy(graph).templates.multi_tenant_organization_identity_synchronization
    await template.patch(SyncTemplate(template_application_level=Level.NewPartners))
    assert there(await template.get()).template_application_level == ONLY_NEW
    await template.patch(
        SyncTemplate(
            user_sync_inbound=CrossTenantUserSyncInbound(is_sync_allowed=True),
            additional_data={"templateApplicationLevel": "newPartners,existingPartners"},
        )
    )
    read = there(await template.get())
    assert read.template_application_level == BOTH_LEVELS
    assert there(read.user_sync_inbound).is_sync_allowed is True
    await template.reset_to_default_settings.post()
    assert there(there(await template.get()).user_sync_inbound).is_sync_allowed is None
