"""Which keys does the embedded issuer sign with? A file of private RSA keys as a JWK set, the first of which signs.

The file is ``{data}/issuer-keys.json``, mode 0600 (``xtap.identity.private_file``). Nothing rotates it: who wants a new
key deletes the file, and tokens under way end. A file of several keys is read, so that older ones can verify. Names of
keys are their thumbprints (RFC 7638).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from xtap.errors import ConfigurationError
from xtap.identity import private_file
from xtap.identity.compact import BadToken, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

BITS: Final = 2048


class PrivateJwk(msgspec.Struct, frozen=True, gc=False):
    """A private RSA key (RFC 7518 6.3); all members are base64url numbers except kty and kid."""

    kid: str
    n: str
    e: str
    d: str
    p: str
    q: str
    dp: str
    dq: str
    qi: str
    kty: str = "RSA"

    def __repr__(self) -> str:
        """Name the key without showing it, so that no log or traceback holds it."""
        return f"PrivateJwk(kid={self.kid!r})"


class _Document(msgspec.Struct, frozen=True):
    keys: tuple[PrivateJwk, ...]


class SigningKeys:
    """The embedded issuer's keys; loads ``cryptography`` only when it signs.

    Args:
        keys: at least one; the first signs, all verify.
    """

    def __init__(self, keys: tuple[PrivateJwk, ...]) -> None:
        if not keys:
            raise ConfigurationError("The embedded issuer has no key.")
        self.keys = keys
        self._private: RSAPrivateKey | None = None

    @property
    def kid(self) -> str:
        """The name of the key that signs."""
        return self.keys[0].kid

    def public(self) -> dict[str, object]:
        """Return the public half as a JWK set (RFC 7517 5)."""
        return {
            "keys": [{"kty": "RSA", "use": "sig", "kid": k.kid, "n": k.n, "e": k.e, "alg": "RS256"} for k in self.keys]
        }

    def sign(self, claims: dict[str, object]) -> str:
        """Return the claims as a token, signed with RS256 by the first key."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - on first use only
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - on first use only

        if self._private is None:
            self._private = _load(self.keys[0])
        header = encode(msgspec.json.encode({"typ": "JWT", "alg": "RS256", "kid": self.kid}))
        signed = f"{header}.{encode(msgspec.json.encode(claims))}"
        return f"{signed}.{encode(self._private.sign(signed.encode('ascii'), PKCS1v15(), SHA256()))}"


def generate() -> PrivateJwk:
    """Make a new RSA key; takes about 0.1 s."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - on first use only

    numbers = rsa.generate_private_key(public_exponent=65537, key_size=BITS).private_numbers()
    n, e = _text(numbers.public_numbers.n), _text(numbers.public_numbers.e)
    # RFC 7638 3.1: the required members in lexicographic order, without white space.
    thumbprint = hashlib.sha256(f'{{"e":"{e}","kty":"RSA","n":"{n}"}}'.encode("ascii")).digest()
    return PrivateJwk(
        kid=encode(thumbprint),
        n=n,
        e=e,
        d=_text(numbers.d),
        p=_text(numbers.p),
        q=_text(numbers.q),
        dp=_text(numbers.dmp1),
        dq=_text(numbers.dmq1),
        qi=_text(numbers.iqmp),
    )


def load(path: Path) -> SigningKeys:
    """Read the keys from their file.

    Raises:
        ConfigurationError: the file can be read by others, or is no set of private RSA keys.
        FileNotFoundError: there is none.
    """
    content = private_file.read(path)
    try:
        document = msgspec.json.decode(content, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not a JWK set of private RSA keys; delete it to have a new one."
        ) from error
    if any(key.kty != "RSA" for key in document.keys):
        raise ConfigurationError(f"{path} holds a key that is not RSA; delete it to have a new one.")
    return SigningKeys(document.keys)


def load_or_create(path: Path) -> SigningKeys:
    """Read the keys, or make the first one. Two processes that do so at once end with the same key.

    Raises:
        ConfigurationError: as :func:`load`.
    """
    try:
        return load(path)
    except FileNotFoundError:
        private_file.create(path, _encoded((generate(),)))
        return load(path)


def _encoded(keys: tuple[PrivateJwk, ...]) -> bytes:
    return msgspec.json.encode(_Document(keys))


def _text(number: int) -> str:
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _load(key: PrivateJwk) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - on first use only

    try:
        n, e, d, p, q, dp, dq, qi = (
            int.from_bytes(decode(text), "big") for text in (key.n, key.e, key.d, key.p, key.q, key.dp, key.dq, key.qi)
        )
        public = rsa.RSAPublicNumbers(e, n)
        return rsa.RSAPrivateNumbers(p=p, q=q, d=d, dmp1=dp, dmq1=dq, iqmp=qi, public_numbers=public).private_key()
    except (BadToken, ValueError) as error:
        raise ConfigurationError(f"The key {key.kid} of the embedded issuer is damaged; delete the file.") from error
