"""How is a signed token written? The compact form of RFC 7515: three base64url segments with dots between them.

Reading is strict and spends nothing on a token that cannot be right: a size limit before anything else, one spelling
for each byte string, JSON without duplicate names. Whether the signature holds is asked in ``xtap.identity.jose``,
what the claims mean in ``xtap.identity.claims``. Nothing here loads ``cryptography``, so importing it is cheap.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from msgspec import Struct

MAX_TOKEN = 16 * 1024
"""Characters of the longest token that is read; Entra tokens with 200 groups stay below half of it."""

TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""The ``typ`` values, lower case, of tokens that are meant for an API (RFC 7519 5.1, RFC 9068 2.1)."""

FORBIDDEN_HEADERS = ("crit", "b64", "enc", "zip", "cty")
"""Header members that would change how the token is to be read; each would need code that is not here."""


class BadToken(ValueError):
    """The text is no token that could be accepted; the message is a sentence that repeats nothing of it."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """The members of the protected header that are used.

    ``jwk``, ``jku``, ``x5u`` and ``x5c`` are not among them: a token never brings its own key (RFC 8725 3.5, 3.9).
    """

    alg: str
    kid: str | None = None
    typ: str = "JWT"
    nonce: str | None = None


class Compact(Struct, frozen=True):
    """A token taken apart, nothing of it verified.

    Attributes:
        header: what it says about its own protection.
        payload: the claims, JSON with unique names, still encoded.
        signing_input: the bytes that were signed (RFC 7515 5.1).
        signature: the bytes of the third segment.
    """

    header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes


def encode(raw: bytes) -> str:
    """Write bytes as base64url without padding (RFC 7515 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read base64url without padding, in its one canonical spelling.

    Raises:
        BadToken: another alphabet, padding, white space, or unused bits that are not zero.
    """
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise BadToken("A segment is not base64url.") from error
    # Comparing with the canonical spelling refuses all that the decoder forgives.
    if encode(raw) != text:
        raise BadToken("A segment is not base64url in its canonical form.")
    return raw


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadToken("A JSON object has the same name twice.")
    return members


_unique_decoder = json.JSONDecoder(object_pairs_hook=_unique)
_header_decoder = msgspec.json.Decoder(Header)


def refuse_duplicates(document: bytes) -> dict[str, object]:
    """Return the JSON object when no object in it has a name twice (RFC 7519 4, the strict choice).

    Parsers disagree on which of two equal names counts; a token on which they disagree is refused.

    Raises:
        BadToken: a duplicate, not UTF-8, not JSON, nested too deep, or no object.
    """
    try:
        tree = _unique_decoder.decode(document.decode("utf-8"))
    except BadToken:
        raise
    except (ValueError, RecursionError) as error:
        raise BadToken("A segment is not a JSON object.") from error
    if not isinstance(tree, dict):
        raise BadToken("A segment is not a JSON object.")
    return tree


def split(token: str) -> Compact:
    """Take a token apart.

    Args:
        token: the text after ``Bearer``, not longer than :data:`MAX_TOKEN`.

    Raises:
        BadToken: it is no compact JWS, or its header asks for what is not done here.
    """
    if len(token) > MAX_TOKEN:
        raise BadToken(f"The token is longer than {MAX_TOKEN} characters.")
    segments = token.split(".", 5)
    if len(segments) == 5:
        raise BadToken("The token is encrypted (JWE); a signed token (JWS) is expected.")
    if len(segments) != 3:
        raise BadToken("The token is not in the compact form of three segments.")
    head, body, signature = segments
    raw_header = decode(head)
    members = refuse_duplicates(raw_header)
    try:
        header = _header_decoder.decode(raw_header)
    except msgspec.MsgspecError as error:
        raise BadToken("The header lacks 'alg', or a member of it has the wrong type.") from error
    for name in FORBIDDEN_HEADERS:
        if name in members:
            raise BadToken(f"The header member '{name}' is not understood.")
    if header.typ.lower() not in TYPES:
        raise BadToken("The header member 'typ' is not that of an access token.")
    payload = decode(body)
    refuse_duplicates(payload)
    return Compact(header, payload, f"{head}.{body}".encode("ascii"), decode(signature))
