"""What tests may do to a local server: by one tenant, held to the rules, and only where it was asked for."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xtap.errors import ConfigurationError
from xtap.identity.embedded import Delegation
from xtap.server.settings import Settings, check
from xtap.service.permissions import DIRECTORY_ROLES
from xtap.testing.in_process import BASE, InProcess, in_process
from xtap.testing.local_server import AUDIENCE, TENANTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POLICY = "/v1.0/policies/crossTenantAccessPolicy"
PARTNERS = f"{POLICY}/partners"
CONTOSO, FABRIKAM = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
THIRD = "33333333-3333-4333-8333-333333333333"
DELETED = "/beta/policies/deletedItems/crossTenantPartners"


class Asker:
    """The application, asked as a demo tenant."""

    def __init__(self, app: InProcess) -> None:
        self.app = app

    async def __call__(
        self, method: str, path: str, body: object = None, tenant: str = "contoso", token: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else self.app.headers(tenant)
        return await self.app.client.request(method, path, json=body, headers=headers)

    async def ok(self, method: str, path: str, body: object = None, tenant: str = "contoso") -> Any:
        answer = await self(method, path, body, tenant)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Asker]:
    async with in_process(tmp_path, emulator=True) as app:
        yield Asker(app)


def seeded(**more: object) -> dict[str, object]:
    partner = {
        "tenantId": FABRIKAM,
        "inboundTrust": {"isMfaAccepted": True, "isCompliantNetworkAccepted": None},
        "automaticUserConsentSettings": {"inboundAllowed": True, "outboundAllowed": None},
        "isInMultiTenantOrganization": True,
        "isServiceProvider": True,
        "identitySynchronization": {"userSyncInbound": {"isSyncAllowed": True}},
    }
    return {
        "tenantId": CONTOSO,
        "policy": {"@odata.context": "x", "id": "y", "allowedCloudEndpoints": ["microsoftonline.us"]},
        "default": {"isServiceDefault": False, "inboundTrust": {"isCompliantDeviceAccepted": True}},
        "partners": {"value": [partner]},
    } | more


@pytest.mark.parametrize("settings", [{"embedded_issuer": False}, {"host": "0.0.0.0"}])
def test_it_needs_the_embedded_issuer_and_loopback(settings: dict[str, Any]) -> None:
    values: dict[str, Any] = {"embedded_issuer": True, "unsafe_embedded_issuer_on_network": True} | settings
    values |= {"issuer": "https://issuer.example", "audience": ("api",)}
    check(Settings(**values))
    with pytest.raises(ConfigurationError, match="--emulator"):
        check(Settings(**values, emulator=True))


async def test_it_is_off_by_default(tmp_path: Path) -> None:
    async with in_process(tmp_path) as app:
        for name in ("reset", "seed", "snapshot", "restore", "clock", "faults", "limits"):
            answer = await app.client.post(f"/xtap/{name}", json={}, headers=app.headers())
            assert answer.status_code == 404


async def test_other_machines_are_refused(ask: Asker) -> None:
    transport = httpx.ASGITransport(ask.app.application, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        assert (await client.post("/xtap/reset", headers=ask.app.headers())).status_code == 403
        assert (await client.get(PARTNERS, headers=ask.app.headers())).status_code == 200


async def test_it_needs_a_token_that_may_write(ask: Asker) -> None:
    assert (await ask.app.client.post("/xtap/reset")).status_code == 401
    reader = ask.app.token(permissions=["Policy.Read.All"])
    assert (await ask("POST", "/xtap/reset", token=reader)).status_code == 403
    assert (await ask("POST", "/xtap/nonsense")).status_code == 400
    assert (await ask("GET", "/xtap/reset")).status_code == 405


async def test_a_reset_is_of_one_tenant(ask: Asker) -> None:
    for tenant in ("contoso", "fabrikam"):
        await ask.ok("POST", PARTNERS, {"tenantId": THIRD}, tenant)
        await ask.ok("PATCH", f"{POLICY}/default", {"inboundTrust": {"isMfaAccepted": True}}, tenant)
    await ask.ok("DELETE", f"{PARTNERS}/{THIRD}")
    await ask.ok("POST", "/xtap/reset")
    assert (await ask.ok("GET", f"{POLICY}/default"))["isServiceDefault"] is True
    assert (await ask.ok("GET", DELETED))["value"] == []
    assert (await ask.ok("GET", f"{POLICY}/default", tenant="fabrikam"))["isServiceDefault"] is False
    assert (await ask("GET", f"{PARTNERS}/{THIRD}", tenant="fabrikam")).status_code == 200
    assert (await ask("GET", "/v1.0/users")).json()["value"]


async def test_an_organization_outlives_a_reset(ask: Asker) -> None:
    organization = "/v1.0/tenantRelationships/multiTenantOrganization"
    await ask.ok("PUT", organization, {"displayName": "Both"})
    await ask.ok("POST", f"{organization}/tenants", {"tenantId": FABRIKAM})
    await ask.ok("PATCH", f"{organization}/joinRequest", {"addedByTenantId": CONTOSO}, "fabrikam")
    assert (await ask.ok("GET", f"{PARTNERS}/{FABRIKAM}"))["isInMultiTenantOrganization"] is True
    await ask.ok("POST", "/xtap/reset")
    assert (await ask.ok("GET", PARTNERS))["value"] == []
    for tenant, fellow in ((FABRIKAM, True), (THIRD, False)):
        added = await ask.ok("POST", PARTNERS, {"tenantId": tenant})
        assert added["isInMultiTenantOrganization"] is fellow
    await ask.ok("POST", "/xtap/seed", {"tenantId": CONTOSO, "partners": [{"tenantId": FABRIKAM}]})
    assert (await ask.ok("GET", f"{PARTNERS}/{FABRIKAM}"))["isInMultiTenantOrganization"] is True
    await ask.ok("DELETE", f"{organization}/tenants/{FABRIKAM}")
    assert (await ask.ok("GET", f"{PARTNERS}/{FABRIKAM}"))["isInMultiTenantOrganization"] is False


async def test_a_restore_brings_back_no_fellowship_that_ended_and_ends_none_that_began(ask: Asker) -> None:
    organization = "/v1.0/tenantRelationships/multiTenantOrganization"
    await ask.ok("PUT", organization, {"displayName": "Both"})
    await ask.ok("POST", PARTNERS, {"tenantId": FABRIKAM})
    alone = (await ask.ok("POST", "/xtap/snapshot"))["id"]
    await ask.ok("POST", f"{organization}/tenants", {"tenantId": FABRIKAM})
    await ask.ok("PATCH", f"{organization}/joinRequest", {"addedByTenantId": CONTOSO}, "fabrikam")
    both = (await ask.ok("POST", "/xtap/snapshot"))["id"]
    await ask.ok("POST", "/xtap/restore", {"id": alone})
    assert (await ask.ok("GET", f"{PARTNERS}/{FABRIKAM}"))["isInMultiTenantOrganization"] is True
    await ask.ok("DELETE", f"{organization}/tenants/{FABRIKAM}", tenant="fabrikam")
    await ask.ok("POST", "/xtap/restore", {"id": both})
    assert (await ask.ok("GET", f"{PARTNERS}/{FABRIKAM}"))["isInMultiTenantOrganization"] is False
    await ask.ok("DELETE", f"{PARTNERS}/{FABRIKAM}")
    assert (await ask.ok("POST", PARTNERS, {"tenantId": FABRIKAM}))["isInMultiTenantOrganization"] is False


async def test_a_seeded_fellow_stays_one(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/seed", seeded())
    await ask.ok("DELETE", f"{PARTNERS}/{FABRIKAM}/identitySynchronization")
    await ask.ok("PATCH", f"{PARTNERS}/{FABRIKAM}", {"inboundTrust": None})
    kept = (await ask.ok("POST", "/xtap/snapshot"))["id"]
    await ask.ok("POST", "/xtap/reset")
    assert (await ask.ok("POST", PARTNERS, {"tenantId": FABRIKAM}))["isInMultiTenantOrganization"] is False
    await ask.ok("POST", "/xtap/restore", {"id": kept})
    assert (await ask.ok("GET", f"{PARTNERS}/{FABRIKAM}"))["isInMultiTenantOrganization"] is True


async def test_a_seed_is_everything_that_the_document_says(ask: Asker) -> None:
    await ask.ok("POST", PARTNERS, {"tenantId": THIRD})
    await ask.ok("POST", "/xtap/seed", seeded())
    (partner,) = (await ask.ok("GET", f"{PARTNERS}?$expand=identitySynchronization"))["value"]
    assert (partner["tenantId"], partner["inboundTrust"]["isMfaAccepted"]) == (FABRIKAM, True)
    assert (partner["isInMultiTenantOrganization"], partner["isServiceProvider"]) == (True, True)
    assert partner["identitySynchronization"]["userSyncInbound"] == {"isSyncAllowed": True}
    assert (await ask.ok("GET", POLICY))["allowedCloudEndpoints"] == ["microsoftonline.us"]
    default = await ask.ok("GET", f"{POLICY}/default")
    assert (default["isServiceDefault"], default["inboundTrust"]["isCompliantDeviceAccepted"]) == (False, True)


async def test_what_was_exported_is_seeded_as_it_was(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/seed", seeded())
    beta = POLICY.replace("v1.0", "beta")

    async def exported() -> dict[str, Any]:
        partners = await ask.ok("GET", f"{beta}/partners?$expand=identitySynchronization")
        default = await ask.ok("GET", f"{beta}/default")
        return {"tenantId": CONTOSO, "policy": await ask.ok("GET", beta), "default": default, "partners": partners}

    before = await exported()
    await ask.ok("POST", "/xtap/reset")
    assert await exported() != before
    await ask.ok("POST", "/xtap/seed", before)
    assert await exported() == before


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (seeded(tenantId=THIRD), 403),
        (seeded(partners=[{"tenantId": FABRIKAM, "nonsense": 1}]), 400),
        (seeded(partners=[{"tenantId": CONTOSO}]), 400),
        ({}, 400),
    ],
)
async def test_a_seed_that_is_refused_changes_nothing(ask: Asker, document: object, status: int) -> None:
    await ask.ok("POST", PARTNERS, {"tenantId": THIRD})
    assert (await ask("POST", "/xtap/seed", document)).status_code == status
    assert [each["tenantId"] for each in (await ask.ok("GET", PARTNERS))["value"]] == [THIRD]


async def test_a_snapshot_is_restored_as_often_as_wanted(ask: Asker) -> None:
    await ask.ok("POST", PARTNERS, {"tenantId": THIRD, "inboundTrust": {"isMfaAccepted": True}})
    before = await ask.ok("GET", PARTNERS)
    kept = await ask.ok("POST", "/xtap/snapshot")
    for _ in range(2):
        await ask.ok("DELETE", f"{PARTNERS}/{THIRD}")
        await ask.ok("POST", PARTNERS, {"tenantId": FABRIKAM})
        await ask.ok("POST", "/xtap/restore", kept)
        assert await ask.ok("GET", PARTNERS) == before
        assert (await ask.ok("GET", DELETED))["value"] == []
    assert (await ask("POST", "/xtap/restore", kept, "fabrikam")).status_code == 404


async def test_the_clock_moves_on_and_deleted_items_expire(ask: Asker) -> None:
    await ask.ok("POST", PARTNERS, {"tenantId": THIRD})
    await ask.ok("DELETE", f"{PARTNERS}/{THIRD}")
    before = (await ask.ok("GET", "/xtap/clock"))["now"]
    assert len((await ask.ok("GET", DELETED))["value"]) == 1
    after = (await ask.ok("POST", "/xtap/clock", {"advance": 30 * 86_400}))["now"]
    assert after[:10] > before[:10]
    assert (await ask.ok("GET", DELETED))["value"] == []


async def test_a_snapshot_has_what_was_due_when_it_was_taken(tmp_path: Path) -> None:
    organization = "/v1.0/tenantRelationships/multiTenantOrganization"
    async with in_process(tmp_path, emulator=True, join_delay=3600) as app:
        ask = Asker(app)
        await ask.ok("PUT", organization, {"displayName": "Both"})
        await ask.ok("POST", f"{organization}/tenants", {"tenantId": FABRIKAM})
        await ask.ok("PATCH", f"{organization}/joinRequest", {"addedByTenantId": CONTOSO}, "fabrikam")
        await ask.ok("POST", "/xtap/clock", {"advance": 3600})
        kept = await ask.ok("POST", "/xtap/snapshot")
        assert len((await ask.ok("GET", PARTNERS))["value"]) == 1
        await ask.ok("POST", "/xtap/restore", kept)
        (partner,) = (await ask.ok("GET", PARTNERS))["value"]
        assert (partner["tenantId"], partner["isInMultiTenantOrganization"]) == (FABRIKAM, True)


@pytest.mark.parametrize("advance", [-1, 1e12, "1", True, None])
async def test_the_clock_does_not_go_back(ask: Asker, advance: object) -> None:
    assert (await ask("POST", "/xtap/clock", {"advance": advance})).status_code == 400


async def test_a_fault_happens_as_often_as_asked_to_its_tenant(ask: Asker) -> None:
    fault = {"status": 429, "retryAfter": 7, "times": 2, "method": "GET", "path": "/Partners"}
    await ask.ok("POST", "/xtap/faults", fault)
    assert (await ask.ok("GET", "/xtap/faults"))["value"] == [fault]
    assert (await ask("GET", PARTNERS, tenant="fabrikam")).status_code == 200
    assert (await ask("GET", POLICY)).status_code == 200
    assert (await ask("POST", PARTNERS, {"tenantId": THIRD})).status_code == 201
    for _ in range(2):
        answer = await ask("GET", PARTNERS)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert answer.json()["error"]["code"] == "TooManyRequests"
        assert answer.json()["error"]["innerError"]["request-id"] == answer.headers["request-id"]
    assert (await ask("GET", PARTNERS)).status_code == 200


async def test_a_write_that_fails_changes_nothing(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/faults", {"status": 503, "method": "POST"})
    assert (await ask("POST", PARTNERS, {"tenantId": THIRD})).status_code == 503
    assert (await ask.ok("GET", PARTNERS))["value"] == []


async def test_a_delay_passes_before_the_answer(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/faults", {"delay": 0.2})
    start = time.monotonic()
    await ask.ok("GET", POLICY)
    assert time.monotonic() - start >= 0.2


async def test_a_deleted_partner_is_read_for_a_while(ask: Asker) -> None:
    await ask.ok("POST", PARTNERS, {"tenantId": THIRD})
    await ask.ok("POST", "/xtap/faults", {"stale": 2, "method": "DELETE"})
    await ask.ok("DELETE", f"{PARTNERS}/{THIRD}")
    statuses = [(await ask("GET", f"{PARTNERS}/{THIRD}")).status_code for _ in range(3)]
    assert statuses == [200, 200, 404]


async def test_is_service_default_follows_later(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/faults", {"stale": 1, "path": "/default"})
    await ask.ok("PATCH", f"{POLICY}/default", {"inboundTrust": {"isMfaAccepted": True}})
    read = [(await ask.ok("GET", f"{POLICY}/default"))["isServiceDefault"] for _ in range(2)]
    assert read == [True, False]


async def test_what_may_not_be_read_is_not_read_from_the_past(ask: Asker) -> None:
    await ask.ok("POST", PARTNERS, {"tenantId": THIRD})
    await ask.ok("POST", "/xtap/faults", {"stale": 1, "method": "DELETE"})
    await ask.ok("DELETE", f"{PARTNERS}/{THIRD}")
    forged = ask.app.token()[:-8] + "AAAAAAAA"
    assert (await ask("GET", f"{PARTNERS}/{THIRD}", token=forged)).status_code == 401
    nobody = ask.app.token(permissions=["User.Read.All"])
    assert (await ask("GET", f"{PARTNERS}/{THIRD}", token=nobody)).status_code == 403
    assert (await ask("GET", f"{PARTNERS}/{THIRD}")).status_code == 200


async def test_a_stale_read_shows_what_its_reader_may_see(ask: Asker) -> None:
    organization = "/v1.0/tenantRelationships/multiTenantOrganization"
    await ask.ok("PUT", organization, {"displayName": "Both"})
    issuer = ask.app.application.issuer
    assert issuer is not None
    role = DIRECTORY_ROLES["Security Reader"]
    person = Delegation("reader@contoso.example", THIRD, ("MultiTenantOrganization.ReadBasic.All",), (role,))
    token = issuer.mint_delegated(TENANTS["contoso"].id, person, AUDIENCE)
    now = (await ask("GET", f"{organization}/tenants", token=token)).json()
    assert "role" not in now["value"][0]
    assert "role" in (await ask.ok("GET", f"{organization}/tenants"))["value"][0]
    await ask.ok("POST", "/xtap/faults", {"stale": 1, "path": "/tenants"})
    await ask.ok("POST", f"{organization}/tenants", {"tenantId": FABRIKAM})
    assert (await ask("GET", f"{organization}/tenants", token=token)).json() == now
    assert len((await ask.ok("GET", f"{organization}/tenants"))["value"]) == 2


async def test_a_stale_read_has_its_own_query_and_version(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/faults", {"stale": 3})
    await ask.ok("PATCH", "/beta/policies/crossTenantAccessPolicy/default", {"inboundTrust": {"isMfaAccepted": True}})
    selected = await ask.ok("GET", f"{POLICY}/default?$select=isServiceDefault")
    assert {name: value for name, value in selected.items() if "@" not in name} == {"isServiceDefault": True}
    assert (await ask("GET", f"{POLICY}/default?$select=nonsense")).status_code == 400
    assert "blockServiceProviderOutboundAccess" not in (await ask.ok("GET", f"{POLICY}/default"))
    assert (await ask.ok("GET", f"{POLICY}/default"))["isServiceDefault"] is False


async def test_after_a_write_that_fails_nothing_is_stale(ask: Asker) -> None:
    await ask.ok("POST", "/xtap/faults", {"stale": 1, "path": "/default"})
    assert (await ask("PATCH", f"{POLICY}/default", {"nonsense": 1})).status_code == 400
    await ask.ok("PATCH", f"{POLICY}/default", {"inboundTrust": {"isMfaAccepted": True}})
    assert (await ask.ok("GET", f"{POLICY}/default"))["isServiceDefault"] is False


@pytest.mark.parametrize("end", ["DELETE /xtap/faults", "POST /xtap/reset"])
async def test_faults_are_taken_back(ask: Asker, end: str) -> None:
    await ask.ok("POST", "/xtap/faults", {"status": 500, "times": 9})
    method, _, path = end.partition(" ")
    await ask.ok(method, path)
    assert (await ask("GET", POLICY)).status_code == 200


@pytest.mark.parametrize(
    "fault", [{}, {"status": 200}, {"delay": 61}, {"stale": -1}, {"times": 0, "status": 500}, {"nonsense": 1}]
)
async def test_a_fault_that_is_none_is_refused(ask: Asker, fault: object) -> None:
    assert (await ask("POST", "/xtap/faults", fault)).status_code == 400


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.bnVsbA.c", "a.eyJ0aWQiOjF9.c", "a.\u00e9.c"])
async def test_strange_tokens_meet_no_fault(ask: Asker, token: str) -> None:
    answer = await ask.app.client.get(POLICY, headers={b"Authorization": f"Bearer {token}".encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize("place", [0, 1])
async def test_a_token_that_is_nested_deep_is_refused(ask: Asker, place: int) -> None:
    parts = ["eyJhbGciOiJSUzI1NiJ9", "e30", "xx"]
    parts[place] = base64.urlsafe_b64encode(b"[" * 3000).rstrip(b"=").decode()
    assert (await ask("GET", POLICY, token=".".join(parts))).status_code == 401


async def test_what_was_done_stands_in_the_log(ask: Asker) -> None:
    store = ask.app.application.store
    await ask.ok("POST", "/xtap/seed", seeded())
    await ask.ok("POST", "/xtap/reset")
    records = [entry.document for _, entry in await store.audit((await store.snapshot(_contoso())).tenant)]
    assert len(records) == 8
    assert all(b'"activity":"EMULATE"' in record for record in records)


def _contoso() -> Any:
    return CONTOSO
