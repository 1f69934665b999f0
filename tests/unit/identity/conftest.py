"""Keys, clocks and a forge: everything an attacker or an honest issuer needs to write a token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from xtap.identity.compact import encode
from xtap.identity.issuers import StaticKeys, TrustedIssuer
from xtap.identity.tokens import Verifier
from xtap.model.ids import TenantId

NOW = 1_800_000_000.0
CONTOSO = TenantId("11111111-1111-4111-8111-111111111111")
FABRIKAM = TenantId("22222222-2222-4222-8222-222222222222")
ISSUER = "https://login.example/{tenantid}/v2.0"
AUDIENCE = "https://localhost"

Json = Mapping[str, object]


@dataclass
class Clock:
    """Time that moves only when told."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


class Forge:
    """Writes tokens of every kind. Signing is joserfc's, so ours is never checked against itself."""

    def __init__(self) -> None:
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
        self.rsa_two = RSAKey.generate_key(2048, {"kid": "rsa-2", "use": "sig"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
        self.p384 = ECKey.generate_key("P-384", {"kid": "p384", "use": "sig"})
        self.stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"})

    def jwks(self, *keys: RSAKey | ECKey) -> bytes:
        chosen = keys or (self.rsa, self.rsa_two, self.ec, self.p384)
        return json.dumps({"keys": [key.as_dict(private=False) for key in chosen]}).encode()

    def claims(self, **changes: object) -> dict[str, object]:
        """Claims of a good app-only token; a change to ... leaves the claim out."""
        claims: dict[str, object] = {
            "aud": AUDIENCE,
            "iss": ISSUER.replace("{tenantid}", CONTOSO),
            "iat": int(NOW),
            "nbf": int(NOW),
            "exp": int(NOW) + 3600,
            "appid": "demo-app",
            "app_displayname": "Demo",
            "idtyp": "app",
            "oid": "33333333-3333-4333-8333-333333333333",
            "sub": "33333333-3333-4333-8333-333333333333",
            "tid": CONTOSO,
            "roles": ["Policy.Read.All"],
            "ver": "1.0",
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(
        self,
        payload: Json | bytes | None = None,
        key: RSAKey | ECKey | None = None,
        alg: str = "RS256",
        **header: object,
    ) -> str:
        """A signed token; header members that are ... are left out."""
        chosen = key or self.rsa
        members: dict[str, Any] = {"typ": "JWT", "alg": alg, "kid": chosen.kid, **header}
        members = {name: value for name, value in members.items() if value is not ...}
        body = payload if isinstance(payload, bytes) else json.dumps(payload or self.claims()).encode()
        raw_header = json.dumps(members).encode()
        return self.sign_raw(raw_header, body, chosen, alg)

    def sign_raw(self, header: bytes, body: bytes, key: RSAKey | ECKey, alg: str) -> str:
        signed = f"{encode(header)}.{encode(body)}"
        model = jws.JWSRegistry.algorithms[alg]
        return f"{signed}.{encode(model.sign(signed.encode(), key))}"


@pytest.fixture(scope="session")
def forge() -> Forge:
    return Forge()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_verifier(forge: Forge, clock: Clock) -> Callable[..., Verifier]:
    """A verifier that trusts one issuer, which may sign with everything that is spoken."""

    def make(*, keys: bytes | None = None, algorithms: frozenset[str] | None = None, **options: Any) -> Verifier:
        issuer = TrustedIssuer(
            ISSUER,
            frozenset({AUDIENCE, "https://graph.microsoft.com"}),
            StaticKeys(keys or forge.jwks()),
            algorithms if algorithms is not None else frozenset({"RS256", "PS256", "ES256"}),
        )
        return Verifier([issuer], clock, **options)

    return make


@pytest.fixture
def verifier(make_verifier: Callable[..., Verifier]) -> Verifier:
    return make_verifier()
