"""The official Python SDK: tenants by id and domain, and the authorization policy."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from msgraph.generated.models.allow_invites_from import AllowInvitesFrom
from msgraph.generated.models.authorization_policy import AuthorizationPolicy
from msgraph.generated.models.default_user_role_permissions import DefaultUserRolePermissions
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.sdk import there

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

pytestmark = sdk.MARKS

FABRIKAM = "22222222-2222-4222-8222-222222222222"
RESTRICTED = UUID("2af84b1e-32c8-42b7-82bc-daa82404023b")


async def test_a_tenant_is_found_by_id_and_domain(graph: GraphServiceClient):
    find = graph.tenant_relationships
    by_id = there(await find.find_tenant_information_by_tenant_id_with_tenant_id(FABRIKAM).get())
    by_domain = there(await find.find_tenant_information_by_domain_name_with_domain_name("fabrikam.example").get())
    for found in (by_id, by_domain):
        assert (found.tenant_id, found.display_name) == (FABRIKAM, "fabrikam")
        assert found.default_domain_name == "fabrikam.example"


async def test_an_unknown_tenant_is_an_error_of_graph(graph: GraphServiceClient):
    find = graph.tenant_relationships.find_tenant_information_by_domain_name_with_domain_name
    with pytest.raises(ODataError) as refused:
        await find("nobody.example").get()
    error = there(refused.value.error)
    assert (refused.value.response_status_code, error.code) == (404, "Directory_ObjectNotFound")


async def test_the_authorization_policy_is_read_changed_and_sent_back_whole(graph: GraphServiceClient):
    address = graph.policies.authorization_policy
    before = there(await address.get())
    assert before.allow_invites_from is AllowInvitesFrom.Everyone
    before.allow_invites_from = AllowInvitesFrom.AdminsAndGuestInviters
    await address.patch(before)
    await address.patch(
        AuthorizationPolicy(
            guest_user_role_id=RESTRICTED,
            default_user_role_permissions=DefaultUserRolePermissions(allowed_to_create_apps=False),
        )
    )
    after = there(await address.get())
    assert after.allow_invites_from is AllowInvitesFrom.AdminsAndGuestInviters
    assert after.guest_user_role_id == RESTRICTED
    role = there(after.default_user_role_permissions)
    assert (role.allowed_to_create_apps, role.allowed_to_read_other_users) == (False, True)
