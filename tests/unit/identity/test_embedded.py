"""The embedded issuer: what it issues is good everywhere, what it refuses it refuses as Entra does."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from typing import TYPE_CHECKING

import msgspec
import pytest

from xtap.identity.client_secrets import MAX_SECRET, NOBODY, hash_secret, verify_secret
from xtap.identity.compact import decode
from xtap.identity.embedded import Delegation, EmbeddedIssuer
from xtap.identity.keys import SigningKeys, generate
from xtap.identity.refusals import TokenRefused
from xtap.identity.resources import DEFAULT_AUDIENCES, canonical, resource_of
from xtap.identity.tokens import Verifier
from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId

if TYPE_CHECKING:
    from tests.unit.identity.conftest import Clock

CONTOSO = Tenant(TenantId("11111111-1111-4111-8111-111111111111"), "Contoso", ("contoso.example",))
FABRIKAM = Tenant(TenantId("22222222-2222-4222-8222-222222222222"), "Fabrikam", ("fabrikam.example",))
APPLICATION = Application(
    "demo-app", "Demo", "33333333-3333-4333-8333-333333333333", hash_secret("demo-secret"), ("Policy.Read.All",)
)
BASE = "https://localhost:8443"
GOOD = {
    "grant_type": "client_credentials",
    "client_id": "demo-app",
    "client_secret": "demo-secret",
    "scope": "https://localhost/.default",
}


class FixedDirectory:
    async def find_tenant(self, id_or_domain: str) -> Tenant | None:
        asked = id_or_domain.lower()
        return next((t for t in (CONTOSO, FABRIKAM) if asked in (t.id, *t.domains)), None)

    async def find_application(self, tenant_id: TenantId, client_id: str) -> Application | None:
        return APPLICATION if (tenant_id, client_id) == (CONTOSO.id, "demo-app") else None


@pytest.fixture(scope="module")
def keys() -> SigningKeys:
    return SigningKeys((generate(),))


@pytest.fixture
def issuer(keys: SigningKeys, clock: Clock) -> EmbeddedIssuer:
    return EmbeddedIssuer(BASE, keys, FixedDirectory(), clock)


@pytest.fixture
def judge(issuer: EmbeddedIssuer, clock: Clock) -> Verifier:
    return Verifier([issuer.trusted()], clock)


def claims_of(token: str) -> dict[str, object]:
    return msgspec.json.decode(decode(token.split(".")[1]), type=dict[str, object])


async def test_a_token_is_issued_and_believed(issuer: EmbeddedIssuer, judge: Verifier) -> None:
    answer = await issuer.token("contoso.example", GOOD)
    assert {name: answer[name] for name in ("token_type", "expires_in", "ext_expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
    }
    caller = await judge.caller(str(answer["access_token"]))
    assert (caller.tenant, caller.client_id, caller.name) == (CONTOSO.id, "demo-app", "Demo")
    assert caller.is_application
    assert caller.permissions == {"Policy.Read.All"}


async def test_its_claims_are_those_of_a_v1_token(issuer: EmbeddedIssuer) -> None:
    claims = claims_of(str((await issuer.token(CONTOSO.id, GOOD))["access_token"]))
    assert claims.pop("uti")
    assert claims == {
        "aud": "https://localhost",
        "iss": f"{BASE}/{CONTOSO.id}/v2.0",
        "idp": f"{BASE}/{CONTOSO.id}/v2.0",
        "iat": 1_800_000_000,
        "nbf": 1_800_000_000,
        "exp": 1_800_003_600,
        "tid": CONTOSO.id,
        "ver": "1.0",
        "idtyp": "app",
        "appid": "demo-app",
        "appidacr": "1",
        "app_displayname": "Demo",
        "oid": APPLICATION.object_id,
        "sub": APPLICATION.object_id,
        "roles": ["Policy.Read.All"],
    }


async def test_a_delegated_token_is_believed(issuer: EmbeddedIssuer, judge: Verifier) -> None:
    user = Delegation("a@contoso.example", "oid-1", ("Policy.Read.All",), ("194ae4cb-b126-40b2-bd5b-6091b380977d",))
    caller = await judge.caller(issuer.mint_delegated(CONTOSO.id, user, "https://localhost"))
    assert (caller.is_application, caller.name, caller.client_id) == (False, "a@contoso.example", "xtap")
    assert caller.permissions == {"Policy.Read.All"}
    assert caller.directory_roles == {"194ae4cb-b126-40b2-bd5b-6091b380977d"}


@pytest.mark.parametrize(
    "extra",
    [
        {"client_info": "1"},
        {"claims": '{"access_token":{"xms_cc":{"values":["CP1"]}}}'},
        {"x-client-SKU": "msal.js.node", "x-client-VER": "1", "x-ms-lib-capability": "retry-after, h429"},
    ],
)
async def test_parameters_of_sdks_are_ignored(issuer: EmbeddedIssuer, extra: dict[str, str]) -> None:
    assert (await issuer.token(CONTOSO.id, {**GOOD, **extra}))["access_token"]


def basic(client_id: str, secret: str) -> str:
    return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()


async def test_the_secret_may_come_in_the_header(issuer: EmbeddedIssuer) -> None:
    form = {"grant_type": "client_credentials", "scope": GOOD["scope"]}
    for header in (basic("demo-app", "demo-secret"), basic("demo%2Dapp", "demo%2Dsecret")):
        assert (await issuer.token(CONTOSO.id, form, authorization=header))["access_token"]


@pytest.mark.parametrize("scope", ["{0} openid offline_access profile", "openid profile offline_access {0}"])
async def test_scopes_of_openid_beside_the_resource_mean_nothing(issuer: EmbeddedIssuer, scope: str) -> None:
    """MSAL for Go and for Java send them, in these orders."""
    answer = await issuer.token(CONTOSO.id, {**GOOD, "scope": scope.format(GOOD["scope"])})
    plain = await issuer.token(CONTOSO.id, GOOD)
    assert claims_of(str(answer["access_token"]))["aud"] == claims_of(str(plain["access_token"]))["aud"]


@pytest.mark.parametrize(
    ("tenant", "change", "number", "error", "status"),
    [
        ("unknown.example", {}, 90002, "invalid_request", 400),
        ("99999999-9999-4999-8999-999999999999", {}, 90002, "invalid_request", 400),
        ("common", {}, 50059, "invalid_request", 400),
        ("contoso.example", {"grant_type": ""}, 900144, "invalid_request", 400),
        ("contoso.example", {"client_id": ""}, 900144, "invalid_request", 400),
        ("contoso.example", {"scope": ""}, 900144, "invalid_request", 400),
        ("contoso.example", {"grant_type": "password"}, 70003, "unsupported_grant_type", 400),
        ("contoso.example", {"client_secret": ""}, 7000216, "invalid_client", 401),
        ("contoso.example", {"client_secret": "wrong"}, 7000215, "invalid_client", 401),
        ("contoso.example", {"client_secret": "Demo-secret"}, 7000215, "invalid_client", 401),
        ("contoso.example", {"client_secret": "x" * 5000}, 7000215, "invalid_client", 401),
        ("contoso.example", {"client_id": "nobody"}, 700016, "unauthorized_client", 400),
        ("fabrikam.example", {}, 700016, "unauthorized_client", 400),
        ("contoso.example", {"scope": "https://localhost/Policy.Read.All"}, 1002012, "invalid_scope", 400),
        ("contoso.example", {"scope": "openid profile offline_access"}, 70011, "invalid_scope", 400),
        ("contoso.example", {"scope": f"{GOOD['scope']} {GOOD['scope']}"}, 70011, "invalid_scope", 400),
        ("contoso.example", {"scope": f"{GOOD['scope']} other"}, 70011, "invalid_scope", 400),
        ("contoso.example", {"scope": "openid https://localhost/Policy.Read.All"}, 1002012, "invalid_scope", 400),
        ("contoso.example", {"scope": " "}, 70011, "invalid_scope", 400),
        ("contoso.example", {"scope": "nonsense/.default"}, 70011, "invalid_scope", 400),
        ("contoso.example", {"scope": "https://vault.azure.net/.default"}, 500011, "invalid_resource", 400),
        ("contoso.example", {"scope": "https://localhost/other/.default"}, 500011, "invalid_resource", 400),
    ],
)
async def test_refusals(
    issuer: EmbeddedIssuer, tenant: str, change: dict[str, str], number: int, error: str, status: int
) -> None:
    with pytest.raises(TokenRefused) as refused:
        await issuer.token(tenant, {**GOOD, **change})
    assert refused.value.refusal.status == status
    body = issuer.refusal(refused.value, "4fd39e77-3d6d-4d2c-8a0e-3c25cdbf2c3a")
    assert body["error"] == error
    assert body["error_codes"] == [number]
    assert body["timestamp"] == "2027-01-15 08:00:00Z"
    assert body["correlation_id"] == "4fd39e77-3d6d-4d2c-8a0e-3c25cdbf2c3a"
    assert re.fullmatch(
        rf"AADSTS{number}: [^\r\n]+\r\nTrace ID: {body['trace_id']}\r\nCorrelation ID: 4fd39e77-\S+\r\n"
        r"Timestamp: 2027-01-15 08:00:00Z",
        str(body["error_description"]),
    )
    assert "demo-secret" not in str(body)


async def test_an_unknown_application_costs_what_a_wrong_secret_costs(issuer: EmbeddedIssuer) -> None:
    async def seconds(change: dict[str, str]) -> float:
        began = time.process_time()
        with pytest.raises(TokenRefused):
            await issuer.token(CONTOSO.id, {**GOOD, **change})
        return time.process_time() - began

    wrong = min([await seconds({"client_secret": "wrong"}) for _ in range(5)])
    unknown = min([await seconds({"client_id": "nobody"}) for _ in range(5)])
    assert wrong / 3 < unknown < wrong * 3


@pytest.mark.parametrize(
    ("header", "form", "number"),
    [
        ("Basic !!!", {}, 90023),
        ("Basic " + b64encode(b"no colon").decode(), {}, 90023),
        ("Basic " + b64encode(b"\xff:\xff").decode(), {}, 90023),
        ("Bearer abc", {}, 90023),
        (basic("demo-app", "demo-secret"), {"client_secret": "demo-secret"}, 90023),
        (basic("demo-app", "demo-secret"), {"client_id": "other"}, 90023),
        (basic("demo-app", ""), {}, 7000216),
        (basic("demo-app", "wrong"), {}, 7000215),
    ],
)
async def test_headers_that_are_refused(issuer: EmbeddedIssuer, header: str, form: dict[str, str], number: int) -> None:
    with pytest.raises(TokenRefused) as refused:
        await issuer.token(
            CONTOSO.id,
            {"grant_type": "client_credentials", "scope": GOOD["scope"], **form},
            authorization=header,
        )
    assert refused.value.refusal.number == number


async def test_input_is_shown_short_and_on_one_line(issuer: EmbeddedIssuer) -> None:
    with pytest.raises(TokenRefused) as refused:
        await issuer.token("evil\r\n\x1b[31m" + "x" * 500, GOOD)
    assert "evil??" in refused.value.message
    assert "x" * 130 not in refused.value.message
    assert issuer.refusal(refused.value, "not a guid")["correlation_id"] != "not a guid"


async def test_metadata_names_the_issuer_of_the_tokens(issuer: EmbeddedIssuer) -> None:
    metadata = await issuer.openid_configuration("CONTOSO.example")
    assert metadata["issuer"] == f"{BASE}/{CONTOSO.id}/v2.0"
    assert metadata["token_endpoint"] == f"{BASE}/{CONTOSO.id}/oauth2/v2.0/token"
    assert metadata["jwks_uri"] == f"{BASE}/{CONTOSO.id}/discovery/v2.0/keys"
    assert (await issuer.openid_configuration("common"))["issuer"] == BASE + "/{tenantid}/v2.0"
    with pytest.raises(TokenRefused):
        await issuer.openid_configuration("unknown.example")


async def test_other_keys_end_the_life_of_old_tokens(issuer: EmbeddedIssuer, judge: Verifier) -> None:
    token = str((await issuer.token(CONTOSO.id, GOOD))["access_token"])
    await judge.caller(token)
    issuer.use(SigningKeys((generate(),)))
    assert judge.cached(token) is None
    fresh = str((await issuer.token(CONTOSO.id, GOOD))["access_token"])
    assert (await judge.caller(fresh)).tenant == CONTOSO.id


@pytest.mark.parametrize(
    ("scope", "resource"),
    [
        ("https://localhost/.default", "https://localhost"),
        ("https://localhost:8443/.default", "https://localhost"),
        ("https://localhost:8443//.default", "https://localhost"),
        ("HTTPS://LocalHost:8443/.default", "https://localhost"),
        ("http://localhost/.default", "http://localhost"),
        ("http://127.0.0.1:8420/.default", "http://127.0.0.1"),
        ("http://[::1]:8420/.default", "http://[::1]"),
        ("https://graph.microsoft.com/.default", "https://graph.microsoft.com"),
        ("https://graph.microsoft.com//.default", "https://graph.microsoft.com"),
        ("00000003-0000-0000-C000-000000000000/.default", "00000003-0000-0000-c000-000000000000"),
        ("api://11111111-1111-4111-8111-111111111111/.default", "api://11111111-1111-4111-8111-111111111111"),
        ("https://contoso.example/Api//.default", "https://contoso.example/api"),
    ],
)
def test_all_spellings_of_a_resource_are_one(scope: str, resource: str) -> None:
    assert resource_of(scope) == resource
    assert canonical(resource) == resource


@pytest.mark.parametrize(
    "scope",
    [
        "",
        ".default",
        "/.default",
        "https://localhost",
        "https:///.default",
        "https://user@localhost/.default",
        "https://localhost?x=/.default",
        "https://localhost#/.default",
        "https://localhost:x/.default",
        "https://localhost:99999/.default",
        "https://lo\ncalhost/.default",
        "https://loc%61lhost/.default",
        "https://b\u00fccher.example/.default",
        "ftp://localhost/.default",
        "javascript:alert(1)/.default",
        "https://[::1/.default",
    ],
)
def test_scopes_that_name_no_resource(scope: str) -> None:
    assert resource_of(scope) is None


def test_default_audiences_are_canonical() -> None:
    assert {canonical(audience) for audience in DEFAULT_AUDIENCES} == DEFAULT_AUDIENCES


def test_secrets_match_their_own_hash_only() -> None:
    stored = hash_secret("p\u00e4ss", randomness=lambda count: b"s" * count)
    assert stored == hash_secret("p\u00e4ss", randomness=lambda count: b"s" * count)
    assert stored != hash_secret("p\u00e4ss")
    assert verify_secret("p\u00e4ss", stored)
    assert not verify_secret("pass", stored)
    assert not verify_secret("", stored)
    assert not verify_secret("x" * (MAX_SECRET + 1), hash_secret("x" * (MAX_SECRET + 1)))
    assert not verify_secret("anything", NOBODY)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain",
        "scrypt$14$8$1$AAAA",
        "scrypt$99$8$1$AAAA$AAAA",
        "bcrypt$14$8$1$AAAA$AAAA",
        "scrypt$x$8$1$A$A",
        "$" * 5,
    ],
)
def test_a_stored_text_that_is_no_hash_matches_nothing(stored: str) -> None:
    assert not verify_secret("plain", stored)
    assert not verify_secret("", stored)
