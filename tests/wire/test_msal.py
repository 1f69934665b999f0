"""Plain MSAL for Python against the embedded issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import msal  # type: ignore[import-untyped]
import pytest

from tests.wire.samples import NOBODY
from tests.wire.tenants import ADMINISTRATOR, SECRET

if TYPE_CHECKING:
    from tests.wire.tenants import WireTenant

pytestmark = pytest.mark.wire

SCOPES = ["https://graph.microsoft.com/.default"]


def application(tenant: WireTenant, *, secret: str = SECRET, **options: Any) -> msal.ConfidentialClientApplication:
    chosen = options or {"authority": f"{tenant.authority}/{tenant.id}", "instance_discovery": False}
    return msal.ConfidentialClientApplication(
        ADMINISTRATOR, client_credential=secret, verify=str(tenant.server.ca), **chosen
    )


def status_with(tenant: WireTenant, answer: dict[str, Any]) -> int:
    """Return what the policy answers to the token of an answer."""
    headers = {"Authorization": f"{answer['token_type']} {answer['access_token']}"}
    return httpx.get(tenant.server.graph, headers=headers).status_code


def test_a_token_by_authority_opens_the_policy(tenant: WireTenant):
    answer = application(tenant).acquire_token_for_client(SCOPES)
    assert answer["token_source"] == "identity_provider"
    assert 3500 <= answer["expires_in"] <= 3600
    assert status_with(tenant, answer) == 200


def test_a_token_by_oidc_authority_opens_the_policy(tenant: WireTenant):
    app = application(tenant, oidc_authority=f"{tenant.authority}/{tenant.id}/v2.0")
    assert status_with(tenant, app.acquire_token_for_client(SCOPES)) == 200


def test_a_token_by_instance_discovery_opens_the_policy(tenant: WireTenant):
    app = application(
        tenant,
        authority=f"{tenant.authority}/{tenant.id}",
        instance_discovery=f"{tenant.authority}/common/discovery/instance",
    )
    assert status_with(tenant, app.acquire_token_for_client(SCOPES)) == 200


@pytest.mark.parametrize("scope", ["https://graph.microsoft.com/.default", "https://localhost/.default"])
def test_both_scopes_that_sdks_derive_are_issued(tenant: WireTenant, scope: str):
    assert status_with(tenant, application(tenant).acquire_token_for_client([scope])) == 200


def test_the_second_token_comes_from_the_cache(tenant: WireTenant):
    app = application(tenant)
    first = app.acquire_token_for_client(SCOPES)
    second = app.acquire_token_for_client(SCOPES)
    assert second["token_source"] == "cache"
    assert second["access_token"] == first["access_token"]


def test_a_wrong_secret_is_an_error_answer_in_the_form_of_entra(tenant: WireTenant):
    answer = application(tenant, secret="wrong").acquire_token_for_client(SCOPES)
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]
    assert answer["error_description"].startswith("AADSTS7000215: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= answer.keys()
    assert "access_token" not in answer


def test_an_unknown_tenant_is_refused_by_the_discovery(tenant: WireTenant):
    with pytest.raises(ValueError, match=f"Unable to get authority configuration for {tenant.authority}/{NOBODY}"):
        application(tenant, authority=f"{tenant.authority}/{NOBODY}", instance_discovery=False)


def test_a_token_of_one_tenant_shows_nothing_of_another(tenant: WireTenant):
    answer = application(tenant).acquire_token_for_client(SCOPES)
    partners = f"{tenant.server.graph}/partners"
    body = {"tenantId": NOBODY}
    assert httpx.post(partners, headers=tenant.server.headers("contoso"), json=body).status_code in {201, 409}
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert httpx.get(f"{partners}/{NOBODY}", headers=headers).status_code == 404
