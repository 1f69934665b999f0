"""Each row is one way to forge or misuse a token; each is refused for its own reason, and none is remembered."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from xtap.errors import Unauthenticated
from xtap.identity.compact import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.identity.conftest import Forge
    from xtap.identity.tokens import Verifier

NOW = 1_800_000_000
EXPIRED = "Access token has expired or is not yet valid."
FAILURE = "Access token validation failure. "
SIGNATURE = FAILURE + "Signature validation failed."
FORM = FAILURE + "A segment is not"
KEY = FAILURE + "No key of the issuer fits"
ALGORITHM = FAILURE + "The signature algorithm"
HEADER = FAILURE + "The header member"
CLAIMS = FAILURE + "The claims are not as expected"
ISSUER = FAILURE + "Invalid issuer"
TENANT = FAILURE + "The claim 'tid'"


def unsigned(forge: Forge, alg: str) -> str:
    header = json.dumps({"typ": "JWT", "alg": alg, "kid": "rsa-1"}).encode()
    return f"{encode(header)}.{encode(json.dumps(forge.claims()).encode())}."


def hmac_with(forge: Forge, secret: bytes) -> str:
    header = json.dumps({"typ": "JWT", "alg": "HS256", "kid": "rsa-1"}).encode()
    signed = f"{encode(header)}.{encode(json.dumps(forge.claims()).encode())}"
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def public(forge: Forge, encoding: Encoding, form: PublicFormat) -> bytes:
    return forge.rsa.public_key.public_bytes(encoding, form)


def segment(token: str, index: int, change: Callable[[str], str]) -> str:
    parts = token.split(".")
    parts[index] = change(parts[index])
    return ".".join(parts)


def with_payload(forge: Forge, token: str, **changes: object) -> str:
    return segment(token, 1, lambda _: encode(json.dumps(forge.claims(**changes)).encode()))


def renamed_header(token: str, **members: object) -> str:
    return segment(token, 0, lambda _: encode(json.dumps({"typ": "JWT", **members}).encode()))


def unused_bits(text: str) -> str:
    """Another spelling of the same bytes: the unused bits of the last character are set (256 bytes leave four)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def zero_signature(forge: Forge) -> str:
    """CVE-2022-21449: r = s = 0 verifies everywhere when nobody looks."""
    return segment(forge.sign(key=forge.ec, alg="ES256"), 2, lambda _: encode(bytes(64)))


def der_signature(forge: Forge) -> str:
    raw = forge.ec.private_key

    assert raw is not None
    token = forge.sign(key=forge.ec, alg="ES256")
    signed = token.rpartition(".")[0].encode()
    return segment(token, 2, lambda _: encode(raw.sign(signed, ec.ECDSA(SHA256()))))


def zero_inserted(forge: Forge) -> str:
    """The same two numbers, the second with a leading zero: another spelling that must not count."""
    return segment(
        forge.sign(key=forge.ec, alg="ES256"), 2, lambda text: encode(decode(text)[:32] + b"\0" + decode(text)[32:])
    )


def own_key(forge: Forge) -> str:
    return forge.sign(key=forge.stranger, jwk=forge.stranger.as_dict(private=False))


def raw_claims(forge: Forge, old: str, new: str) -> str:
    return forge.sign(json.dumps(forge.claims()).replace(old, new).encode())


