"""The official Python SDK: two tenants make a multitenant organization and part again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from kiota_abstractions.method import Method
from msgraph.generated.models.multi_tenant_organization import MultiTenantOrganization
from msgraph.generated.models.multi_tenant_organization_join_request_record import (
    MultiTenantOrganizationJoinRequestRecord as JoinRequest,
)
from msgraph.generated.models.multi_tenant_organization_member import MultiTenantOrganizationMember as Member
from msgraph.generated.models.multi_tenant_organization_member_processing_status import (
    MultiTenantOrganizationMemberProcessingStatus as Status,
)
from msgraph.generated.models.multi_tenant_organization_member_role import MultiTenantOrganizationMemberRole as Role
from msgraph.generated.models.multi_tenant_organization_member_state import MultiTenantOrganizationMemberState as State
from msgraph.generated.models.multi_tenant_organization_partner_configuration_template import (
    MultiTenantOrganizationPartnerConfigurationTemplate as PartnerTemplate,
)
from msgraph.generated.models.multi_tenant_organization_state import MultiTenantOrganizationState
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.samples import trust_everything
from tests.wire.sdk import there
from tests.wire.tenants import register

if TYPE_CHECKING:
    from msgraph.generated.tenant_relationships.multi_tenant_organization import (
        multi_tenant_organization_request_builder as builder,
    )
    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant
    from xtap.testing.local_server import LocalServer

pytestmark = sdk.MARKS

NOBODY = "00000000-0000-0000-0000-000000000000"


def _organization(graph: GraphServiceClient) -> builder.MultiTenantOrganizationRequestBuilder:
    return graph.tenant_relationships.multi_tenant_organization


async def _create(graph: GraphServiceClient, name: str) -> MultiTenantOrganization:
    """Send the documented PUT, for which the SDK has no method."""
    request = _organization(graph).to_patch_request_information(MultiTenantOrganization(display_name=name))
    request.http_method = Method.PUT
    return there(await graph.request_adapter.send_async(request, MultiTenantOrganization, {"XXX": ODataError}))


async def _member(graph: GraphServiceClient, tenant_id: str) -> Member:
    return there(await _organization(graph).tenants.by_multi_tenant_organization_member_id(tenant_id).get())


@pytest.fixture
def fabrikam(trusted: LocalServer) -> WireTenant:
    """A second tenant."""
    return register(trusted)


async def test_two_tenants_make_an_organization_and_part(tenant: WireTenant, fabrikam: WireTenant):
    contoso = tenant
    async with sdk.client(contoso) as owner, sdk.client(fabrikam) as other:
        assert there(await _organization(owner).get()).state is MultiTenantOrganizationState.Inactive
        template = sdk.policy(other).templates.multi_tenant_organization_partner_configuration
        await template.patch(PartnerTemplate(inbound_trust=trust_everything()))

        created = await _create(owner, "Contoso organization")
        assert (created.display_name, created.state) == ("Contoso organization", MultiTenantOrganizationState.Active)
        await _organization(owner).patch(MultiTenantOrganization(description="between two tenants"))

        added = there(await _organization(owner).tenants.post(Member(tenant_id=fabrikam.id, display_name="Fabrikam")))
        assert (added.role, added.state) == (Role.Member, State.Pending)
        assert added.added_by_tenant_id == UUID(contoso.id)
        await _organization(other).join_request.patch(JoinRequest(added_by_tenant_id=contoso.id))
        joined = there(await _organization(other).join_request.get())
        assert (joined.member_state, joined.role) == (State.Active, Role.Member)
        assert there(await _organization(other).get()).description == "between two tenants"

        tenants = there(there(await _organization(other).tenants.get()).value)
        assert {each.tenant_id: each.role for each in tenants} == {contoso.id: Role.Owner, fabrikam.id: Role.Member}
        assert await _organization(owner).tenants.count.get() == 2
        partner = there(await sdk.partner(other, contoso.id).get())
        assert partner.is_in_multi_tenant_organization is True
        assert there(partner.inbound_trust).is_mfa_accepted is True
        assert there(await sdk.partner(owner, fabrikam.id).get()).inbound_trust is None

        item = _organization(owner).tenants.by_multi_tenant_organization_member_id(fabrikam.id)
        await item.patch(Member(role=Role.Owner))
        changed = await _member(other, fabrikam.id)
        assert changed.role is Role.Owner
        with pytest.raises(ODataError) as refused:
            await item.delete()
        assert refused.value.response_status_code == 400
        changed.role = Role.Member
        await item.patch(changed)
        await item.delete()
        with pytest.raises(ODataError) as gone:
            await item.get()
        assert there(gone.value.error).code == "Directory_ObjectNotFound"
        partner = there(await sdk.partner(other, contoso.id).get())
        assert partner.is_in_multi_tenant_organization is False
        assert there(partner.inbound_trust).is_mfa_accepted is True


async def test_a_join_that_fails_is_reset(graph: GraphServiceClient):
    request = _organization(graph).join_request
    await request.patch(JoinRequest(added_by_tenant_id="1fd6544e-e994-4de2-9f1b-787b51c7d325"))
    failed = there(await request.get())
    assert failed.member_state is State.Pending
    assert there(failed.transition_details).status is Status.Failed
    await request.patch(JoinRequest(added_by_tenant_id=NOBODY))
    reset = there(await request.get())
    assert (reset.added_by_tenant_id, reset.transition_details) == (NOBODY, None)
