"""The official Python SDK: the audit log, and sign-ins that a command brought in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.operation_result import OperationResult
from msgraph_core.tasks.page_iterator import PageIterator  # type: ignore[import-untyped]

from tests.wire import sdk
from tests.wire.samples import WOODGROVE
from tests.wire.sdk import there

if TYPE_CHECKING:
    from pathlib import Path

    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS


async def test_a_change_is_found_in_the_audit_log(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(Partner(tenant_id=WOODGROVE))
    await sdk.partner(graph, WOODGROVE).delete()
    audits = graph.audit_logs.directory_audits
    options = audits.DirectoryAuditsRequestBuilderGetQueryParameters
    wanted = "category eq 'CrossTenantAccessSettings' and startswith(activityDisplayName,'Add')"
    (found,) = there(
        there(await audits.get(RequestConfiguration(query_parameters=options(filter=wanted, top=5)))).value
    )
    assert found.result is OperationResult.Success
    assert found.activity_date_time is not None
    (target,) = there(found.target_resources)
    key = there(target.modified_properties)[0]
    assert (key.display_name, key.old_value, key.new_value) == ("tenantId", None, f'"{WOODGROVE}"')
    one = there(await audits.by_directory_audit_id(there(found.id)).get())
    assert one.activity_display_name == "Add a partner to cross-tenant access setting"
    latest = there(there(await audits.get()).value)
    assert [each.operation_type for each in latest] == ["Delete", "Add"]


def exported(number: int, tenant: str) -> dict[str, Any]:
    return {
        "id": f"aaaaaaaa-0000-4000-8000-{number:012}",
        "createdDateTime": f"2026-01-10T08:{number:02}:00Z",
        "homeTenantId": WOODGROVE if number % 2 else tenant,
        "resourceTenantId": tenant,
        "status": {"errorCode": 0},
    }


async def test_imported_sign_ins_are_read_page_by_page(graph: GraphServiceClient, tenant: WireTenant, tmp_path: Path):
    file = tmp_path / "signins.json"
    file.write_text(json.dumps({"value": [exported(number, tenant.id) for number in range(25)]}))
    for _ in range(2):  # an import may be repeated
        assert "25 sign-ins" in tenant.server.run("tenant", "import-signins", tenant.id, str(file)).stdout
    sign_ins = graph.audit_logs.sign_ins
    options = sign_ins.SignInsRequestBuilderGetQueryParameters(filter=f"homeTenantId eq '{WOODGROVE}'", top=5)
    first = there(await sign_ins.get(RequestConfiguration(query_parameters=options)))
    found: list[str] = []

    def take(each: Any) -> bool:
        found.append(each.id)
        return True

    await PageIterator(first, graph.request_adapter).iterate(take)
    assert found == [exported(number, tenant.id)["id"] for number in range(23, 0, -2)]
    one = there(await sign_ins.by_sign_in_id(found[0]).get())
    assert (one.home_tenant_id, there(one.status).error_code) == (WOODGROVE, 0)
