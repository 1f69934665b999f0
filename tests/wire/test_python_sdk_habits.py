"""The official Python SDK: other ways to build a client, and what it sends that its user did not mean."""

from __future__ import annotations

import contextlib
import json
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.identity import ClientSecretCredential
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph.generated.models.cross_tenant_access_policy_b2_b_setting import CrossTenantAccessPolicyB2BSetting
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.cross_tenant_access_policy_inbound_trust import CrossTenantAccessPolicyInboundTrust
from msgraph.generated.models.cross_tenant_access_policy_target_configuration import (
    CrossTenantAccessPolicyTargetConfiguration,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core.graph_client_factory import GraphClientFactory  # type: ignore[import-untyped]

from tests.wire import sdk
from tests.wire.samples import WOODGROVE, documented_partner
from tests.wire.sdk import there
from tests.wire.tenants import ADMINISTRATOR, SECRET
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from kiota_abstractions.request_information import RequestInformation

    from tests.wire.faults import Proxy
    from tests.wire.tenants import WireTenant
    from xtap.testing.local_server import LocalServer

pytestmark = sdk.MARKS


class StaticToken(AuthenticationProvider):
    """The way to use a token that one has already."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def authenticate_request(
        self,
        request: RequestInformation,
        additional_authentication_context: dict[str, Any] | None = None,  # noqa: ARG002 - the base class has it
    ) -> None:
        request.headers.try_add("Authorization", f"Bearer {self.token}")


@contextlib.asynccontextmanager
async def client(
    provider: AuthenticationProvider, base_url: str, over: httpx.AsyncClient
) -> AsyncIterator[GraphServiceClient]:
    """Make a client with a connection of one's own; msgraph-core wraps its transport and does not close it."""
    transport = over._transport
    made = GraphClientFactory.create_with_default_middleware(client=over, options=options)
    graph = GraphServiceClient(request_adapter=GraphRequestAdapter(provider, made))
    graph.request_adapter.base_url = base_url
    try:
        yield graph
    finally:
        await transport.aclose()


def credential(tenant: WireTenant) -> ClientSecretCredential:
    where: dict[str, Any] = {"authority": tenant.authority, "connection_verify": str(tenant.server.ca)}
    return ClientSecretCredential(tenant.id, ADMINISTRATOR, SECRET, disable_instance_discovery=True, **where)


async def test_an_authority_is_trusted_without_the_environment(server: LocalServer, tenant: WireTenant):
    trusted = ssl.create_default_context(cafile=str(server.ca))
    own = httpx.AsyncClient(verify=trusted, http2=True, trust_env=False)
    async with client(StaticToken(tenant.token()), f"{server.https}/v1.0", own) as graph:
        assert there(await sdk.policy(graph).partners.post(documented_partner())).tenant_id == WOODGROVE


async def test_plain_http_is_enough_for_graph_on_this_machine(server: LocalServer, tenant: WireTenant):
    with credential(tenant) as known:
        graph = GraphServiceClient(known)
        for host in ("127.0.0.1", "localhost"):  # the scope is derived: http://127.0.0.1/.default
            graph.request_adapter.base_url = f"http://{host}:{server.port}/v1.0"
            assert str(there(await sdk.policy(graph).get()).display_name).startswith("CrossTenantAccessPolicy for ")
        await graph.request_adapter._http_client._transport.transport.aclose()  # type: ignore[attr-defined]


async def test_a_host_that_is_not_allowed_gets_no_token_and_the_answer_says_so(tenant: WireTenant):
    provider = AzureIdentityAuthenticationProvider(credential(tenant), allowed_hosts=["graph.microsoft.com"])
    async with client(provider, f"{tenant.server.http}/v1.0", httpx.AsyncClient()) as graph:
        with pytest.raises(ODataError) as refused:
            await sdk.policy(graph).get()
    assert refused.value.response_status_code == 401
    error = there(refused.value.error)
    assert (error.code, error.message) == ("InvalidAuthenticationToken", "Access token is empty.")


async def test_the_application_runs_in_the_process_of_the_test(tmp_path: Path):
    async with (
        in_process(tmp_path) as app,
        client(StaticToken(app.token("contoso")), "https://graph.example/v1.0", app.client) as graph,
    ):
        assert there(await sdk.policy(graph).partners.post(documented_partner())).tenant_id == WOODGROVE
        assert await sdk.policy(graph).partners.count.get() == 1


async def test_an_enum_as_a_text_is_lost_in_the_sdk_and_configures_nothing(tenant: WireTenant, faulty: Proxy):
    allowed: Any = "allowed"
    lost = CrossTenantAccessPolicyTargetConfiguration(access_type=allowed)
    body = Partner(
        tenant_id=WOODGROVE, b2b_collaboration_inbound=CrossTenantAccessPolicyB2BSetting(users_and_groups=lost)
    )
    async with sdk.client(tenant, address=faulty.url) as graph:
        await sdk.policy(graph).partners.post(body)
    sent = json.loads(faulty.seen[-1].body)
    assert sent == {"b2bCollaborationInbound": {"usersAndGroups": {}}, "tenantId": WOODGROVE}
    assert tenant.read(f"/partners/{WOODGROVE}")["b2bCollaborationInbound"] is None


async def test_empty_objects_and_nothing_at_all_change_nothing(tenant: WireTenant, faulty: Proxy):
    async with sdk.client(tenant, address=faulty.url) as graph:
        await sdk.policy(graph).partners.post(documented_partner())
        before = tenant.read(f"/partners/{WOODGROVE}")
        empty = Partner(b2b_direct_connect_inbound=CrossTenantAccessPolicyB2BSetting(), inbound_trust=None)
        await sdk.partner(graph, WOODGROVE).patch(empty)
    assert json.loads(faulty.seen[-1].body) == {"b2bDirectConnectInbound": {}}
    assert tenant.read(f"/partners/{WOODGROVE}") == before


async def test_a_null_deeper_down_is_refused_with_the_right_name(tenant: WireTenant, faulty: Proxy):
    body = Partner(tenant_id=WOODGROVE, inbound_trust=CrossTenantAccessPolicyInboundTrust(is_mfa_accepted=True))
    async with sdk.client(tenant, address=faulty.url) as graph:
        await sdk.policy(graph).partners.post(body)
        fetched = there(await sdk.partner(graph, WOODGROVE).get())
        there(fetched.inbound_trust).is_mfa_accepted = None
        with pytest.raises(ODataError) as refused:
            await sdk.partner(graph, WOODGROVE).patch(fetched)
    assert json.loads(faulty.seen[-1].body)["inboundTrust"]["is_mfa_accepted"] is None
    assert "did you mean 'isMfaAccepted'?" in str(there(refused.value.error).message)
