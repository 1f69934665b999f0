"""Requests that the Python SDK is known to send, byte for byte, without an SDK in between."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.cross_tenant_access_policy import CrossTenantAccessPolicy
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.cross_tenant_access_policy_tenant_restrictions import (
    CrossTenantAccessPolicyTenantRestrictions,
)
from msgraph.generated.models.multi_tenant_organization_partner_configuration_template import (
    MultiTenantOrganizationPartnerConfigurationTemplate as PartnerTemplate,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.template_application_level import TemplateApplicationLevel

from tests.wire import sdk
from tests.wire.samples import BLOCKED, NOBODY, USER, WOODGROVE, targets, user_sync

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.faults import Proxy
    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS

RECORDED: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("recorded_requests.yaml").read_text(encoding="utf-8")
)["requests"]
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "sdk_wire_samples.json"
IDS = [f"{number:02d} {case['method']} {case['path'].partition('Policy')[2]}" for number, case in enumerate(RECORDED)]
SKIPTOKEN_PATH = RECORDED[-1]["path"].removeprefix("/v1.0/")
PARTNER = {"tenantId": WOODGROVE, "automaticUserConsentSettings": {"inboundAllowed": True, "outboundAllowed": True}}


@pytest.mark.parametrize("case", RECORDED, ids=IDS)
def test_a_recorded_request_is_answered(tenant: WireTenant, case: dict[str, Any]):
    authorization = {"authorization": f"Bearer {tenant.token()}"}
    with httpx.Client(base_url=tenant.server.http, trust_env=False) as client:
        if case.get("given"):
            client.post("/v1.0/policies/crossTenantAccessPolicy/partners", headers=authorization, json=PARTNER)
        url = client.base_url.copy_with(raw_path=case["path"].encode())
        content = case.get("body", "").encode()
        answer = client.request(case["method"], url, headers=case["headers"] | authorization, content=content)
    assert answer.request.url.raw_path.decode() == case["path"]
    assert answer.status_code == case["status"], answer.text
    if case["status"] < 300:
        assert "reason" not in case
    else:
        assert case["reason"]
        assert case["says"] in answer.json()["error"]["message"]


def calls(graph: GraphServiceClient) -> list[Coroutine[Any, Any, object]]:
    """Return what was called when the file was recorded, in its order."""
    policy = sdk.policy(graph)
    partners, partner = policy.partners, sdk.partner(graph, WOODGROVE)
    template = policy.templates.multi_tenant_organization_partner_configuration
    options = partners.PartnersRequestBuilderGetQueryParameters(
        count=True,
        expand=["identitySynchronization"],
        filter="isServiceProvider eq true",
        select=["tenantId"],
        top=5,
    )
    restrictions = CrossTenantAccessPolicyTenantRestrictions(users_and_groups=targets(BLOCKED, "AllUsers", USER))
    emptied = Partner()
    emptied.inbound_trust = None
    both_levels: Any = [TemplateApplicationLevel.NewPartners, TemplateApplicationLevel.ExistingPartners]
    return [
        partners.get(RequestConfiguration(query_parameters=options)),
        partners.count.get(),
        partners.post(Partner(tenant_id=WOODGROVE, tenant_restrictions=restrictions)),
        partner.patch(Partner(tenant_restrictions=restrictions)),
        partner.patch(emptied),
        partner.identity_synchronization.put(user_sync("F")),
        partner.delete(),
        policy.default.reset_to_system_default.post(),
        policy.default.get(),
        template.get(),
        template.patch(PartnerTemplate(template_application_level=both_levels)),
        template.patch(PartnerTemplate(template_application_level=TemplateApplicationLevel.NewPartners)),
        sdk.partner(graph, NOBODY).get(),
        policy.patch(CrossTenantAccessPolicy(allowed_cloud_endpoints=["microsoftonline.us"])),
        partners.with_url(f"{graph.request_adapter.base_url}/{SKIPTOKEN_PATH}").get(),
    ]


async def test_the_installed_sdk_still_sends_what_was_recorded(tenant: WireTenant, faulty: Proxy):
    async with sdk.client(tenant, address=faulty.url) as graph:
        for call in calls(graph):
            with contextlib.suppress(ODataError):  # the order matters here, not the answers
                await call
    for request, case in zip(faulty.seen, RECORDED, strict=True):
        assert (request.method, request.path) == (case["method"], case["path"])
        assert request.body == case.get("body", "")
        assert {name: request.headers.get(name) for name in case["headers"]} == case["headers"]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recording itself is kept outside of this repository")
def test_every_recorded_request_to_our_addresses_is_in_the_file():
    recorded = json.loads(SAMPLES.read_text(encoding="utf-8"))["requests"]
    ours = [one for one in recorded if "/crossTenantAccessPolicy" in one["path"] and "m365" not in one["path"]]
    wanted = [
        (
            one["method"],
            one["path"]
            .replace("/partners/t1", f"/partners/{WOODGROVE}")
            .replace("/partners/bad", f"/partners/{NOBODY}"),
            None if one["body"] is None else json.dumps(one["body"]).replace('"t1"', f'"{WOODGROVE}"'),
        )
        for one in ours
    ]
    assert len(wanted) == 15
    assert [(case["method"], case["path"], case.get("body")) for case in RECORDED] == wanted
