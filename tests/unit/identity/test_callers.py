"""Positive controls: what honest tokens of every kind say about their caller."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from xtap.errors import ConfigurationError, Unauthenticated
from xtap.identity.compact import encode
from xtap.identity.issuers import StaticKeys, TrustedIssuer
from xtap.identity.tokens import Verifier
from xtap.service.caller import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.identity.conftest import Clock, Forge

NOW = 1_800_000_000
CONTOSO = "11111111-1111-4111-8111-111111111111"
FABRIKAM = "22222222-2222-4222-8222-222222222222"
OID = "33333333-3333-4333-8333-333333333333"
ISSUER = "https://login.example/{tenantid}/v2.0"


def delegated(forge: Forge, **changes: object) -> dict[str, object]:
    user: dict[str, object] = {
        "idtyp": ...,
        "appid": ...,
        "app_displayname": ...,
        "roles": ...,
        "azp": "cli",
        "ver": "2.0",
        "scp": "Policy.Read.All User.Read",
        "wids": ["194AE4CB-b126-40b2-bd5b-6091b380977d"],
        "preferred_username": "adele@contoso.example",
    }
    return forge.claims(**{**user, **changes})


async def test_an_application_speaks_with_its_roles(forge: Forge, verifier: Verifier) -> None:
    caller = await verifier.caller(forge.sign())
    assert caller == Caller(
        tenant=caller.tenant,
        object_id=OID,
        client_id="demo-app",
        name="Demo",
        is_application=True,
        permissions=frozenset({"Policy.Read.All"}),
    )
    assert caller.tenant == CONTOSO


async def test_a_user_speaks_with_scopes_and_directory_roles(forge: Forge, verifier: Verifier) -> None:
    caller = await verifier.caller(forge.sign(delegated(forge)))
    assert (caller.is_application, caller.client_id, caller.name) == (False, "cli", "adele@contoso.example")
    assert caller.permissions == {"Policy.Read.All", "User.Read"}
    assert caller.directory_roles == {"194ae4cb-b126-40b2-bd5b-6091b380977d"}


async def test_the_user_of_a_v1_token_is_named_by_upn(forge: Forge, verifier: Verifier) -> None:
    claims = delegated(forge, ver="1.0", azp=..., appid="ps", upn="a@contoso.example", preferred_username=...)
    caller = await verifier.caller(forge.sign(claims))
    assert (caller.name, caller.client_id) == ("a@contoso.example", "ps")


@pytest.mark.parametrize("idtyp", [..., "user", "app"])
async def test_app_roles_of_a_user_give_no_permission(forge: Forge, verifier: Verifier, idtyp: object) -> None:
    claims = delegated(forge, roles=["Policy.ReadWrite.CrossTenantAccess"], idtyp=idtyp)
    caller = await verifier.caller(forge.sign(claims))
    assert not caller.is_application
    assert caller.permissions == {"Policy.Read.All", "User.Read"}


@pytest.mark.parametrize(
    ("changes", "is_application"),
    [
        ({}, True),
        ({"idtyp": ...}, True),
        ({"roles": ...}, True),
        ({"idtyp": ..., "roles": ...}, False),
        ({"idtyp": "user"}, False),
        ({"idtyp": "device"}, False),
        ({"idtyp": ..., "upn": "a@contoso.example"}, False),
        ({"idtyp": ..., "preferred_username": "a@contoso.example"}, False),
        ({"scp": ""}, False),
    ],
)
async def test_who_counts_as_an_application(
    forge: Forge, verifier: Verifier, changes: dict[str, object], *, is_application: bool
) -> None:
    caller = await verifier.caller(forge.sign(forge.claims(**changes)))
    assert caller.is_application is is_application
    assert caller.permissions == (
        frozenset({"Policy.Read.All"}) if is_application and "roles" not in changes else set()
    )


async def test_directory_roles_of_an_application_do_not_count(forge: Forge, verifier: Verifier) -> None:
    caller = await verifier.caller(forge.sign(forge.claims(wids=["62e90394-69f5-4237-9190-012177145e10"])))
    assert caller.directory_roles == frozenset()


@pytest.mark.parametrize(("alg", "kid"), [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec")])
async def test_each_algorithm_is_verified(forge: Forge, verifier: Verifier, alg: str, kid: str) -> None:
    key = forge.rsa if kid == "rsa" else forge.ec
    assert (await verifier.caller(forge.sign(key=key, alg=alg))).tenant == CONTOSO


async def test_the_only_fitting_key_needs_no_name(forge: Forge, verifier: Verifier) -> None:
    assert (await verifier.caller(forge.sign(key=forge.ec, alg="ES256", kid=...))).tenant == CONTOSO


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", ...])
async def test_types_of_access_tokens(forge: Forge, verifier: Verifier, typ: object) -> None:
    assert (await verifier.caller(forge.sign(typ=typ))).tenant == CONTOSO


@pytest.mark.parametrize(
    "audience", ["https://localhost", ["https://other.example", "https://localhost"], "https://graph.microsoft.com"]
)
async def test_any_configured_audience_will_do(forge: Forge, verifier: Verifier, audience: object) -> None:
    assert (await verifier.caller(forge.sign(forge.claims(aud=audience)))).tenant == CONTOSO


@pytest.mark.parametrize(
    "times",
    [
        {"exp": NOW - 59},
        {"nbf": NOW + 60},
        {"iat": NOW + 60},
        {"nbf": ..., "iat": ...},
        {"exp": 253_402_300_799},
    ],
)
async def test_times_within_the_leeway(forge: Forge, verifier: Verifier, times: dict[str, object]) -> None:
    assert (await verifier.caller(forge.sign(forge.claims(**times)))).tenant == CONTOSO


async def test_the_tenant_is_lower_case_whatever_the_token_wrote(forge: Forge, verifier: Verifier) -> None:
    tid = "AAAAAAAA-1111-4111-8111-111111111111"
    claims = forge.claims(tid=tid, iss=ISSUER.replace("{tenantid}", tid))
    assert (await verifier.caller(forge.sign(claims))).tenant == tid.lower()


async def test_an_issuer_may_be_limited_to_tenants(forge: Forge, clock: Clock) -> None:
    first = await Verifier(
        [TrustedIssuer(ISSUER, frozenset({"https://localhost"}), StaticKeys(forge.jwks()))], clock
    ).caller(forge.sign())
    only = TrustedIssuer(
        ISSUER, frozenset({"https://localhost"}), StaticKeys(forge.jwks()), tenants=frozenset({first.tenant})
    )
    verifier = Verifier([only], clock)
    assert (await verifier.caller(forge.sign())).tenant == CONTOSO
    other = forge.claims(tid=FABRIKAM, iss=ISSUER.replace("{tenantid}", FABRIKAM))
    with pytest.raises(Unauthenticated, match="may speak for"):
        await verifier.caller(forge.sign(other))


async def test_keys_and_audiences_of_one_issuer_do_not_serve_another(forge: Forge, clock: Clock) -> None:
    own = TrustedIssuer(ISSUER, frozenset({"https://localhost"}), StaticKeys(forge.jwks(forge.rsa)))
    other = TrustedIssuer("https://other.example", frozenset({"api://other"}), StaticKeys(forge.jwks(forge.rsa_two)))
    verifier = Verifier([own, other], clock)
    good = forge.claims(iss="https://other.example", aud="api://other")
    assert (await verifier.caller(forge.sign(good, key=forge.rsa_two))).tenant == CONTOSO
    with pytest.raises(Unauthenticated, match="No key of the issuer"):
        await verifier.caller(forge.sign(key=forge.rsa_two))
    with pytest.raises(Unauthenticated, match=r"Invalid audience\."):
        await verifier.caller(forge.sign(forge.claims(aud="api://other")))


def one_key(forge: Forge, **members: object) -> bytes:
    return json.dumps({"keys": [{**forge.rsa.as_dict(private=False), **members}]}).encode()


@pytest.mark.parametrize(
    ("issuer", "good"),
    [(ISSUER, True), (ISSUER.replace("{tenantid}", CONTOSO), True), (ISSUER.replace("{tenantid}", FABRIKAM), False)],
)
async def test_a_key_may_be_for_one_issuer_only(
    forge: Forge, make_verifier: Callable[..., Verifier], issuer: str, *, good: bool
) -> None:
    verifier = make_verifier(keys=one_key(forge, issuer=issuer))
    if good:
        assert (await verifier.caller(forge.sign())).tenant == CONTOSO
    else:
        with pytest.raises(Unauthenticated, match="key is for another issuer"):
            await verifier.caller(forge.sign())


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"alg": "ES256"},
        {"kty": "oct", "k": "AAAA"},
        {"n": "AQAB"},
    ],
)
async def test_keys_that_are_for_something_else_are_left_out(
    forge: Forge, make_verifier: Callable[..., Verifier], members: dict[str, object]
) -> None:
    verifier = make_verifier(keys=one_key(forge, **members))
    with pytest.raises(Unauthenticated, match="holds no key"):
        await verifier.caller(forge.sign())


async def test_a_short_rsa_key_is_left_out(forge: Forge, make_verifier: Callable[..., Verifier]) -> None:
    modulus = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers().n
    verifier = make_verifier(keys=one_key(forge, n=encode(modulus.to_bytes(128, "big"))))
    with pytest.raises(Unauthenticated, match="holds no key"):
        await verifier.caller(forge.sign())


async def test_a_key_for_one_algorithm_verifies_no_other(forge: Forge, make_verifier: Callable[..., Verifier]) -> None:
    verifier = make_verifier(keys=one_key(forge, alg="PS256"))
    assert (await verifier.caller(forge.sign(alg="PS256"))).tenant == CONTOSO
    with pytest.raises(Unauthenticated, match="No key of the issuer fits"):
        await verifier.caller(forge.sign(alg="RS256"))


def test_nobody_is_believed_without_issuer_and_audience(clock: Clock) -> None:
    with pytest.raises(ConfigurationError, match="At least one trusted issuer"):
        Verifier([], clock)
    keys = StaticKeys(b"{}")
    for issuer, audiences, algorithms in (
        ("", {"a"}, {"RS256"}),
        ("https://i.example", set(), {"RS256"}),
        ("https://i.example", {""}, {"RS256"}),
        ("https://i.example", {"a"}, set()),
        ("https://i.example", {"a"}, {"HS256"}),
        ("https://i.example", {"a"}, {"none"}),
    ):
        with pytest.raises(ConfigurationError):
            TrustedIssuer(issuer, frozenset(audiences), keys, frozenset(algorithms))
    twice = TrustedIssuer("https://i.example", frozenset({"a"}), keys)
    with pytest.raises(ConfigurationError, match="twice"):
        Verifier([twice, twice], clock)
