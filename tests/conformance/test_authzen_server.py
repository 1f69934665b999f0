"""The decision point as a whole: metadata, permissions, paging, what callers learn, and the log of decisions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from xtap.authzen.evaluations import LONGEST
from xtap.identity.embedded import Delegation
from xtap.model.directory import StoredGroup, Tenant, User
from xtap.model.ids import TenantId
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.service import tenants
from xtap.service.directory import put_objects
from xtap.service.permissions import DIRECTORY_ROLES, PERMISSIONS
from xtap.testing.in_process import in_process
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from xtap.testing.in_process import InProcess

EVALUATE = "CrossTenantAccess.Evaluate.All"
GUEST = {"name": "b2bCollaboration"}
WIKI = {"type": "application", "id": "c0000000-0000-4000-8000-00000000a001", "properties": {"tenantId": CONTOSO.id}}
ALEX = {
    "type": "user",
    "id": "f0000000-0000-4000-8000-00000000000a",
    "properties": {"tenantId": FABRIKAM.id, "groups": []},
}
ASKED = {"subject": ALEX, "action": GUEST, "resource": WIKI}
PARTNERS = "/beta/policies/crossTenantAccessPolicy/partners"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(tmp_path) as app:
        yield app


async def ask(
    app: InProcess, what: str, body: object, tenant: str = "contoso", more: dict[str, str] | None = None
) -> httpx.Response:
    headers = app.headers(tenant) | {"Content-Type": "application/json"} | (more or {})
    return await app.client.post(f"/access/v1/{what}", json=body, headers=headers)


# --- metadata --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "/contoso.example", f"/{CONTOSO.id}"])
async def test_metadata_is_signed_and_names_what_was_asked_for(app: InProcess, name: str) -> None:
    base = app.application.settings.https_url
    url = f"{base}/.well-known/authzen-configuration{name}"
    plain = (await app.client.get(url)).json()
    assert plain["policy_decision_point"] == base + name
    for parameter, path in (
        ("access_evaluation_endpoint", "evaluation"),
        ("access_evaluations_endpoint", "evaluations"),
        ("search_subject_endpoint", "search/subject"),
        ("search_resource_endpoint", "search/resource"),
        ("search_action_endpoint", "search/action"),
    ):
        assert plain[parameter] == f"{base}{name}/access/v1/{path}"
    published = KeySet.import_key_set((await app.client.get(plain["jwks_uri"])).json())
    signed = jwt.decode(plain.pop("signed_metadata"), published, algorithms=["RS256"]).claims
    assert signed.pop("iss") == base + name
    assert signed.pop("iat") > 0
    assert signed == plain


async def test_nothing_is_signed_for_an_address_that_a_client_made_up(app: InProcess) -> None:
    answer = await app.client.get("/.well-known/authzen-configuration", headers={"Host": "evil.example"})
    assert answer.json()["policy_decision_point"] == "https://evil.example"
    assert "signed_metadata" not in answer.json()


@pytest.mark.parametrize("name", ["/nobody.example", "contoso.example", "//contoso.example", "/contoso.example/x"])
async def test_there_is_no_metadata_of_unknown_tenants(app: InProcess, name: str) -> None:
    assert (await app.client.get(f"/.well-known/authzen-configuration{name}")).status_code == 404
    assert (await app.client.post("/.well-known/authzen-configuration")).status_code == 405


async def test_the_endpoints_in_the_metadata_answer(app: InProcess) -> None:
    plain = (await app.client.get("/.well-known/authzen-configuration/contoso.example")).json()
    answer = await app.client.post(plain["access_evaluation_endpoint"], json=ASKED, headers=app.headers("contoso"))
    assert answer.json()["decision"] is True


# --- permissions -----------------------------------------------------------------


@pytest.mark.parametrize("what", ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"])
async def test_one_permission_lets_ask(app: InProcess, what: str) -> None:
    for permissions, status in (((EVALUATE,), 200), (tuple({*PERMISSIONS} - {EVALUATE}), 403), ((), 403)):
        headers = {"Authorization": f"Bearer {app.token('contoso', permissions)}"}
        answer = await app.client.post(f"/access/v1/{what}", json=ASKED, headers=headers)
        assert answer.status_code == status, (permissions, answer.text)
        assert (EVALUATE in answer.text) == (status == 403)


@pytest.mark.parametrize(("role", "status"), [("Security Reader", 200), ("Global Administrator", 200), ("", 403)])
async def test_people_also_need_a_role(app: InProcess, role: str, status: int) -> None:
    issuer = app.application.issuer
    assert issuer is not None
    roles = (DIRECTORY_ROLES[role],) if role else ()
    user = Delegation("user@contoso.example", "6f546279-4da5-4b53-a095-09ea0cef9971", (EVALUATE,), roles)
    token = issuer.mint_delegated(CONTOSO.id, user, AUDIENCE)
    answer = await app.client.post("/access/v1/evaluation", json=ASKED, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic abc"])
async def test_without_a_good_token_nothing_is_said(app: InProcess, header: str) -> None:
    answer = await app.client.post("/access/v1/evaluation", json=ASKED, headers={"Authorization": header})
    assert answer.status_code == 401
    assert isinstance(answer.json(), str)


# --- searches --------------------------------------------------------------------

PEOPLE = [f"c0000000-0000-4000-8000-0000000a{number:04x}" for number in range(250)]
LISTED = "c0000000-0000-4000-8000-00000000ffff"


@pytest.fixture
async def many(app: InProcess) -> InProcess:
    """Two hundred and fifty people, of whom every third may go to fabrikam."""
    group = StoredGroup(LISTED, "Listed", members=tuple(PEOPLE[::3]))
    people = [User(name, f"{name}@contoso.example") for name in PEOPLE]
    await put_objects(app.application.store, CONTOSO.id, [*people, group], whole=True)
    outbound = {
        "usersAndGroups": {"accessType": "allowed", "targets": [{"target": LISTED, "targetType": "group"}]},
        "applications": {
            "accessType": "allowed",
            "targets": [{"target": "AllApplications", "targetType": "application"}],
        },
    }
    partner = {"tenantId": FABRIKAM.id, "b2bCollaborationOutbound": outbound}
    assert (await app.client.post(PARTNERS, json=partner, headers=app.headers("contoso"))).status_code == 201
    return app


THEIRS = {"type": "application", "id": "f0000000-0000-4000-8000-00000000a001", "properties": {"tenantId": FABRIKAM.id}}
SEARCH = {"subject": {"type": "user"}, "action": GUEST, "resource": THEIRS}


async def pages(app: InProcess, body: dict[str, Any], limit: int) -> list[list[dict[str, Any]]]:
    found, token = [], ""
    while True:
        answer = (await ask(app, "search/subject", body | {"page": {"limit": limit, "token": token}})).json()
        found.append(answer["results"])
        token = answer["page"]["next_token"]
        assert answer["page"]["count"] == len(answer["results"])
        if not token:
            return found


@pytest.mark.parametrize("limit", [1, 7, 84, 1000])
async def test_pages_are_the_whole_and_every_result_is_allowed(many: InProcess, limit: int) -> None:
    found = await pages(many, SEARCH, limit)
    assert [len(page) for page in found if page] == [limit] * (84 // limit) + ([84 % limit] if 84 % limit else [])
    results = [each for page in found for each in page]
    assert [each["id"] for each in results] == PEOPLE[::3]
    again = {"action": GUEST, "resource": THEIRS, "evaluations": [{"subject": each} for each in results]}
    answers = (await ask(many, "evaluations", again)).json()["evaluations"]
    assert all(each["decision"] for each in answers)


async def test_a_token_belongs_to_its_search(many: InProcess) -> None:
    token = (await ask(many, "search/subject", SEARCH | {"page": {"limit": 5}})).json()["page"]["next_token"]
    paged = SEARCH | {"page": {"token": token, "limit": 5}}
    assert (await ask(many, "search/subject", paged)).status_code == 200
    for other in (paged | {"action": {"name": "b2bDirectConnect"}}, paged | {"context": {"time": "x"}}):
        assert (await ask(many, "search/subject", other)).status_code == 400
    assert (await ask(many, "search/subject", paged, "fabrikam")).status_code == 400
    changed = SEARCH | {"page": {"token": token[:-2] + ("AA" if token[-2:] != "AA" else "BB")}}
    assert (await ask(many, "search/subject", changed)).status_code == 400


# --- what callers learn ----------------------------------------------------------

MARK = "5ec2e7"
SECRET_USER, SECRET_GROUP = f"{MARK}00-0000-4000-8000-000000000001", f"{MARK}00-0000-4000-8000-000000000002"
SECRET_APP, SECRET_TENANT = f"{MARK}00-0000-4000-8000-000000000003", f"{MARK}00-0000-4000-8000-000000000004"


async def test_settings_of_another_tenant_are_never_told(app: InProcess) -> None:
    users = [{"target": SECRET_USER, "targetType": "user"}, {"target": SECRET_GROUP, "targetType": "group"}]
    applications = [{"target": SECRET_APP, "targetType": "application"}]
    settings = [
        {
            "usersAndGroups": {"accessType": first, "targets": users},
            "applications": {"accessType": second, "targets": applications},
        }
        for first in ("allowed", "blocked")
        for second in ("allowed", "blocked")
    ]
    headers = app.headers("contoso")
    partners = [{"tenantId": SECRET_TENANT}, {"tenantId": FABRIKAM.id}]
    for partner in partners:
        assert (await app.client.post(PARTNERS, json=partner, headers=headers)).status_code == 201
    names = ("b2bCollaborationInbound", "b2bCollaborationOutbound", "b2bDirectConnectInbound", "tenantRestrictions")
    seen = set()
    for setting in settings:
        change = dict.fromkeys(names, setting)
        patched = await app.client.patch(f"{PARTNERS}/{FABRIKAM.id}", json=change, headers=headers)
        assert patched.status_code == 204
        for request in _questions_of_fabrikam():
            answer = await ask(app, request[0], request[1], "fabrikam")
            assert MARK not in answer.text, answer.text
            assert "b2bCollaborationInbound" not in answer.text
            seen.add(answer.status_code)
    assert seen == {200}


def _questions_of_fabrikam() -> list[tuple[str, dict[str, Any]]]:
    in_all_words = {"context": {"explain": "full"}}
    known = ASKED | in_all_words
    vague = {"subject": {"type": "user", "id": "somebody", "properties": {"tenantId": FABRIKAM.id}}, "resource": WIKI}
    unknown = vague | {"action": GUEST} | in_all_words
    restricted = {"name": "tenantRestrictions", "properties": {"policyTenantId": CONTOSO.id}}
    return [
        ("evaluation", known),
        ("evaluation", unknown),
        ("evaluation", known | {"action": {"name": "b2bDirectConnect"}}),
        ("evaluation", known | {"action": restricted}),
        ("evaluation", unknown | {"action": restricted}),
        ("evaluations", {"evaluations": [known, unknown]}),
        ("search/action", {"subject": ALEX, "resource": WIKI}),
        ("search/subject", {"subject": {"type": "user"}, "action": GUEST, "resource": WIKI}),
        (
            "search/subject",
            {"subject": {"type": "tenant"}, "action": {"name": "crossTenantSync"}, "resource": _tenant()},
        ),
        ("search/resource", {"subject": ALEX, "action": GUEST, "resource": {"type": "application", **_of_contoso()}}),
    ]


def _tenant() -> dict[str, str]:
    return {"type": "tenant", "id": CONTOSO.id}


def _of_contoso() -> dict[str, Any]:
    return {"properties": {"tenantId": CONTOSO.id}}


async def test_the_operator_may_ask_about_everybody(tmp_path: Path) -> None:
    third = TenantId("33333333-3333-4333-8333-333333333333")
    async with in_process(tmp_path, operator_tenant=third) as app:
        await tenants.add(app.application.store, Tenant(third, "operator"))
        issuer = app.application.issuer
        assert issuer is not None
        user = Delegation("o@p.example", "o", (EVALUATE,), (DIRECTORY_ROLES["Global Reader"],))
        headers = {"Authorization": f"Bearer {issuer.mint_delegated(third, user, AUDIENCE)}"}
        answer = (await app.client.post("/access/v1/evaluation", json=ASKED, headers=headers)).json()
        assert answer["context"]["policy_versions"] == {CONTOSO.id: 0, FABRIKAM.id: 0}
        path = f"/{CONTOSO.id}/access/v1/evaluation"
        assert (await app.client.post(path, json=ASKED, headers=headers)).status_code == 200


async def test_a_person_is_in_ten_thousand_groups_at_most(app: InProcess) -> None:
    groups = [f"aaaaaaaa-0000-4000-8000-{number:012x}" for number in range(10_001)]
    subjects = [ALEX | {"properties": {"tenantId": FABRIKAM.id, "groups": of}} for of in (groups[:-1], groups)]
    most, more = [await ask(app, "evaluation", ASKED | {"subject": subject}) for subject in subjects]
    assert (most.status_code, more.status_code) == (200, 400)
    assert "10000" in more.json()


# --- truth over time -------------------------------------------------------------


async def test_a_change_counts_at_once_and_the_past_can_be_asked(app: InProcess) -> None:
    blocked = {"accessType": "blocked"}
    setting = {
        "usersAndGroups": blocked | {"targets": [{"target": "AllUsers", "targetType": "user"}]},
        "applications": blocked | {"targets": [{"target": "AllApplications", "targetType": "application"}]},
    }
    body = {"tenantId": FABRIKAM.id, "b2bCollaborationInbound": setting}
    for number in range(1, 4):
        assert (await ask(app, "evaluation", ASKED)).json()["decision"] is True
        await app.client.post(PARTNERS, json=body, headers=app.headers("contoso"))
        denied = (await ask(app, "evaluation", ASKED)).json()
        assert denied["decision"] is False
        assert denied["context"]["policy_versions"] == {CONTOSO.id: 2 * number - 1}
        await app.client.delete(f"{PARTNERS}/{FABRIKAM.id}", headers=app.headers("contoso"))
    decisions = []
    for version in range(7):
        past = await ask(app, "evaluation", ASKED | {"context": {"policyVersions": {CONTOSO.id: version}}})
        decisions.append(past.json()["decision"])
    assert decisions == [True, False, True, False, True, False, True]


async def test_a_change_of_either_side_counts_at_once(app: InProcess) -> None:
    everything = [{"target": "AllApplications", "targetType": "application"}]
    setting = {
        "usersAndGroups": {"accessType": "blocked", "targets": [{"target": "AllUsers", "targetType": "user"}]},
        "applications": {"accessType": "blocked", "targets": everything},
    }
    sides = (("fabrikam", CONTOSO.id, "Outbound"), ("contoso", FABRIKAM.id, "Inbound"))
    for tenant, other, side in (*sides, *reversed(sides)):
        assert (await ask(app, "evaluation", ASKED)).json()["decision"] is True
        body = {"tenantId": other, f"b2bCollaboration{side}": setting}
        assert (await app.client.post(PARTNERS, json=body, headers=app.headers(tenant))).status_code == 201
        assert (await ask(app, "evaluation", ASKED)).json()["decision"] is False
        await app.client.delete(f"{PARTNERS}/{other}", headers=app.headers(tenant))


async def test_the_fix_that_is_told_works(app: InProcess) -> None:
    asked = ASKED | {"action": {"name": "b2bDirectConnect"}}
    for tenant in ("fabrikam", "contoso"):
        context = (await ask(app, "evaluation", asked, tenant)).json()["context"]
        (change,) = [each for each in context["fix"] if "body" in each]
        url = f"/{change['version']}{change['path']}"
        answer = await app.client.request(change["method"], url, json=change["body"], headers=app.headers(tenant))
        assert answer.status_code in {201, 204}
    assert (await ask(app, "evaluation", asked)).json()["decision"] is True


async def test_evaluations_are_independent_of_each_other(app: InProcess) -> None:
    answers = await asyncio.gather(
        *(ask(app, "evaluation", ASKED, more={"X-Request-ID": f"r-{number}"}) for number in range(30))
    )
    assert [answer.headers["x-request-id"] for answer in answers] == [f"r-{number}" for number in range(30)]
    assert all(answer.json() == answers[0].json() for answer in answers)


# --- the log ---------------------------------------------------------------------


async def test_decisions_are_logged_for_the_tenant_that_asked(tmp_path: Path) -> None:
    async with in_process(tmp_path, decision_log="store") as app:
        await ask(app, "evaluation", ASKED, more={"X-Request-ID": "r-1"})
        denied = ASKED | {"action": {"name": "b2bDirectConnect"}}
        await ask(app, "evaluations", {"evaluations": [denied]}, "fabrikam", {"X-Request-ID": "r-2"})
        await ask(app, "search/action", {"subject": ALEX, "resource": WIKI})  # tries every action; none was asked for
        log = app.application.decision_log
        assert log is not None
        await log.close()
        (one,) = [json.loads(each) for _, each in await app.application.store.logged(CONTOSO.id)]
        (two,) = [json.loads(each) for _, each in await app.application.store.logged(FABRIKAM.id)]
    assert (one["request_id"], one["decision"], one["outcome"]) == ("r-1", True, "allowed")
    assert (one["home"], one["resource"], one["resource_app"]) == (FABRIKAM.id, CONTOSO.id, WIKI["id"])
    assert one["user"] != ALEX["id"]
    assert one["policy_versions"] == {CONTOSO.id: 0}
    assert (two["request_id"], two["action"], two["error_code"]) == ("r-2", "b2bDirectConnect", "AADSTS500212")
    assert "XT-CELL-4" in two["rules"]


# --- much at once ----------------------------------------------------------------


async def test_long_answers_end_somewhere_and_nothing_is_allowed_behind(app: InProcess) -> None:
    people = [{"target": f"c0000000-0000-4000-8000-0000001{n:05d}", "targetType": "user"} for n in range(5_000)]
    everything = [{"target": "AllApplications", "targetType": "application"}]
    inbound = {
        "usersAndGroups": {"accessType": "allowed", "targets": people},
        "applications": {"accessType": "allowed", "targets": everything},
    }
    partner = {"tenantId": FABRIKAM.id, "b2bCollaborationInbound": inbound}
    assert (await app.client.post(PARTNERS, json=partner, headers=app.headers("contoso"))).status_code == 201
    own = {"subject": ALEX | {"properties": {"tenantId": CONTOSO.id, "groups": []}}}
    answer = await ask(app, "evaluations", ASKED | {"evaluations": [{}] * 200 + [own]})
    found = answer.json()["evaluations"]
    assert [each["decision"] for each in found] == [False] * 201
    assert len(answer.content) < LONGEST * 1.1
    assert found[0]["context"]["fix"]
    assert found[-1]["context"]["error"]["status"] == 413