ROWS: dict[str, tuple[Callable[[Forge], str], str]] = {
    # -- nothing is signed ------------------------------------------------------------------------
    "alg none": (lambda f: unsigned(f, "none"), ALGORITHM),
    "alg None": (lambda f: unsigned(f, "None"), ALGORITHM),
    "alg NONE": (lambda f: unsigned(f, "NONE"), ALGORITHM),
    "alg nOnE": (lambda f: unsigned(f, "nOnE"), ALGORITHM),
    "alg empty": (lambda f: unsigned(f, ""), ALGORITHM),
    "alg with a space": (lambda f: unsigned(f, "RS256 "), ALGORITHM),
    "alg in lower case": (lambda f: renamed_header(f.sign(), alg="rs256", kid="rsa-1"), ALGORITHM),
    "alg none, old signature": (lambda f: renamed_header(f.sign(), alg="none", kid="rsa-1"), ALGORITHM),
    "alg missing": (lambda f: renamed_header(f.sign(), kid="rsa-1"), FAILURE + "The header lacks"),
    "alg a list": (lambda f: renamed_header(f.sign(), alg=["RS256"]), FAILURE + "The header lacks"),
    "alg null": (lambda f: renamed_header(f.sign(), alg=None), FAILURE + "The header lacks"),
    # -- the wrong kind of key ----------------------------------------------------------------------
    "HS256 with the public key as PEM": (
        lambda f: hmac_with(f, public(f, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
        ALGORITHM,
    ),
    "HS256 with the public key as DER": (
        lambda f: hmac_with(f, public(f, Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        ALGORITHM,
    ),
    "HS256 with the public key as PKCS1": (
        lambda f: hmac_with(f, public(f, Encoding.DER, PublicFormat.PKCS1)),
        ALGORITHM,
    ),
    "HS256 with the JWK": (
        lambda f: hmac_with(f, json.dumps(f.rsa.as_dict(private=False)).encode()),
        ALGORITHM,
    ),
    "HS256 with nothing": (lambda f: hmac_with(f, b""), ALGORITHM),
    "ES256 with an RSA key's name": (lambda f: f.sign(key=f.ec, alg="ES256", kid="rsa-1"), KEY),
    "RS256 with an EC key's name": (lambda f: f.sign(kid="ec-1"), KEY),
    "ES256 with a P-384 key's name": (lambda f: f.sign(key=f.ec, alg="ES256", kid="p384"), KEY),
    "ES384 with the P-384 key": (lambda f: f.sign(key=f.p384, alg="ES384"), ALGORITHM),
    "RS512": (lambda f: f.sign(alg="RS512"), ALGORITHM),
    "PS256 signature called RS256": (
        lambda f: f.sign_raw(b'{"alg":"RS256","kid":"rsa-1"}', json.dumps(f.claims()).encode(), f.rsa, "PS256"),
        SIGNATURE,
    ),
    "RS256 signature called PS256": (
        lambda f: f.sign_raw(b'{"alg":"PS256","kid":"rsa-1"}', json.dumps(f.claims()).encode(), f.rsa, "RS256"),
        SIGNATURE,
    ),
    # -- somebody else's key ------------------------------------------------------------------------
    "another key, same name": (lambda f: f.sign(key=f.stranger), SIGNATURE),
    "another key of the issuer": (lambda f: f.sign(key=f.rsa_two, kid="rsa-1"), SIGNATURE),
    "unknown kid": (lambda f: f.sign(kid="rsa-9"), KEY),
    "kid of another case": (lambda f: f.sign(kid="RSA-1"), KEY),
    "kid missing, two keys fit": (lambda f: f.sign(kid=...), KEY),
    "kid null, two keys fit": (lambda f: f.sign(kid=None), KEY),
    "kid empty": (lambda f: f.sign(kid=""), KEY),
    "kid a path": (lambda f: f.sign(kid="../../../../dev/null"), KEY),
    "kid an injection": (lambda f: f.sign(kid="x' OR '1'='1"), KEY),
    "kid a number": (lambda f: f.sign(kid=1), FAILURE + "The header lacks"),
    "kid a list": (lambda f: f.sign(kid=["rsa-1"]), FAILURE + "The header lacks"),
    "key in the header": (own_key, SIGNATURE),
    "key in the header, no kid": (
        lambda f: f.sign(key=f.stranger, kid=..., jwk=f.stranger.as_dict(private=False)),
        KEY,
    ),
    "jku": (lambda f: f.sign(key=f.stranger, kid="evil", jku="https://evil.example/keys"), KEY),
    "x5u": (lambda f: f.sign(key=f.stranger, kid="evil", x5u="https://evil.example/cert"), KEY),
    "x5c": (lambda f: f.sign(key=f.stranger, x5c=["MIIB"]), SIGNATURE),
    # -- a changed token ----------------------------------------------------------------------------
    "payload changed": (lambda f: with_payload(f, f.sign(), roles=["Policy.ReadWrite.CrossTenantAccess"]), SIGNATURE),
    "expiry changed": (lambda f: with_payload(f, f.sign(), exp=NOW + 10**6), SIGNATURE),
    "header changed": (lambda f: renamed_header(f.sign(), alg="RS256", kid="rsa-1", x="y"), SIGNATURE),
    "signature shortened": (lambda f: segment(f.sign(), 2, lambda s: s[:340]), SIGNATURE),
    "signature cut to one byte": (lambda f: segment(f.sign(), 2, lambda _: "AA"), SIGNATURE),
    "signature lengthened": (lambda f: segment(f.sign(), 2, lambda s: encode(b"\0") + s[2:]), SIGNATURE),
    "signature empty": (lambda f: segment(f.sign(), 2, lambda _: ""), SIGNATURE),
    "signature of another token": (
        lambda f: segment(f.sign(), 2, lambda _: f.sign(f.claims(sub="x")).split(".")[2]),
        SIGNATURE,
    ),
    "signature all zero, ES256": (zero_signature, SIGNATURE),
    "signature in DER, ES256": (der_signature, SIGNATURE),
    "signature with a zero inserted, ES256": (zero_inserted, SIGNATURE),
    "signature in another spelling": (lambda f: segment(f.sign(), 2, unused_bits), FORM),
    # -- form ---------------------------------------------------------------------------------------
    "one segment": (lambda _: "eyJ0", FAILURE + "The token is not in the compact form"),
    "two segments": (lambda f: f.sign().rpartition(".")[0], FAILURE + "The token is not in the compact form"),
    "four segments": (lambda f: f.sign() + ".AAAA", FAILURE + "The token is not in the compact form"),
    "five segments": (lambda f: f.sign() + ".AAAA.AAAA", FAILURE + "The token is encrypted"),
    "only dots": (lambda _: "..", FAILURE + "A segment is not a JSON object"),
    "padding": (lambda f: segment(f.sign(), 2, lambda s: s + "=="), FORM),
    "plain base64": (
        lambda f: segment(f.sign(), 1, lambda _: urlsafe_b64encode(b"\xff\xff\xff").decode().replace("_", "/")),
        FORM,
    ),
    "white space in front": (lambda f: " " + f.sign(), FORM),
    "line feed at the end": (lambda f: f.sign() + "\n", FORM),
    "line feed inside": (lambda f: segment(f.sign(), 1, lambda s: s[:8] + "\n" + s[8:]), FORM),
    "NUL inside": (lambda f: segment(f.sign(), 1, lambda s: s[:8] + "\0" + s[8:]), FORM),
    "not ASCII": (lambda f: segment(f.sign(), 1, lambda s: "é" + s), FORM),
    "full-width letters": (lambda f: segment(f.sign(), 0, lambda s: "\uff45" + s[1:]), FORM),
    "too long": (lambda f: f.sign(f.claims(groups=["x" * 36] * 500)), FAILURE + "The token is longer than 16384"),
    "JSON serialization": (
        lambda f: json.dumps(dict(zip(("protected", "payload", "signature"), f.sign().split("."), strict=True))),
        FAILURE + "The token is not in the compact form",
    ),
    "token in a token": (lambda f: f.sign(f.sign().encode(), cty="JWT"), HEADER),
    "token in a token, not said so": (lambda f: f.sign(f.sign().encode()), FORM),
    "payload a list": (lambda f: f.sign(b"[]"), FORM),
    "payload a string": (lambda f: f.sign(b'"x"'), FORM),
    "payload null": (lambda f: f.sign(b"null"), FORM),
    "payload empty": (lambda f: f.sign(b""), FORM),
    "payload not UTF-8": (lambda f: f.sign(b'{"tid":"\xff"}'), FORM),
    "payload in UTF-16": (lambda f: f.sign(json.dumps(f.claims()).encode("utf-16")), FORM),
    "payload with a byte order mark": (lambda f: f.sign(b"\xef\xbb\xbf" + json.dumps(f.claims()).encode()), FORM),
    "payload with half a surrogate pair": (
        lambda f: raw_claims(f, '"Demo"', '"\\ud800"'),
        FAILURE + "The claims are not a JSON object",
    ),
    "payload nested very deep": (lambda f: f.sign(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), FORM),
    "payload with text after it": (lambda f: f.sign(json.dumps(f.claims()).encode() + b"{}"), FORM),
    "header not JSON": (lambda f: segment(f.sign(), 0, lambda _: encode(b"alg: RS256")), FORM),
    "header a list": (lambda f: segment(f.sign(), 0, lambda _: encode(b'["alg"]')), FORM),
    "claim twice": (lambda f: raw_claims(f, '"ver": "1.0"', f'"ver": "1.0", "tid": "{"2" * 8}"'), FAILURE + "A JSON"),
    "header member twice": (
        lambda f: f.sign_raw(
            b'{"alg":"none","alg":"RS256","kid":"rsa-1"}', json.dumps(f.claims()).encode(), f.rsa, "RS256"
        ),
        FAILURE + "A JSON",
    ),
    # -- header members that change the meaning -------------------------------------------------------
    "crit": (lambda f: f.sign(crit=["exp"], exp=NOW + 60), HEADER),
    "crit empty": (lambda f: f.sign(crit=[]), HEADER),
    "b64 false": (lambda f: f.sign(b64=False), HEADER),
    "zip": (lambda f: f.sign(zip="DEF"), HEADER),
    "enc": (lambda f: f.sign(enc="A256GCM"), HEADER),
    "typ of a logout token": (lambda f: f.sign(typ="logout+jwt"), HEADER),
    "typ of a proof": (lambda f: f.sign(typ="dpop+jwt"), HEADER),
    "typ a number": (lambda f: f.sign(typ=1), FAILURE + "The header lacks"),
    # -- audience -----------------------------------------------------------------------------------
    "wrong audience": (lambda f: f.sign(f.claims(aud="https://vault.azure.net")), "Invalid audience."),
    "right host, other path": (lambda f: f.sign(f.claims(aud="https://localhost/other")), "Invalid audience."),
    "right host, slash": (lambda f: f.sign(f.claims(aud="https://localhost/")), "Invalid audience."),
    "right host, other case": (lambda f: f.sign(f.claims(aud="https://LOCALHOST")), "Invalid audience."),
    "audience as a prefix": (lambda f: f.sign(f.claims(aud="https://localhost.evil.example")), "Invalid audience."),
    "audience empty": (lambda f: f.sign(f.claims(aud="")), "Invalid audience."),
    "audience an empty list": (lambda f: f.sign(f.claims(aud=[])), "Invalid audience."),
    "audience missing": (lambda f: f.sign(f.claims(aud=...)), CLAIMS),
    "audience null": (lambda f: f.sign(f.claims(aud=None)), CLAIMS),
    "audience an object": (lambda f: f.sign(f.claims(aud={"https://localhost": 1})), CLAIMS),
    "audience a list with a number": (lambda f: f.sign(f.claims(aud=["https://localhost", 1])), CLAIMS),
    # -- issuer and tenant ---------------------------------------------------------------------------
    "other issuer": (lambda f: f.sign(f.claims(iss="https://evil.example/v2.0")), ISSUER),
    "issuer of another tenant": (
        lambda f: f.sign(f.claims(iss="https://login.example/22222222-2222-4222-8222-222222222222/v2.0")),
        ISSUER,
    ),
    "tenant of another issuer": (lambda f: f.sign(f.claims(tid="22222222-2222-4222-8222-222222222222")), ISSUER),
    "issuer with the placeholder": (lambda f: f.sign(f.claims(iss="https://login.example/{tenantid}/v2.0")), ISSUER),
    "issuer with a slash": (
        lambda f: f.sign(f.claims(iss="https://login.example/11111111-1111-4111-8111-111111111111/v2.0/")),
        ISSUER,
    ),
    "issuer over http": (
        lambda f: f.sign(f.claims(iss="http://login.example/11111111-1111-4111-8111-111111111111/v2.0")),
        ISSUER,
    ),
    "issuer missing": (lambda f: f.sign(f.claims(iss=...)), CLAIMS),
    "issuer a list": (lambda f: f.sign(f.claims(iss=["https://login.example/v2.0"])), CLAIMS),
    "tid missing": (lambda f: f.sign(f.claims(tid=...)), CLAIMS),
    "tid null": (lambda f: f.sign(f.claims(tid=None)), CLAIMS),
    "tid a domain": (lambda f: f.sign(f.claims(tid="contoso.example")), TENANT),
    "tid empty": (lambda f: f.sign(f.claims(tid="")), TENANT),
    "tid in braces": (lambda f: f.sign(f.claims(tid="{11111111-1111-4111-8111-111111111111}")), TENANT),
    "tid with a line feed": (lambda f: f.sign(f.claims(tid="11111111-1111-4111-8111-111111111111\n")), TENANT),
    "tid a path into another issuer": (
        lambda f: f.sign(f.claims(tid="x/../y", iss="https://login.example/x/../y/v2.0")),
        TENANT,
    ),
    "tid all zero": (
        lambda f: f.sign(
            f.claims(
                tid="00000000-0000-0000-0000-000000000000",
                iss="https://login.example/00000000-0000-0000-0000-000000000000/v2.0",
            )
        ),
        TENANT,
    ),
    "personal account": (
        lambda f: f.sign(
            f.claims(
                tid="9188040d-6c67-4c5b-b112-36a304b66dad",
                iss="https://login.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            )
        ),
        FAILURE + "Personal Microsoft accounts",
    ),
    "personal account in capitals": (
        lambda f: f.sign(
            f.claims(
                tid="9188040D-6C67-4C5B-B112-36A304B66DAD",
                iss="https://login.example/9188040D-6C67-4C5B-B112-36A304B66DAD/v2.0",
            )
        ),
        FAILURE + "Personal Microsoft accounts",
    ),
    # -- time ---------------------------------------------------------------------------------------
    "expired": (lambda f: f.sign(f.claims(exp=NOW - 61)), EXPIRED),
    "expired this second": (lambda f: f.sign(f.claims(exp=NOW - 60)), EXPIRED),
    "not yet valid": (lambda f: f.sign(f.claims(nbf=NOW + 61)), EXPIRED),
    "issued in the future": (lambda f: f.sign(f.claims(iat=NOW + 61)), EXPIRED),
    "exp zero": (lambda f: f.sign(f.claims(exp=0)), EXPIRED),
    "exp missing": (lambda f: f.sign(f.claims(exp=...)), CLAIMS),
    "exp null": (lambda f: f.sign(f.claims(exp=None)), CLAIMS),
    "exp a string": (lambda f: f.sign(f.claims(exp=str(NOW + 60))), CLAIMS),
    "exp true": (lambda f: f.sign(f.claims(exp=True)), CLAIMS),
    "exp a fraction": (lambda f: f.sign(f.claims(exp=NOW + 0.5)), CLAIMS),
    "exp NaN": (lambda f: f.sign(f.claims(exp=float("nan"))), FAILURE + "The claims are not a JSON object"),
    "exp Infinity": (lambda f: f.sign(f.claims(exp=float("inf"))), FAILURE + "The claims are not a JSON object"),
    "exp 1e400": (lambda f: raw_claims(f, f'"exp": {NOW + 3600}', '"exp": 1e400'), CLAIMS),
    "exp in milliseconds": (lambda f: f.sign(f.claims(exp=(NOW + 60) * 1000)), FAILURE + "One of 'exp'"),
    "exp huge": (lambda f: f.sign(f.claims(exp=10**30)), FAILURE),
    "exp with 5000 digits": (lambda f: raw_claims(f, f'"exp": {NOW + 3600}', f'"exp": {"9" * 5000}'), FORM),
    "exp negative": (lambda f: f.sign(f.claims(exp=-1)), FAILURE + "One of 'exp'"),
    "nbf a string": (lambda f: f.sign(f.claims(nbf="0")), CLAIMS),
    # -- who ----------------------------------------------------------------------------------------
    "scp a list": (lambda f: f.sign(f.claims(scp=["Policy.Read.All"], roles=...)), CLAIMS),
    "roles a string": (lambda f: f.sign(f.claims(roles="Policy.Read.All")), CLAIMS),
    "roles with a number": (lambda f: f.sign(f.claims(roles=[1])), CLAIMS),
    "wids a string": (lambda f: f.sign(f.claims(wids="62e90394-69f5-4237-9190-012177145e10")), CLAIMS),
    "oid a list": (lambda f: f.sign(f.claims(oid=["x"])), CLAIMS),
    "nobody": (lambda f: f.sign(f.claims(oid=..., sub=...)), FAILURE + "The token names nobody"),
    "no application": (lambda f: f.sign(f.claims(appid=...)), FAILURE + "The token names no application"),
}


@pytest.mark.parametrize("name", ROWS)
async def test_each_forgery_is_refused_for_its_own_reason(name: str, forge: Forge, verifier: Verifier) -> None:
    write, reason = ROWS[name]
    token = write(forge)
    with pytest.raises(Unauthenticated) as refused:
        await verifier.caller(token)
    assert refused.value.message.startswith(reason)
    assert verifier.cached(token) is None


@pytest.mark.parametrize("name", ROWS)
async def test_no_refusal_repeats_the_token(name: str, forge: Forge, verifier: Verifier) -> None:
    token = ROWS[name][0](forge)
    with pytest.raises(Unauthenticated) as refused:
        await verifier.caller(token)
    telling = {part[:12] for part in token.split(".") if len(part) > 12} | {"evil", "Policy.", "1111", "vault"}
    assert not any(part in refused.value.message for part in telling)


async def test_the_empty_token_has_the_message_of_graph(verifier: Verifier) -> None:
    with pytest.raises(Unauthenticated, match=r"^Access token is empty\.$"):
        await verifier.caller("")


async def test_an_algorithm_that_the_issuer_may_not_use_is_refused_although_its_key_fits(
    forge: Forge, make_verifier: Callable[..., Verifier]
) -> None:
    verifier = make_verifier(algorithms=frozenset({"RS256"}))
    with pytest.raises(Unauthenticated, match="signature algorithm"):
        await verifier.caller(forge.sign(alg="PS256"))


async def test_a_token_of_graph_itself_gets_a_hint(forge: Forge, verifier: Verifier) -> None:
    token = forge.sign(key=forge.stranger, nonce="abc")
    with pytest.raises(Unauthenticated, match="can only be checked by Microsoft"):
        await verifier.caller(token)


@pytest.mark.parametrize("change", ["replaced", "left out", "doubled"])
async def test_no_single_character_can_be_changed(change: str, forge: Forge, verifier: Verifier) -> None:
    token = forge.sign()
    for place, character in enumerate(token):
        other = {"replaced": "A" if character != "A" else "B", "left out": "", "doubled": character * 2}[change]
        with pytest.raises(Unauthenticated):
            await verifier.caller(token[:place] + other + token[place + 1 :])
