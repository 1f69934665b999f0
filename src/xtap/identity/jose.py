"""Does a key's holder stand behind these bytes? Keys as JWK (RFC 7517, 7518), signatures as JWS (RFC 7515).

The only file that verifies and makes signatures. It loads ``cryptography``, so callers import it on first use.
An algorithm belongs to one kind of key, and the kind is fixed when the key is read: nothing in a token can make an RSA
public key serve as an HMAC secret (RFC 8725 2.1, 3.1).
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from xtap.identity.compact import BadToken, decode

ALGORITHMS: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
"""Signature algorithms that are spoken, each with the only kind of key (``kty``) that it goes with."""

MIN_RSA_BITS = 2048
"""RFC 7518 3.3: a shorter key must not be used."""

MAX_RSA_BITS = 8192
"""Verifying costs grow with the key; no issuer uses a longer one."""

MAX_KEYS = 256
"""Keys that are read of one set; Microsoft publishes about ten."""

_SHA256 = SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_PKCS1 = padding.PKCS1v15()
_PSS = padding.PSS(padding.MGF1(_SHA256), salt_length=32)  # RFC 7518 3.5: the salt is as long as the digest


class Jwk(msgspec.Struct, frozen=True, gc=False):
    """The members of a published key that are used; unknown ones are ignored (RFC 7517 4)."""

    kty: str
    kid: str | None = None
    use: str | None = None
    key_ops: list[str] | None = None
    alg: str | None = None
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None
    issuer: str | None = None


class _KeySetDocument(msgspec.Struct, frozen=True):
    keys: list[msgspec.Raw]


class VerificationKey(Struct, frozen=True):
    """A public key of a trusted issuer.

    Attributes:
        kid: its name in the set, None when it has none.
        kty: ``RSA`` or ``EC`` (always P-256).
        alg: the one algorithm that it is for, None when any that goes with its kind.
        issuer: the issuer, possibly with ``{tenantid}``, that the key is restricted to; Microsoft's common key
            document says so for each key, and asks that it be checked
            (https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer).
        public: the key itself.
    """

    kid: str | None
    kty: str
    alg: str | None
    issuer: str | None
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey

    def serves(self, algorithm: str) -> bool:
        """Say whether signatures of this algorithm may be checked with this key."""
        return ALGORITHMS.get(algorithm) == self.kty and self.alg in (None, algorithm)


class KeySet(Struct, frozen=True):
    """The keys of one issuer at one time."""

    keys: tuple[VerificationKey, ...]

    def find(self, kid: str | None, algorithm: str) -> VerificationKey | None:
        """Return the key that a token names, or the only one that fits when it names none (RFC 7515 4.1.4)."""
        fitting = [key for key in self.keys if key.serves(algorithm) and kid in (None, key.kid)]
        return fitting[0] if len(fitting) == 1 else None

    def knows(self, kid: str | None) -> bool:
        """Say whether a key has this name; without a name, whether there is any key."""
        return any(kid in (None, key.kid) for key in self.keys)


def parse_key_set(document: bytes) -> KeySet:
    """Read a JWK set; keys that are not for verifying RS256, PS256 or ES256 are left out (RFC 7517 5).

    Raises:
        BadToken: the document is no key set, or no key of it can be used.
    """
    try:
        raw_keys = msgspec.json.decode(document, type=_KeySetDocument).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadToken("The key set is not a JSON object with 'keys'.") from error
    found: list[VerificationKey] = []
    for raw in raw_keys[:MAX_KEYS]:
        try:
            key = _parse_key(msgspec.json.decode(raw, type=Jwk))
        except (msgspec.MsgspecError, ValueError):
            continue
        if key is not None:
            found.append(key)
    if not found:
        raise BadToken("The key set holds no key for RS256, PS256 or ES256.")
    return KeySet(tuple(found))


def _parse_key(jwk: Jwk) -> VerificationKey | None:
    if jwk.use not in (None, "sig") or (jwk.key_ops is not None and "verify" not in jwk.key_ops):
        return None
    if jwk.alg is not None and ALGORITHMS.get(jwk.alg) != jwk.kty:
        return None
    match jwk:
        case Jwk(kty="RSA", n=str() as n, e=str() as e):
            modulus, exponent = _integer(n), _integer(e)
            if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or exponent.bit_length() > 32:
                return None
            public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        case Jwk(kty="EC", crv="P-256", x=str() as x, y=str() as y):
            public = ec.EllipticCurvePublicNumbers(_integer(x), _integer(y), ec.SECP256R1()).public_key()
        case _:
            return None
    return VerificationKey(jwk.kid, jwk.kty, jwk.alg, jwk.issuer, public)


def _integer(text: str) -> int:
    # Some issuers pad; a key is not a token, so the padding is forgiven here.
    return int.from_bytes(decode(text.rstrip("=")), "big")


def verify(key: VerificationKey, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
    """Say whether the signature is that of the key's holder over these bytes.

    Args:
        key: a key of a trusted issuer.
        algorithm: RS256, PS256 or ES256, already checked against what the issuer may use.
        signing_input: the bytes that were signed.
        signature: as in the token; ES256 is 64 bytes, two numbers side by side (RFC 7518 3.4).
    """
    if not key.serves(algorithm):
        return False
    try:
        match key.public:
            case rsa.RSAPublicKey() as public:
                scheme = _PKCS1 if algorithm == "RS256" else _PSS
                public.verify(signature, signing_input, scheme, _SHA256)
            case public:
                if len(signature) != 64:
                    return False
                numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                public.verify(encode_dss_signature(*numbers), signing_input, _ECDSA)
    except InvalidSignature:
        return False
    return True
