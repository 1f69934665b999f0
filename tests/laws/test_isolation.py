"""Tenants do not see each other, whatever is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws.three_tenants import OF_B, POLICY, SHARED, THIRD, A, B
from xtap.graph.paths import addresses, build
from xtap.graph.routes import BETA_ROUTES, ROUTES

if TYPE_CHECKING:
    from tests.laws.three_tenants import Loop

MARK = "5ec2e7"
MARKED_ID = f"{MARK}00-0000-4000-8000-000000000000"
"""An id that stands only in documents of B."""

TEMPLATES = ("multiTenantOrganizationPartnerConfiguration", "multiTenantOrganizationIdentitySynchronization")
PLACES = (
    "",
    "/default",
    "/partners",
    f"/partners/{SHARED}",
    f"/partners/{OF_B}",
    f"/partners/{SHARED}/identitySynchronization",
    f"/partners/{OF_B}/identitySynchronization",
    "/partners/$count",
    "/partners?$expand=identitySynchronization&$count=true",
    "/templates",
    *(f"/templates/{name}" for name in TEMPLATES),
)


BINNED = "5b0f5dec-5d3d-455c-8016-e2af1ae4d31b"
ADDRESSES = [(method, path) for method, path in addresses(build({**ROUTES, **BETA_ROUTES}))]


def test_the_routes_are_all_there():
    assert len(ADDRESSES) == sum(len(methods) for routes in (ROUTES, BETA_ROUTES) for methods in routes.values())


BODIES = st.fixed_dictionaries(
    {},
    optional={
        "tenantId": st.sampled_from((SHARED, OF_B, B)),
        "displayName": st.none() | st.text(max_size=4),
        "allowedCloudEndpoints": st.just(["microsoftonline.us"]),
        "inboundTrust": st.sampled_from((None, {}, {"isMfaAccepted": True})),
        "automaticUserConsentSettings": st.sampled_from((None, {"inboundAllowed": True})),
        "userSyncInbound": st.sampled_from((None, {"isSyncAllowed": True}, {"isSyncAllowed": False})),
        "templateApplicationLevel": st.sampled_from(("none", "newPartners")),
    },
)
QUERY_STRINGS = (
    *("", "?$expand=identitySynchronization", "?$count=true&$top=1", f"?$filter=tenantId eq '{OF_B}'"),
    f"?$filter=b2bCollaborationInbound/usersAndGroups/targets/any(t:t/target eq '{OF_B}')",
    *("?$orderby=tenantId desc&$skip=1", "?$skiptoken={stolen}", "?$top=1&$skiptoken={stolen}", f"?tenantId={B}"),
)
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(ADDRESSES),
        st.sampled_from((SHARED, OF_B, B)),
        st.sampled_from(("v1.0", "beta")),
        st.sampled_from(QUERY_STRINGS),
        BODIES,
        st.sampled_from(({}, {"X-Tenant-Id": B}, {"Retry-Attempt": "1"}, {"Prefer": "return=representation"})),
    ),
    min_size=1,
    max_size=12,
)


async def _plant(loop: Loop) -> tuple[list[str], str]:
    """Configure everything of B with marks; return the ids of its objects, and a continuation token of it."""
    client, headers = loop.app.client, loop.headers(B)

    async def send(method: str, path: str, body: object) -> None:
        answer = await client.request(method, f"/beta{POLICY}{path}", json=body, headers=headers)
        assert answer.status_code in {201, 204, 409}, answer.text

    setting = {
        "usersAndGroups": {"accessType": "allowed", "targets": [{"target": MARKED_ID, "targetType": "group"}]},
        "applications": {"accessType": "allowed", "targets": [{"target": MARKED_ID, "targetType": "application"}]},
    }
    consent = {"automaticUserConsentSettings": {"inboundAllowed": True}}
    await send("PATCH", "", {"displayName": f"{MARK} policy", "description": f"{MARK} text"})
    await send("PATCH", "/default", {"b2bCollaborationOutbound": setting})
    for partner in (SHARED, OF_B, MARKED_ID):
        await send("POST", "/partners", {"tenantId": partner, "b2bCollaborationInbound": setting, **consent})
        sync = {"displayName": f"{MARK} sync", "externalCloudAuthorizedApplicationId": MARKED_ID}
        await send("PUT", f"/partners/{partner}/identitySynchronization", sync)
    await send("POST", "/partners", {"tenantId": BINNED, "b2bCollaborationInbound": setting})
    await send("DELETE", f"/partners/{BINNED}", {})
    await send("PATCH", f"/templates/{TEMPLATES[0]}", {"b2bCollaborationInbound": setting})
    singletons = ("", "/default", "/templates", *(f"/templates/{name}" for name in TEMPLATES))
    ids = [(await client.get(f"/v1.0{POLICY}{place}", headers=headers)).json()["id"] for place in singletons]
    page = await client.get(f"/v1.0{POLICY}/partners?$top=1", headers=headers)
    return ids, page.json()["@odata.nextLink"].partition("$skiptoken=")[2]


async def _everything(loop: Loop, tenant: str) -> dict[str, tuple[int, str]]:
    found = {}
    for place in PLACES:
        for version in ("v1.0", "beta"):
            answer = await loop.app.client.get(f"/{version}{POLICY}{place}", headers=loop.headers(tenant))
            body = answer.text if answer.status_code == 200 else ""
            found[version + place] = (answer.status_code, body)
    return found


def test_no_request_of_one_tenant_reaches_another(loop: Loop) -> None:
    ids, stolen = loop.do(_plant(loop))
    before = loop.do(_everything(loop, B))
    assert all(status == 200 for status, _ in before.values())
    headers = loop.headers(A)
    statuses: set[int] = set()

    async def ask(requests: list[Any]) -> None:
        for (method, path), key, version, query, body, more in requests:
            url = f"/{version}{path.replace('{key}', key)}{query.replace('{stolen}', stolen)}"
            content = json.dumps(body).encode() if method in {"POST", "PUT", "PATCH"} else b""
            sent = headers | more | ({"Content-Type": "application/json"} if content else {})
            answer = await loop.app.client.request(method, url, headers=sent, content=content)
            statuses.add(answer.status_code)
            whole = answer.text + str(answer.headers)
            assert MARK not in whole, url
            assert not any(each in whole for each in ids), url
            assert answer.status_code < 500, url
            if "$skiptoken" in url and method == "GET" and path.endswith("/partners"):
                assert answer.status_code == 400, url
        assert await _everything(loop, B) == before

    everything: list[Any] = [
        (address, key, version, query, {"tenantId": key}, {})
        for address in ADDRESSES
        for key in (SHARED, OF_B, BINNED)
        for version in ("v1.0", "beta")
        for query in QUERY_STRINGS
    ]
    loop.do(ask(everything))

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(REQUESTS)
    def property_(requests: list[Any]) -> None:
        loop.do(ask(requests))

    property_()
    assert {200, 204, 400, 404} <= statuses


def test_a_continuation_is_of_one_tenant(loop: Loop) -> None:
    _, token = loop.do(_plant(loop))
    for tenant, status in ((B, 200), (A, 400), (THIRD.id, 400)):
        url = f"/v1.0{POLICY}/partners?$top=1&$skiptoken={token}"
        assert loop.do(loop.app.client.get(url, headers=loop.headers(tenant))).status_code == status


def test_a_token_of_one_tenant_lists_nothing_of_another(loop: Loop) -> None:
    ids, _ = loop.do(_plant(loop))
    untouched = loop.do(_everything(loop, THIRD.id))
    assert untouched["v1.0/partners"][1].endswith('"value":[]}')
    assert not any(each in body for each in ids for _, body in untouched.values())


def test_an_unregistered_tenant_is_nobody(loop: Loop) -> None:
    headers = loop.headers("44444444-4444-4444-8444-444444444444")
    for method, path in ADDRESSES:
        answer = loop.do(loop.app.client.request(method, f"/v1.0{path.replace('{key}', SHARED)}", headers=headers))
        assert answer.status_code == 401, path
