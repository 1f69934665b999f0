"""The official Python SDK: users, groups and the own organization, as tools look names up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.wire import sdk
from tests.wire.sdk import there

if TYPE_CHECKING:
    from pathlib import Path

    from msgraph.generated.models.user import User
    from msgraph.graph_service_client import GraphServiceClient

    from tests.wire.tenants import WireTenant

pytestmark = sdk.MARKS

SALES, GUEST = "aaaaaaaa-0000-4000-8000-000000000100", "o'hara#EXT#@wire.example"
MANY = 230


@pytest.fixture
def people(tenant: WireTenant, tmp_path: Path) -> list[str]:
    """Import a directory into the tenant, and return the ids of its users."""
    ids = [numbered(number) for number in range(MANY)]
    users = [{"id": each, "userPrincipalName": f"{each}@wire.example", "displayName": f"No {each}"} for each in ids]
    users[7] |= {"userPrincipalName": GUEST, "displayName": "O'Hara", "userType": "Guest", "mail": "o@hara.example"}
    file = tmp_path / "people.json"
    groups = [{"id": SALES, "displayName": "Sales", "members": ids[:2]}]
    file.write_text(json.dumps({"users": users, "groups": groups}), encoding="utf-8")
    tenant.server.run("tenant", "import", tenant.id, str(file))
    return ids


async def test_users_are_found_by_id_name_and_a_list_of_ids(people: list[str], graph: GraphServiceClient):
    by_id = there(await graph.users.by_user_id(people[7]).get())
    assert (by_id.user_principal_name, by_id.display_name, by_id.user_type) == (GUEST, "O'Hara", "Guest")
    assert (by_id.mail, by_id.account_enabled, by_id.given_name) == ("o@hara.example", True, None)
    by_name = there(await graph.users.by_user_id(GUEST).get())
    assert by_name.id == people[7]

    options = graph.users.UsersRequestBuilderGetQueryParameters
    wanted = ",".join(f"'{each}'" for each in (people[3], people[9].upper(), SALES))
    asked = options(filter=f"id in ({wanted})", select=["id"], count=True)
    some = there(await graph.users.get(RequestConfiguration(query_parameters=asked)))
    assert (some.odata_count, [each.id for each in there(some.value)]) == (2, [people[3], people[9]])
    for clause in ("userPrincipalName eq 'o''hara#EXT#@wire.example'", "displayName eq 'O''Hara'"):
        one = there(await graph.users.get(RequestConfiguration(query_parameters=options(filter=clause))))
        assert [each.id for each in there(one.value)] == [people[7]]


async def test_the_page_iterator_sees_every_user_once(people: list[str], graph: GraphServiceClient):
    from msgraph_core.tasks.page_iterator import PageIterator  # type: ignore[import-untyped]  # noqa: PLC0415

    assert await graph.users.count.get() == MANY
    first = there(await graph.users.get())
    assert 0 < len(there(first.value)) < MANY
    seen: list[str | None] = []

    def take(one: User) -> bool:
        seen.append(one.id)
        return True

    await PageIterator(first, graph.request_adapter).iterate(take)
    assert seen == people


async def test_groups_are_found_by_id_and_name(people: list[str], graph: GraphServiceClient):
    assert people
    options = graph.groups.GroupsRequestBuilderGetQueryParameters
    for clause in ("displayName eq 'Sales'", f"id in ('{SALES}')"):
        found = there(await graph.groups.get(RequestConfiguration(query_parameters=options(filter=clause))))
        assert [(each.id, each.security_enabled) for each in there(found.value)] == [(SALES, True)]
    assert there(await graph.groups.by_group_id(SALES).get()).display_name == "Sales"
    assert await graph.groups.count.get() == 1


async def test_the_own_organization(tenant: WireTenant, graph: GraphServiceClient):
    (own,) = there(there(await graph.organization.get()).value)
    assert (own.id, own.display_name, own.verified_domains) == (tenant.id, "wire", [])
    assert there(await graph.organization.by_organization_id(tenant.id).get()).tenant_type == "AAD"


async def test_who_is_not_there_is_an_error_of_the_sdk(graph: GraphServiceClient):
    for ask in (
        graph.users.by_user_id("nobody@wire.example").get(),
        graph.groups.by_group_id(SALES).get(),
        graph.organization.by_organization_id("22222222-2222-4222-8222-222222222222").get(),
    ):
        with pytest.raises(ODataError) as refused:
            await ask
        assert refused.value.response_status_code == 404
        assert there(refused.value.error).code == "Request_ResourceNotFound"


def numbered(number: int) -> str:
    return f"88888888-8888-4888-8888-{number:012d}"
