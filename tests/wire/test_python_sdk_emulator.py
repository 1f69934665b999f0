"""The official Python SDK before a server that was told to fail: what the emulator's faults do to a real client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgraph.generated.models.cross_tenant_access_policy_configuration_default import (
    CrossTenantAccessPolicyConfigurationDefault as Default,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder  # type: ignore[import-untyped]
from msgraph_core.requests.batch_request_content import BatchRequestContent  # type: ignore[import-untyped]
from msgraph_core.requests.batch_request_item import BatchRequestItem  # type: ignore[import-untyped]

from tests.wire import sdk
from tests.wire.samples import WOODGROVE, documented_partner, trust_everything
from tests.wire.sdk import there
from tests.wire.tenants import register
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant
    from xtap.testing.local_server import LocalServer

pytestmark = [*sdk.MARKS, pytest.mark.xdist_group("emulator")]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with running(tmp_path_factory.mktemp("emulator"), "--emulator") as started:
        yield started


@pytest.fixture
def tenant(emulator: LocalServer, monkeypatch: pytest.MonkeyPatch) -> WireTenant:
    """A tenant of the server that fails when it is told to."""
    monkeypatch.setenv("SSL_CERT_FILE", str(emulator.ca))
    return register(emulator)


@pytest.fixture
async def graph(tenant: WireTenant) -> AsyncIterator[GraphServiceClient]:
    async with sdk.client(tenant) as client:
        yield client


def fail(tenant: WireTenant, **fault: object) -> None:
    """Let the next requests of the tenant fail."""
    address, headers = f"{tenant.server.http}/xtap/faults", {"Authorization": f"Bearer {tenant.token()}"}
    assert httpx.post(address, json=fault, headers=headers).status_code == 204


def waiting(tenant: WireTenant) -> list[Any]:
    """Return the faults that nobody met yet."""
    address, headers = f"{tenant.server.http}/xtap/faults", {"Authorization": f"Bearer {tenant.token()}"}
    found: list[Any] = httpx.get(address, headers=headers).json()["value"]
    return found


async def test_a_throttled_batch_is_sent_again_as_a_whole(graph: GraphServiceClient, tenant: WireTenant):
    content = BatchRequestContent()
    create = sdk.policy(graph).partners.to_post_request_information(documented_partner())
    read = sdk.partner(graph, WOODGROVE).to_get_request_information()
    for item in (BatchRequestItem(create, "create"), BatchRequestItem(read, "read", depends_on=["create"])):
        content.add_request(item.id, item)
    fail(tenant, status=429, retryAfter=1, path="/$batch")
    started = time.monotonic()
    answer = await BatchRequestBuilder(graph.request_adapter, {"4XX": ODataError}).post(content)
    assert 1 <= time.monotonic() - started < 5
    assert answer.get_response_status_codes() == {"create": 201, "read": 200}
    assert waiting(tenant) == []


async def test_the_sdk_gives_up_after_three_retries(graph: GraphServiceClient, tenant: WireTenant):
    fail(tenant, status=429, retryAfter=1, times=5, method="GET")
    with pytest.raises(ODataError) as refused:
        await sdk.policy(graph).get()
    assert refused.value.response_status_code == 429
    assert [each.get("times", 1) for each in waiting(tenant)] == [1]
    assert there(await sdk.policy(graph).partners.post(documented_partner())).tenant_id == WOODGROVE


async def test_an_error_that_is_not_retried(graph: GraphServiceClient, tenant: WireTenant):
    fail(tenant, status=500)
    with pytest.raises(ODataError) as refused:
        await sdk.policy(graph).get()
    assert refused.value.response_status_code == 500
    assert waiting(tenant) == []


async def test_is_service_default_follows_a_write_later(graph: GraphServiceClient, tenant: WireTenant):
    default = sdk.policy(graph).default
    fail(tenant, stale=2, path="/default")
    await default.patch(Default(inbound_trust=trust_everything()))
    seen = [there(await default.get()).is_service_default for _ in range(3)]
    assert seen == [True, True, False]


async def test_a_deleted_partner_can_be_read_for_a_while(graph: GraphServiceClient, tenant: WireTenant):
    await sdk.policy(graph).partners.post(documented_partner())
    fail(tenant, stale=1, path=WOODGROVE, method="DELETE")
    await sdk.partner(graph, WOODGROVE).delete()
    assert there(await sdk.partner(graph, WOODGROVE).get()).tenant_id == WOODGROVE
    with pytest.raises(ODataError) as gone:
        await sdk.partner(graph, WOODGROVE).get()
    assert gone.value.response_status_code == 404
