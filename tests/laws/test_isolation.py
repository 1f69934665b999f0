"""Tenants do not see each other, whatever is asked; and the state of each is that of a plain model."""

from __future__ import annotations

import asyncio
import contextlib
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xtap.graph.paths import addresses, build
from xtap.graph.routes import ROUTES
from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId
from xtap.server import demo
from xtap.service import tenants
from xtap.service.permissions import PERMISSIONS
from xtap.testing.in_process import InProcess, in_process
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

POLICY = "/policies/crossTenantAccessPolicy"
A, B = demo.CONTOSO.id, demo.FABRIKAM.id
THIRD = Tenant(id=TenantId("33333333-3333-4333-8333-333333333333"), display_name="third")

SHARED = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
"""A partner that both tenants may have."""

OF_B = "b0b0b0b0-0000-4000-8000-00000000000b"
"""A partner that only B has, and whose id A knows."""

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


class Loop:
    """One application for all examples of a test, with three tenants."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self._runner = runner
        self.app = app

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    def headers(self, tenant: str) -> dict[str, str]:
        issuer = self.app.application.issuer
        assert issuer is not None
        application = Application(
            client_id="test", display_name="test", object_id=tenant, secret="", permissions=PERMISSIONS
        )
        return {"Authorization": f"Bearer {issuer.mint_app(TenantId(tenant), application, AUDIENCE)}"}


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder: Path = tmp_path_factory.mktemp("app")
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        context = in_process(folder)
        app = runner.run(context.__aenter__())
        stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
        runner.run(tenants.add(app.application.store, THIRD))
        yield Loop(runner, app)


# --- isolation ---------------------------------------------------------------

ADDRESSES = [(method, path) for method, path in addresses(build(ROUTES))]


def test_the_routes_are_all_there():
    assert len(ADDRESSES) == sum(len(methods) for methods in ROUTES.values())


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
        for key in (SHARED, OF_B)
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


# --- a model of the whole state -----------------------------------------------

BLOCK = {
    "usersAndGroups": {"accessType": "blocked", "targets": [{"target": "AllUsers", "targetType": "user"}]},
    "applications": {"accessType": "blocked", "targets": [{"target": "AllApplications", "targetType": "application"}]},
}
ONE_APP = {"applications": {"accessType": "allowed", "targets": [{"target": "Office365", "targetType": "application"}]}}
B2B = tuple(f"b2b{channel}{way}" for channel in ("Collaboration", "DirectConnect") for way in ("Outbound", "Inbound"))
TRUSTS = ("isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted")
NOBODY_DECIDED = {"inboundAllowed": None, "outboundAllowed": None}

SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "inboundTrust": st.sampled_from((None, {}, {TRUSTS[0]: True}, {TRUSTS[1]: False, TRUSTS[2]: True})),
        **{name: st.sampled_from((None, {}, BLOCK, ONE_APP)) for name in B2B},
    },
)
CONSENTS = st.sampled_from((None, {}, {"inboundAllowed": True}, {"outboundAllowed": False}, {"inboundAllowed": False}))
PARTNER_SETTINGS = st.tuples(
    SETTINGS, st.none() | CONSENTS.map(lambda each: {"automaticUserConsentSettings": each})
).map(lambda pair: pair[0] | (pair[1] or {}))
SYNCS = st.fixed_dictionaries(
    {},
    optional={
        "displayName": st.sampled_from((None, "x", "")),
        "userSyncInbound": st.sampled_from((None, {}, {"isSyncAllowed": True}, {"isSyncAllowed": False})),
    },
)
PARTNERS = st.sampled_from((SHARED, SHARED, SHARED, OF_B))
STEPS = st.lists(
    st.tuples(
        st.sampled_from((A, B, THIRD.id)),
        st.one_of(
            st.tuples(st.just("add"), PARTNERS, PARTNER_SETTINGS),
            st.tuples(st.just("change"), PARTNERS, PARTNER_SETTINGS),
            st.tuples(st.just("remove"), PARTNERS, st.just({})),
            st.tuples(st.just("put sync"), PARTNERS, SYNCS),
            st.tuples(st.just("change sync"), PARTNERS, SYNCS),
            st.tuples(st.just("remove sync"), PARTNERS, st.just({})),
            st.tuples(st.just("change default"), st.just(""), SETTINGS),
            st.tuples(st.just("reset default"), st.just(""), st.just({})),
        ),
    ),
    max_size=25,
)
METHODS = {
    "add": ("POST", "/partners"),
    "change": ("PATCH", "/partners/{}"),
    "remove": ("DELETE", "/partners/{}"),
    "put sync": ("PUT", "/partners/{}/identitySynchronization"),
    "change sync": ("PATCH", "/partners/{}/identitySynchronization"),
    "remove sync": ("DELETE", "/partners/{}/identitySynchronization"),
    "change default": ("PATCH", "/default"),
    "reset default": ("POST", "/default/resetToSystemDefault"),
}


def _patched(now: Any, change: Any, unset: Any, blank: Any = None) -> Any:
    """Merge as the reference says: null un-sets, objects merge, lists are replaced; ``blank`` is a new object."""
    if change is None:
        return deepcopy(unset)
    if not isinstance(change, dict):
        return change
    if not change:
        return now
    base = now if isinstance(now, dict) else deepcopy(blank) or {}
    return base | {name: _patched(base.get(name), value, None) for name, value in change.items()}


class Model:
    """One tenant as plain dicts, written from the reference and not from the service."""

    def __init__(self, service_default: dict[str, Any]) -> None:
        self.untouched = service_default
        self.default = deepcopy(service_default)
        self.partners: dict[str, dict[str, Any]] = {}
        self.syncs: dict[str, dict[str, Any]] = {}

    def apply(self, action: str, key: str, body: dict[str, Any]) -> int:
        return getattr(self, f"_{action.replace(' ', '_')}")(key, body)  # type: ignore[no-any-return]

    def _add(self, key: str, body: dict[str, Any]) -> int:
        if key in self.partners:
            return 409
        new = {"tenantId": key, "inboundTrust": None, **dict.fromkeys(B2B)}
        new["automaticUserConsentSettings"] = dict(NOBODY_DECIDED)
        self.partners[key] = self._with(new, body)
        return 201

    def _change(self, key: str, body: dict[str, Any]) -> int:
        if key not in self.partners:
            return 404
        self.partners[key] = self._with(self.partners[key], body)
        return 204

    def _with(self, partner: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        result = dict(partner)
        for name, value in body.items():
            unset = NOBODY_DECIDED if name == "automaticUserConsentSettings" else None
            blank = dict.fromkeys(TRUSTS) if name == "inboundTrust" else None
            result[name] = _patched(partner[name], value, unset, blank)
        return result

    def _remove(self, key: str, _: dict[str, Any]) -> int:
        if key not in self.partners:
            return 404
        if key in self.syncs:
            return 400
        del self.partners[key]
        return 204

    def _put_sync(self, key: str, body: dict[str, Any]) -> int:
        blank = {"tenantId": key, "displayName": None, "userSyncInbound": None}
        return self._sync(key, blank, body) if key in self.partners else 404

    def _change_sync(self, key: str, body: dict[str, Any]) -> int:
        return self._sync(key, self.syncs[key], body) if key in self.syncs else 404

    def _sync(self, key: str, now: dict[str, Any], body: dict[str, Any]) -> int:
        after = now | {name: _patched(now[name], value, None) for name, value in body.items()}
        wanted = (after["userSyncInbound"] or {}).get("isSyncAllowed")
        if wanted and not self.partners[key]["automaticUserConsentSettings"]["inboundAllowed"]:
            return 400
        self.syncs[key] = after
        return 204

    def _remove_sync(self, key: str, _: dict[str, Any]) -> int:
        return 404 if self.syncs.pop(key, None) is None else 204

    def _change_default(self, _: str, body: dict[str, Any]) -> int:
        changed = {name: _patched(self.default[name], value, self.untouched[name]) for name, value in body.items()}
        self.default = self.default | changed | {"isServiceDefault": False}
        return 204

    def _reset_default(self, _: str, __: dict[str, Any]) -> int:
        self.default = deepcopy(self.untouched)
        return 204


async def _wipe(loop: Loop, tenant: str) -> None:
    client, headers = loop.app.client, loop.headers(tenant)
    for partner in (SHARED, OF_B, MARKED_ID):
        for path in (f"/partners/{partner}/identitySynchronization", f"/partners/{partner}"):
            await client.delete(f"/v1.0{POLICY}{path}", headers=headers)
    await client.post(f"/v1.0{POLICY}/default/resetToSystemDefault", headers=headers)


def test_the_state_is_that_of_a_plain_model(loop: Loop) -> None:
    client = loop.app.client
    headers: dict[str, dict[str, str]] = {tenant: loop.headers(tenant) for tenant in (A, B, THIRD.id)}

    async def read(tenant: str, path: str) -> Any:
        return (await client.get(f"/v1.0{POLICY}{path}", headers=headers[tenant])).json()

    async def begin(tenant: str) -> Model:
        """Begin with a partner, so that few steps lead far."""
        await _wipe(loop, tenant)
        model = Model(await read(tenant, "/default"))
        body = {"automaticUserConsentSettings": {"inboundAllowed": True}}
        sent = {"tenantId": SHARED, **body}
        answer = await client.post(f"/v1.0{POLICY}/partners", json=sent, headers=headers[tenant])
        assert answer.status_code == model.apply("add", SHARED, body)
        return model

    async def run(steps: list[Any]) -> None:
        models = {tenant: await begin(tenant) for tenant in headers}
        for tenant, (action, key, body) in steps:
            method, path = METHODS[action]
            sent = {"tenantId": key, **body} if action == "add" else body
            url = f"/v1.0{POLICY}{path.format(key)}"
            answer = await client.request(method, url, json=sent, headers=headers[tenant])
            assert answer.status_code == models[tenant].apply(action, key, body), (action, answer.text)
        for tenant, model in models.items():
            assert await read(tenant, "/default") == model.default
            found = (await read(tenant, "/partners?$expand=identitySynchronization"))["value"]
            assert [each["tenantId"] for each in found] == sorted(model.partners)
            for each in found:
                wanted = model.partners[each["tenantId"]]
                assert {name: each[name] for name in wanted} == wanted
                assert each["identitySynchronization"] == model.syncs.get(each["tenantId"])

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(STEPS)
    def property_(steps: list[Any]) -> None:
        loop.do(run(steps))

    property_()
