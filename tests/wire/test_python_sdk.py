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
    user_sync,
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


async def test_a_list_is_filtered_selected_expanded_and_counted(graph: GraphServiceClient):
    partners = sdk.policy(graph).partners
    for number in range(7):
        await partners.post(Partner(tenant_id=numbered(number)))
    await sdk.partner(graph, numbered(3)).patch(Partner(inbound_trust=trust_everything()))
    await sdk.partner(graph, numbered(3)).patch(Partner(automatic_user_consent_settings=consent_both_ways()))
    await sdk.partner(graph, numbered(3)).identity_synchronization.put(user_sync("Fabrikam"))

    options = partners.PartnersRequestBuilderGetQueryParameters
    one = there(
        await partners.get(
            RequestConfiguration(
                query_parameters=options(
                    filter=f"tenantId eq '{numbered(3)}'",
                    select=["tenantId"],
                    expand=["identitySynchronization"],
                    count=True,
                )
            )
        )
    )
    (found,) = there(one.value)
    assert (one.odata_count, found.tenant_id, found.inbound_trust) == (1, numbered(3), None)
    assert there(there(found.identity_synchronization).user_sync_inbound).is_sync_allowed is True

    top = there(await partners.get(RequestConfiguration(query_parameters=options(top=5, count=True))))
    assert (len(there(top.value)), top.odata_count) == (5, 7)
    assert there(top.odata_next_link).startswith("https://localhost:")
    rest = there(await partners.with_url(there(top.odata_next_link)).get())
    assert [one.tenant_id for one in there(top.value) + there(rest.value)] == [numbered(n) for n in range(7)]
    assert rest.odata_next_link is None
    assert await partners.count.get() == 7


async def test_one_partner_is_selected_and_expanded(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(documented_partner())
    address = sdk.partner(graph, WOODGROVE)
    options = address.CrossTenantAccessPolicyConfigurationPartnerTenantItemRequestBuilderGetQueryParameters
    configuration = RequestConfiguration(
        query_parameters=options(select=["tenantId", "b2bDirectConnectInbound"], expand=["identitySynchronization"])
    )
    read = there(await address.get(configuration))
    assert read.b2b_direct_connect_inbound is not None
    assert read.b2b_direct_connect_outbound is None
    assert read.identity_synchronization is None


async def test_the_page_iterator_sees_every_partner_once(graph: GraphServiceClient):
    from msgraph_core.tasks.page_iterator import PageIterator  # type: ignore[import-untyped]  # noqa: PLC0415

    partners = sdk.policy(graph).partners
    expected = [numbered(number) for number in range(230)]
    for tenant_id in expected:
        await partners.post(Partner(tenant_id=tenant_id))
    first = there(await partners.get())
    assert 0 < len(there(first.value)) < 230
    seen: list[str | None] = []
    iterator = PageIterator(first, graph.request_adapter)

    def take(one: Partner) -> bool:
        seen.append(one.tenant_id)
        return True

    await iterator.iterate(take)
    assert seen == expected


async def test_beta_is_reached_by_the_base_url(tenant: WireTenant):
    async with sdk.client(tenant, version="beta") as graph:
        created = there(await sdk.policy(graph).partners.post(documented_partner()))
        assert "deletedDateTime" in created.additional_data
        assert there(await sdk.partner(graph, WOODGROVE).get()).tenant_id == WOODGROVE
    async with sdk.client(tenant) as graph:
        seen = there(await sdk.partner(graph, WOODGROVE).get())
        assert "deletedDateTime" not in seen.additional_data


def numbered(number: int) -> str:
    return f"77777777-7777-4777-8777-{number:012d}"
