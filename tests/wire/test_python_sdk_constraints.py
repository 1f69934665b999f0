"""The official Python SDK: the constraints of a service provider, as the kind that it reads them as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner as Partner,
)
from msgraph.generated.models.delegated_admin_service_provider_constraints import (
    DelegatedAdminServiceProviderConstraints as Constraints,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.samples import WOODGROVE
from tests.wire.sdk import there

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

pytestmark = sdk.MARKS

ROLES = ["f2ef992c-3afb-46b9-b7cf-a126ee74c451", "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"]


async def test_constraints_are_written_read_sent_back_and_deleted(graph: GraphServiceClient):
    await sdk.policy(graph).partners.post(Partner(tenant_id=WOODGROVE))
    address = sdk.partner(graph, WOODGROVE).service_provider_constraints
    await address.patch(Constraints(allowed_role_template_ids=ROLES[:1]))
    read = there(await address.get())
    assert isinstance(read, Constraints)
    assert read.allowed_role_template_ids == ROLES[:1]
    assert there(read.created_date_time) <= there(read.last_modified_date_time)
    read.allowed_role_template_ids = ROLES
    await address.patch(read)
    again = there(await address.get())
    assert isinstance(again, Constraints)
    assert (again.id, again.allowed_role_template_ids) == (read.id, ROLES)
    await address.delete()
    with pytest.raises(ODataError) as refused:
        await address.get()
    assert refused.value.response_status_code == 404
