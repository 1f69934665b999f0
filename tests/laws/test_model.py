"""The state of each tenant is that of a plain model, whatever sequence of requests led there."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws.three_tenants import OF_B, POLICY, SHARED, THIRD, A, B

if TYPE_CHECKING:
    from tests.laws.three_tenants import Loop

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
    for partner in (SHARED, OF_B):
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
