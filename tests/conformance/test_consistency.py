"""Answers tell which policy versions they know, and a caller may demand at least those of a node that is behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.server.storage import DATABASE, open_store
from xtap.service import consistency, tenants
from xtap.service.permissions import PERMISSIONS
from xtap.store import looker
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore
from xtap.testing.in_process import in_process
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from xtap.testing.in_process import InProcess

TOLD, DEMANDED = "xtap-policy-versions", "xtap-at-least"
ROOT = "/v1.0/policies/crossTenantAccessPolicy"
PARTNER = f"{ROOT}/partners/{FABRIKAM.id}"
TRUST = {"inboundTrust": {"isMfaAccepted": True}}
QUESTION = {
    "subject": {"type": "user", "id": FABRIKAM.id, "properties": {"tenantId": FABRIKAM.id, "groups": []}},
    "action": {"name": "b2bCollaboration"},
    "resource": {"type": "application", "id": FABRIKAM.id, "properties": {"tenantId": CONTOSO.id}},
}


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[InProcess]:
    """A server that would not notice by itself, within a test, what another process writes."""
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)
    monkeypatch.setattr(consistency, "WAIT", 0.3)
    async with in_process(tmp_path, SqliteStore.open(tmp_path / DATABASE)) as app:
        yield app


async def send(
    app: InProcess, method: str, path: str, body: object = None, at_least: str = "", tenant: str = "contoso"
) -> httpx.Response:
    headers = app.headers(tenant) | ({DEMANDED: at_least} if at_least else {})
    return await app.client.request(method, path, json=body, headers=headers)


async def ask(app: InProcess, what: str, body: object, at_least: str = "") -> httpx.Response:
    return await send(app, "POST", f"/access/v1/{what}", body, at_least)


def of_contoso(version: int) -> str:
    return f"{CONTOSO.id}={version}"


async def elsewhere(app: InProcess) -> None:
    """Let another process block everybody from outside contoso."""
    blocked = (
        b'{"accessType":"blocked","targets":[{"target":"AllUsers","targetType":"user"}]}',
        b'{"accessType":"blocked","targets":[{"target":"AllApplications","targetType":"application"}]}',
    )
    document = b'{"tenantId":"%s","b2bCollaborationInbound":{"usersAndGroups":%s,"applications":%s}}' % (
        FABRIKAM.id.encode(),
        *blocked,
    )
    store = open_store(app.application.settings, exclusive=False)
    change = Change((Write(Kind.PARTNER, FABRIKAM.id, document),), (AuditEntry("elsewhere", b"{}"),))
    await store.change(CONTOSO.id, lambda _: change)
    await store.close()


# --- what answers tell -----------------------------------------------------------


async def test_every_write_tells_the_version_that_holds_it(app: InProcess) -> None:
    posted = await send(app, "POST", f"{ROOT}/partners", {"tenantId": FABRIKAM.id})
    assert (posted.status_code, posted.headers[TOLD]) == (201, of_contoso(1))
    writes = [("PATCH", PARTNER, TRUST), ("PATCH", f"{ROOT}/default", TRUST), ("DELETE", PARTNER, None)]
    for version, (method, path, body) in enumerate(writes, start=2):
        answer = await send(app, method, path, body)
        assert (answer.status_code, answer.headers[TOLD]) == (204, of_contoso(version))
    again = await send(app, "PATCH", f"{ROOT}/default", TRUST)
    assert (again.status_code, again.headers[TOLD]) == (204, of_contoso(4))  # it changed nothing
    reset = await send(app, "POST", f"{ROOT}/default/resetToSystemDefault")
    assert (reset.status_code, reset.headers[TOLD]) == (204, of_contoso(5))
    other = await send(app, "PATCH", f"{ROOT}/default", TRUST, tenant="fabrikam")
    assert other.headers[TOLD] == f"{FABRIKAM.id}=1"


async def test_each_write_of_a_batch_tells_its_version(app: InProcess) -> None:
    typed = {"headers": {"Content-Type": "application/json"}}
    parts = [
        typed | {"id": "1", "method": "POST", "url": f"{ROOT[5:]}/partners", "body": {"tenantId": FABRIKAM.id}},
        typed | {"id": "2", "method": "PATCH", "url": PARTNER[5:], "body": TRUST, "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": PARTNER[5:], "dependsOn": ["2"]},
    ]
    answer = await send(app, "POST", "/v1.0/$batch", {"requests": parts})
    assert answer.headers[TOLD] == of_contoso(2)
    told = [part["headers"].get("Xtap-Policy-Versions") for part in answer.json()["responses"]]
    assert told == [of_contoso(1), of_contoso(2), None]


async def test_what_wrote_nothing_tells_nothing(app: InProcess) -> None:
    for method, path, body in (("GET", f"{ROOT}/default", None), ("PATCH", PARTNER, TRUST), ("PATCH", ROOT, "x")):
        assert TOLD not in (await send(app, method, path, body)).headers


async def test_every_decision_tells_the_versions_it_was_made_from(app: InProcess) -> None:
    await send(app, "POST", f"{ROOT}/partners", {"tenantId": FABRIKAM.id})
    one = await ask(app, "evaluation", QUESTION)
    assert one.headers[TOLD] == of_contoso(1)
    assert one.json()["context"]["policy_versions"] == {CONTOSO.id: 1}
    past = {"context": {"policyVersions": {CONTOSO.id: 0}}}
    assert (await ask(app, "evaluation", QUESTION | past)).headers[TOLD] == of_contoso(0)
    many = await ask(app, "evaluations", QUESTION | {"evaluations": [{}, past]})
    assert many.headers[TOLD] == of_contoso(1)
    found = await ask(app, "search/action", {key: QUESTION[key] for key in ("subject", "resource")})
    assert found.headers[TOLD] == of_contoso(1)
    unknown = await ask(app, "evaluation", QUESTION | {"action": {"name": "fly"}})
    assert TOLD not in unknown.headers


# --- what callers may demand -------------------------------------------------------


async def test_a_node_that_is_behind_looks_before_it_answers(app: InProcess) -> None:
    assert (await ask(app, "evaluation", QUESTION)).json()["decision"] is True
    await elsewhere(app)
    assert (await ask(app, "evaluation", QUESTION)).json()["decision"] is True  # it does not know yet
    assert (await send(app, "GET", PARTNER)).status_code == 404
    told = (await ask(app, "evaluation", QUESTION, of_contoso(1))).json()
    assert (told["decision"], told["context"]["policy_versions"]) == (False, {CONTOSO.id: 1})
    assert (await send(app, "GET", PARTNER)).status_code == 200


@pytest.mark.parametrize("at_least", [{CONTOSO.id: 1}, {CONTOSO.id.upper(): 1}])
async def test_a_question_may_demand_versions_for_itself(app: InProcess, at_least: dict[str, int]) -> None:
    assert (await ask(app, "evaluation", QUESTION)).json()["decision"] is True
    await elsewhere(app)
    demand = {"context": {"atLeast": at_least}}
    many = await ask(app, "evaluations", QUESTION | {"evaluations": [{}, demand, {}]})
    assert [each["decision"] for each in many.json()["evaluations"]] == [True, False, False]


async def test_a_search_may_demand_versions(app: InProcess) -> None:
    asked = {key: QUESTION[key] for key in ("subject", "resource")}
    before = (await ask(app, "search/action", asked)).json()["results"]
    await elsewhere(app)
    after = (await ask(app, "search/action", asked | {"context": {"atLeast": {CONTOSO.id: 1}}})).json()["results"]
    assert {"name": "b2bCollaboration"} in before
    assert {"name": "b2bCollaboration"} not in after


async def test_a_read_may_demand_what_another_process_wrote(app: InProcess) -> None:
    assert (await send(app, "GET", PARTNER)).status_code == 404
    await elsewhere(app)
    assert (await send(app, "GET", PARTNER)).status_code == 404
    assert (await send(app, "GET", PARTNER, at_least=f"{of_contoso(1)}, {of_contoso(0)}")).status_code == 200


async def test_a_version_that_does_not_come_is_refused_after_a_while(app: InProcess) -> None:
    """Graph and whole requests answer 503; one question is answered: it is not known."""
    for method, path, body in (
        ("GET", f"{ROOT}/default", None),
        ("PATCH", f"{ROOT}/default", TRUST),
        ("POST", "/access/v1/evaluation", QUESTION),
        ("POST", "/access/v1/evaluations", QUESTION | {"evaluations": [{}]}),
        ("POST", "/access/v1/search/action", QUESTION),
    ):
        began = time.monotonic()
        answer = await send(app, method, path, body, of_contoso(1))
        assert 0.3 <= time.monotonic() - began < 3
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert f"does not know version 1 of the policy of tenant {CONTOSO.id}" in answer.text
    assert (await send(app, "GET", f"{ROOT}/default")).json()["isServiceDefault"] is True  # the PATCH was not made


async def test_a_question_about_a_version_that_does_not_come_is_denied(app: InProcess) -> None:
    demand = {"context": {"atLeast": {CONTOSO.id: 1}}}
    answer = (await ask(app, "evaluation", QUESTION | demand)).json()
    assert (answer["decision"], answer["context"]["outcome"]) == (False, "unknown")
    assert answer["context"]["missing"] == [f"version 1 of the policy of tenant {CONTOSO.id}"]
    began = time.monotonic()
    many = await ask(app, "evaluations", QUESTION | demand | {"evaluations": [{}] * 50})
    assert {each["decision"] for each in many.json()["evaluations"]} == {False}
    assert time.monotonic() - began < 3  # all of them wait together as long as one
    search = await ask(app, "search/action", QUESTION | demand)
    assert search.status_code == 503


async def test_versions_of_others_cannot_be_probed(app: InProcess) -> None:
    theirs = f"{FABRIKAM.id}=0"
    for method, path, body in (
        ("GET", f"{ROOT}/default", None),
        ("POST", "/access/v1/evaluation", QUESTION),
        ("POST", "/access/v1/evaluations", QUESTION),
        ("POST", "/access/v1/search/action", QUESTION),
    ):
        answer = await send(app, method, path, body, theirs)
        assert answer.status_code == 403
        assert "whose policy this caller may not see" in answer.text
    demand = {"context": {"atLeast": {FABRIKAM.id: 0}}}
    assert (await ask(app, "evaluation", QUESTION | demand)).status_code == 403
    assert (await ask(app, "search/action", QUESTION | demand)).status_code == 403
    many = (await ask(app, "evaluations", QUESTION | {"evaluations": [demand]})).json()["evaluations"]
    assert (many[0]["decision"], many[0]["context"]["error"]["status"]) == (False, 403)


@pytest.mark.parametrize(
    "given", ["1", "contoso=1", f"{CONTOSO.id}", f"{CONTOSO.id}=-1", f"{CONTOSO.id}=1;", ",", "é=1"]
)
async def test_a_demand_that_cannot_be_read_is_refused(app: InProcess, given: str) -> None:
    headers = app.headers() | {DEMANDED: given.encode()}
    for method, path, body in (("GET", f"{ROOT}/default", None), ("POST", "/access/v1/evaluation", QUESTION)):
        answer = await app.client.request(method, path, json=body, headers=headers)  # type: ignore[arg-type]
        assert answer.status_code == 400
        assert "Expected pairs such as" in answer.text


@pytest.mark.parametrize("given", [{CONTOSO.id: -1}, {CONTOSO.id: "1"}, {"contoso": 1}, [CONTOSO.id], 1])
async def test_a_demand_in_a_context_that_cannot_be_read_is_refused(app: InProcess, given: object) -> None:
    assert (await ask(app, "evaluation", QUESTION | {"context": {"atLeast": given}})).status_code == 400


async def test_versions_of_tenants_that_are_not_registered_are_refused_and_not_kept(tmp_path: Path) -> None:
    """Also of the operator, who may see all: a made-up id would stay in memory."""
    third = TenantId("33333333-3333-4333-8333-333333333333")
    store = SqliteStore.open(tmp_path / DATABASE)
    async with in_process(tmp_path, store, operator_tenant=third) as app:
        await tenants.add(store, Tenant(third, "operator"))
        issuer = app.application.issuer
        assert issuer is not None
        caller = Application("o", "o", third, "", PERMISSIONS)
        headers = {"Authorization": f"Bearer {issuer.mint_app(third, caller, AUDIENCE)}"}

        async def asked(what: str, body: object, at_least: str = "") -> httpx.Response:
            demand = {DEMANDED: at_least} if at_least else {}
            return await app.client.post(f"/access/v1/{what}", json=body, headers=headers | demand)

        made_up = str(uuid4())
        demand = {"context": {"atLeast": {made_up: 0}}}
        refused = [
            await asked("evaluation", QUESTION, f"{made_up}=0"),
            await asked("evaluation", QUESTION | demand),
            await asked("search/action", QUESTION | demand),
        ]
        assert [answer.status_code for answer in refused] == [400] * 3
        assert all(f"tenant {made_up} is demanded, which is not registered here" in answer.text for answer in refused)
        many = (await asked("evaluations", QUESTION | {"evaluations": [demand, {}]})).json()["evaluations"]
        assert [many[0]["decision"], many[0]["context"]["error"]["status"], many[1]["decision"]] == [False, 400, True]
        assert made_up not in {each.tenant for each in store._cache.snapshots()}
        for tenant in (CONTOSO.id, FABRIKAM.id):
            assert (await asked("evaluation", QUESTION, f"{tenant}=0")).status_code == 200
