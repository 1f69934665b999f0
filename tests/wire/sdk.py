"""Clients of the unmodified Python SDK, and what tests with it have in common."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AioClientSecretCredential
from msgraph.graph_service_client import GraphServiceClient

from tests.wire.tenants import ADMINISTRATOR, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from msgraph.generated.policies.cross_tenant_access_policy.cross_tenant_access_policy_request_builder import (
        CrossTenantAccessPolicyRequestBuilder as Policy,
    )
    from msgraph.generated.policies.cross_tenant_access_policy.partners.item import (
        cross_tenant_access_policy_configuration_partner_tenant_item_request_builder as item,
    )

    from tests.wire.tenants import WireTenant

    Partner = item.CrossTenantAccessPolicyConfigurationPartnerTenantItemRequestBuilder

T = TypeVar("T")

MARKS = [
    pytest.mark.wire,
    # Generated modules define classes that warn when they are defined; nobody here uses those classes.
    pytest.mark.filterwarnings("ignore:This class is deprecated. Please use the generic RequestCon:DeprecationWarning"),
    pytest.mark.filterwarnings(
        "ignore:GetQueryParameters is deprecated. Use QueryParameters instead:DeprecationWarning"
    ),
]


@contextlib.asynccontextmanager
async def client(
    tenant: WireTenant,
    *,
    kind: str = "aio",
    client_id: str = ADMINISTRATOR,
    secret: str = SECRET,
    address: str = "",
    authority: str = "",
    version: str = "v1.0",
) -> AsyncIterator[GraphServiceClient]:
    """Make a client as the documentation says; it takes no argument that only a test would know."""
    where = authority or tenant.authority
    # aiohttp reads SSL_CERT_FILE once in a process (test_docs.py shows that way), so the authority is named here.
    options: dict[str, Any] = {"authority": where, "disable_instance_discovery": True}
    options["connection_verify"] = str(tenant.server.ca)
    async with contextlib.AsyncExitStack() as stack:
        credential: ClientSecretCredential | AioClientSecretCredential
        if kind == "sync":
            credential = stack.enter_context(ClientSecretCredential(tenant.id, client_id, secret, **options))
        else:
            credential = await stack.enter_async_context(
                AioClientSecretCredential(tenant.id, client_id, secret, **options)
            )
        graph = GraphServiceClient(credential)
        graph.request_adapter.base_url = f"{address or tenant.authority}/{version}"
        # The SDK offers no way to close a client, and the transport of msgraph-core does not pass aclose() on.
        stack.push_async_callback(graph.request_adapter._http_client._transport.transport.aclose)  # type: ignore[attr-defined]
        yield graph


def policy(graph: GraphServiceClient) -> Policy:
    """Return where all requests of these tests start."""
    return graph.policies.cross_tenant_access_policy


def partner(graph: GraphServiceClient, tenant_id: str) -> Partner:
    """Return the address of one partner; the generated name has 68 letters."""
    return policy(graph).partners.by_cross_tenant_access_policy_configuration_partner_tenant_id(tenant_id)


def there(value: T | None) -> T:
    """Return a value that must be there: every generated property and answer is optional."""
    assert value is not None
    return value
