"""The official Python SDK: what its users see when a request is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from azure.core.exceptions import ClientAuthenticationError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.samples import NOBODY, WOODGROVE, documented_partner, trust_everything
from tests.wire.sdk import there
from tests.wire.tenants import READER

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS


async def refused(request: Coroutine[Any, Any, object]) -> tuple[int | None, str, str]:
    """Return status, code and message of the error that a request raises."""
    with pytest.raises(ODataError) as caught:
        await request
    error = there(caught.value.error)
    return caught.value.response_status_code, there(error.code), there(error.message)


async def test_an_unknown_partner_is_not_found_with_ids_and_date(graph: GraphServiceClient):
    with pytest.raises(ODataError) as caught:
        await sdk.partner(graph, NOBODY).get()
    error = there(caught.value.error)
    assert (caught.value.response_status_code, error.code) == (404, "Request_ResourceNotFound")
    assert NOBODY in there(error.message)
    inner = there(error.inner_error)
    assert UUID(there(inner.request_id)).version == 4
    assert inner.client_request_id == inner.request_id
    assert there(inner.date).year >= 2026


async def test_a_partner_cannot_be_created_twice(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(documented_partner())
    assert await refused(sdk.policy(graph).partners.post(documented_partner())) == (
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        "Another object with the same value for property tenantId already exists.",
    )


async def test_the_snake_case_null_of_the_sdk_is_refused_with_the_right_name(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(Partner(tenant_id=WOODGROVE, inbound_trust=trust_everything()))
    address = sdk.partner(graph, WOODGROVE)
    fetched = there(await address.get())
    fetched.inbound_trust = None
    status, code, message = await refused(address.patch(fetched))
    assert (status, code) == (400, "Request_BadRequest")
    assert "Invalid property 'inbound_trust'" in message
    assert "'inboundTrust'" in message
    assert there(await address.get()).inbound_trust is not None


async def test_a_value_that_breaks_a_rule_is_refused_with_its_path(graph: GraphServiceClient):
    with pytest.raises(ODataError) as caught:
        await sdk.policy(graph).partners.post(Partner(tenant_id="woodgrove"))
    error = there(caught.value.error)
    assert (caught.value.response_status_code, error.code) == (400, "Request_BadRequest")
    assert there(error.message).startswith("Invalid object identifier 'woodgrove'.")
    assert {detail.target for detail in there(error.details)} == {"$.tenantId"}


async def test_a_filter_that_cannot_be_read_is_refused(graph: GraphServiceClient):
    partners = sdk.policy(graph).partners
    options = partners.PartnersRequestBuilderGetQueryParameters(filter="tenantId maybe 'x'")
    status, _, message = await refused(partners.get(RequestConfiguration(query_parameters=options)))
    assert status == 400
    assert "maybe" in message


async def test_an_application_that_may_only_read_is_forbidden_to_write(tenant: WireTenant):
    async with sdk.client(tenant, client_id=READER) as graph:
        assert there(await sdk.policy(graph).partners.get()).value == []
        with pytest.raises(ODataError) as caught:
            await sdk.policy(graph).partners.post(documented_partner())
        error = there(caught.value.error)
        assert (caught.value.response_status_code, error.code) == (403, "Authorization_RequestDenied")
        assert "Policy.ReadWrite.CrossTenantAccess" in there(there(error.details)[0].message)


@pytest.mark.parametrize("kind", ["aio", "sync"])
async def test_a_wrong_secret_is_refused_in_the_words_of_entra(tenant: WireTenant, kind: str):
    async with sdk.client(tenant, kind=kind, secret="wrong") as graph:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await sdk.policy(graph).get()


async def test_an_unknown_application_is_refused_in_the_words_of_entra(tenant: WireTenant):
    async with sdk.client(tenant, client_id=NOBODY) as graph:
        with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
            await sdk.policy(graph).get()
