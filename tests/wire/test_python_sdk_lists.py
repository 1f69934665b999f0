"""The official Python SDK: query options and paging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)

from tests.wire import sdk
from tests.wire.samples import (
    WOODGROVE,
    consent_both_ways,
    documented_partner,
    trust_everything,
    user_sync,
)
from tests.wire.sdk import there

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

pytestmark = sdk.MARKS


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


def numbered(number: int) -> str:
    return f"77777777-7777-4777-8777-{number:012d}"
