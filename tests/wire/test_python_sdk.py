"""The official Python SDK, unmodified, through https and the embedded issuer: partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.samples import (
    ALLOWED,
    APPLICATION,
    BLOCKED,
    GROUP,
    GROUP_ID,
    WOODGROVE,
    consent_both_ways,
    documented_partner,
    trust_everything,
)
from tests.wire.sdk import there

if TYPE_CHECKING:
    from kiota_abstractions.default_query_parameters import QueryParameters
    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS


@pytest.mark.parametrize("kind", ["aio", "sync"])
async def test_a_partner_is_created_read_changed_and_deleted(tenant: WireTenant, kind: str):
    async with sdk.client(tenant, kind=kind) as graph:
        created = there(await sdk.policy(graph).partners.post(documented_partner()))
        assert created.tenant_id == WOODGROVE
        blocked = there(there(created.b2b_direct_connect_outbound).users_and_groups)
        assert blocked.access_type is BLOCKED
        assert [(one.target, one.target_type) for one in there(blocked.targets)] == [(GROUP_ID, GROUP)]
        allowed = there(there(created.b2b_direct_connect_inbound).applications)
        assert allowed.access_type is ALLOWED
        assert [(one.target, one.target_type) for one in there(allowed.targets)] == [("Office365", APPLICATION)]
        assert created.inbound_trust is None
        assert created.b2b_collaboration_inbound is None

        address = sdk.partner(graph, WOODGROVE)
        assert await address.patch(Partner(inbound_trust=trust_everything())) is None
        assert await address.patch(Partner(automatic_user_consent_settings=consent_both_ways())) is None
        read = there(await address.get())
        assert there(read.inbound_trust).is_hybrid_azure_a_d_joined_device_accepted is True
        assert there(read.automatic_user_consent_settings).outbound_allowed is True
        assert there(there(read.b2b_direct_connect_outbound).users_and_groups).access_type is BLOCKED

        await address.delete()
        with pytest.raises(ODataError):
            await address.get()


async def test_a_right_null_makes_a_setting_inherited_again(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(documented_partner())
    address = sdk.partner(graph, WOODGROVE)
    await address.patch(Partner(inbound_trust=trust_everything()))
    await address.patch(Partner(additional_data={"inboundTrust": None}))
    read = there(await address.get())
    assert read.inbound_trust is None
    assert read.b2b_direct_connect_inbound is not None


async def test_a_change_answers_with_the_object_if_that_is_preferred(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(documented_partner())
    preference: RequestConfiguration[QueryParameters] = RequestConfiguration()
    preference.headers.add("Prefer", "return=representation")
    changed = await sdk.partner(graph, WOODGROVE).patch(Partner(inbound_trust=trust_everything()), preference)
    assert there(there(changed).inbound_trust).is_compliant_device_accepted is True
    assert there(changed).b2b_direct_connect_inbound is not None


async def test_what_was_read_can_be_sent_back_and_changes_nothing(graph: GraphServiceClient, tenant: WireTenant):
    await sdk.policy(graph).partners.post(documented_partner())
    address = sdk.partner(graph, WOODGROVE)
    before = tenant.read(f"/partners/{WOODGROVE}")
    fetched = there(await address.get())
    fetched.inbound_trust = trust_everything()
    await address.patch(fetched)
    after = tenant.read(f"/partners/{WOODGROVE}")
    assert after.pop("inboundTrust") == {
        "isMfaAccepted": True,
        "isCompliantDeviceAccepted": True,
        "isHybridAzureADJoinedDeviceAccepted": True,
    }
    assert before.pop("inboundTrust") is None
    assert after == before


async def test_beta_is_reached_by_the_base_url(tenant: WireTenant):
    async with sdk.client(tenant, version="beta") as graph:
        created = there(await sdk.policy(graph).partners.post(documented_partner()))
        assert "deletedDateTime" in created.additional_data
        assert there(await sdk.partner(graph, WOODGROVE).get()).tenant_id == WOODGROVE
    async with sdk.client(tenant) as graph:
        seen = there(await sdk.partner(graph, WOODGROVE).get())
        assert "deletedDateTime" not in seen.additional_data
