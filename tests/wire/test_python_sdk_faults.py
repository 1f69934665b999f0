"""The official Python SDK when things go wrong on the way: throttling, lost answers, a killed server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.faults import Fault
from tests.wire.samples import WOODGROVE, documented_partner, trust_everything
from tests.wire.sdk import there

if TYPE_CHECKING:
    from tests.wire.faults import Proxy
    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS


@pytest.mark.parametrize("status", [429, 503])
async def test_a_throttled_create_is_retried_after_the_time_that_was_asked_for(
    tenant: WireTenant, faulty: Proxy, status: int
):
    faulty.faults.append(Fault(status, retry_after=1))
    async with sdk.client(tenant, address=faulty.url) as graph:
        started = time.monotonic()
        created = there(await sdk.policy(graph).partners.post(documented_partner()))
        assert 1 <= time.monotonic() - started < 3
    assert created.tenant_id == WOODGROVE
    assert [request.headers.get("retry-attempt") for request in faulty.seen] == [None, "1"]


async def test_a_throttled_token_request_is_retried(tenant: WireTenant, faulty: Proxy):
    faulty.faults.append(Fault(429, retry_after=1))
    async with sdk.client(tenant, authority=faulty.url) as graph:
        assert str(there(await sdk.policy(graph).get()).display_name).startswith("CrossTenantAccessPolicy for ")
    assert [request.path for request in faulty.seen] == [f"/{tenant.id}/oauth2/v2.0/token"] * 2


async def test_a_create_whose_answer_was_lost_ends_well_when_it_is_retried(tenant: WireTenant, faulty: Proxy):
    faulty.faults.append(Fault(503, retry_after=1, applied=True))
    async with sdk.client(tenant, address=faulty.url) as graph:
        created = there(await sdk.policy(graph).partners.post(documented_partner()))
        assert created.tenant_id == WOODGROVE
        assert await sdk.policy(graph).partners.count.get() == 1
    assert [request.method for request in faulty.seen] == ["POST", "POST", "GET"]


async def test_a_retried_create_of_something_else_stays_a_conflict(tenant: WireTenant, faulty: Proxy):
    async with sdk.client(tenant, address=faulty.url) as graph:
        await sdk.policy(graph).partners.post(documented_partner())
        faulty.faults.append(Fault(503, retry_after=1))
        with pytest.raises(ODataError) as refused:
            await sdk.policy(graph).partners.post(Partner(tenant_id=WOODGROVE, inbound_trust=trust_everything()))
    assert refused.value.response_status_code == 409
    assert faulty.seen[-1].headers["retry-attempt"] == "1"


async def test_a_next_link_leads_through_the_address_that_the_client_used(tenant: WireTenant, faulty: Proxy):
    async with sdk.client(tenant) as graph:
        for number in range(101):
            await sdk.policy(graph).partners.post(Partner(tenant_id=f"77777777-7777-4777-8777-{number:012d}"))
    async with sdk.client(tenant, address=faulty.url) as graph:
        page = there(await sdk.policy(graph).partners.get())
        assert there(page.odata_next_link).startswith(f"{faulty.url}/v1.0/policies/")
        rest = there(await sdk.policy(graph).partners.with_url(there(page.odata_next_link)).get())
        assert len(there(page.value)) + len(there(rest.value)) == 101


async def test_what_was_acknowledged_is_there_after_kill_and_restart(own_tenant: WireTenant):
    async with sdk.client(own_tenant) as graph:
        await sdk.policy(graph).partners.post(documented_partner())
        await sdk.partner(graph, WOODGROVE).patch(Partner(inbound_trust=trust_everything()))
    before = own_tenant.read(f"/partners/{WOODGROVE}")
    assert own_tenant.server.kill() == -9
    own_tenant.server.start()
    async with sdk.client(own_tenant) as graph:
        after = there(await sdk.partner(graph, WOODGROVE).get())
    assert there(after.inbound_trust).is_mfa_accepted is True
    assert own_tenant.read(f"/partners/{WOODGROVE}") == before


async def test_a_server_stops_while_a_client_keeps_its_connection(own_tenant: WireTenant):
    async with sdk.client(own_tenant) as graph:
        await sdk.policy(graph).get()  # over HTTP/2; nothing in the SDK would close the connection
        started = time.monotonic()
        assert own_tenant.server.stop() == 0
        assert time.monotonic() - started < 10
