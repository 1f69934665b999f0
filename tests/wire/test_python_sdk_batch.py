"""The official Python SDK: batches. It reads the status of each part, and no body (microsoft/kiota-python#737)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder  # type: ignore[import-untyped]
from msgraph_core.requests.batch_request_content import BatchRequestContent  # type: ignore[import-untyped]
from msgraph_core.requests.batch_request_content_collection import (  # type: ignore[import-untyped]
    BatchRequestContentCollection,
)
from msgraph_core.requests.batch_request_item import BatchRequestItem  # type: ignore[import-untyped]

from tests.wire import sdk
from tests.wire.samples import WOODGROVE, documented_partner, trust_everything

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS


async def statuses(graph: GraphServiceClient, *items: Any) -> dict[str, int]:
    """Send one batch and return the status of each part."""
    content = BatchRequestContent()
    for item in items:
        content.add_request(item.id, item)
    answer = await BatchRequestBuilder(graph.request_adapter, {"4XX": ODataError}).post(content)
    found: dict[str, int] = answer.get_response_status_codes()
    return found


async def test_a_batch_creates_changes_reads_and_resets(graph: GraphServiceClient, tenant: WireTenant):
    partners, partner = sdk.policy(graph).partners, sdk.partner(graph, WOODGROVE)
    create = partners.to_post_request_information(documented_partner())
    change = partner.to_patch_request_information(Partner(inbound_trust=trust_everything()))
    one = RequestConfiguration(query_parameters=partners.PartnersRequestBuilderGetQueryParameters(top=1, count=True))
    found = await statuses(
        graph,
        BatchRequestItem(create, "create"),
        BatchRequestItem(change, "change", depends_on=["create"]),
        BatchRequestItem(partners.to_get_request_information(one), "list", depends_on=["change"]),
        BatchRequestItem(partners.count.to_get_request_information(), "count"),
        BatchRequestItem(sdk.policy(graph).default.reset_to_system_default.to_post_request_information(), "reset"),
    )
    assert found == {"create": 201, "change": 204, "list": 200, "count": 200, "reset": 204}
    assert tenant.read(f"/partners/{WOODGROVE}")["inboundTrust"]["isMfaAccepted"] is True


async def test_a_part_that_depends_on_a_failed_one_is_not_tried(graph: GraphServiceClient, tenant: WireTenant):
    create = sdk.policy(graph).partners.to_post_request_information(documented_partner())
    found = await statuses(
        graph,
        BatchRequestItem(sdk.partner(graph, WOODGROVE).to_get_request_information(), "missing"),
        BatchRequestItem(create, "create", depends_on=["missing"]),
    )
    assert found == {"missing": 404, "create": 424}
    assert tenant.read("/partners")["value"] == []


async def test_a_collection_of_25_is_sent_in_two_batches(graph: GraphServiceClient, tenant: WireTenant):
    collection = BatchRequestContentCollection()
    for number in range(25):
        body = Partner(tenant_id=f"77777777-7777-4777-8777-{number:012d}")
        create = sdk.policy(graph).partners.to_post_request_information(body)
        collection.add_batch_request_item(BatchRequestItem(create, str(number)))
    answers = await BatchRequestBuilder(graph.request_adapter).post(collection)
    first, second = [answer.get_response_status_codes() for answer in answers.get_responses()]
    assert (len(first), len(second)) == (20, 5)
    assert first | second == {str(number): 201 for number in range(25)}
    assert len(tenant.read("/partners")["value"]) == 25


async def test_an_application_that_may_only_read_writes_nothing(tenant: WireTenant):
    async with sdk.client(tenant, client_id="wire-reader") as graph:
        create = sdk.policy(graph).partners.to_post_request_information(documented_partner())
        read = sdk.policy(graph).to_get_request_information()
        found = await statuses(graph, BatchRequestItem(create, "create"), BatchRequestItem(read, "read"))
    assert found == {"create": 403, "read": 200}


async def test_an_error_of_the_whole_batch_is_an_odata_error(graph: GraphServiceClient):
    with pytest.raises(ODataError) as refused:
        await statuses(graph)
    assert refused.value.response_status_code == 400
    assert sdk.there(refused.value.error).code == "BadRequest"
    assert str(sdk.there(refused.value.error).message).startswith("Invalid batch payload format.")
