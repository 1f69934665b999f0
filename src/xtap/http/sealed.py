"""What may a client carry for us? Tokens that only this server can write, each for one purpose and one request.

A token is ``base64url(mac || content)`` without padding. The MAC also covers what the token is bound to, which it does
not carry: a token that is sent with something else is refused just like one that was changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

_MAC_SIZE: Final = 16


def seal(key: bytes, purpose: bytes, content: bytes, bound_to: bytes) -> str:
    """Write a token.

    Args:
        key: the secret of this installation, at least 32 random bytes, the same on every node.
        purpose: what such tokens are for; tokens of one purpose are refused for all others.
        content: what to carry; it can be read by whoever has the token.
        bound_to: the request that the token belongs to.
    """
    return _encoded(_mac(key, purpose, content, bound_to) + content)


def unseal(key: bytes, purpose: bytes, token: str, bound_to: bytes) -> bytes | None:
    """Return the content of a token; None if ``seal`` did not write it with the same arguments."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, content = raw[:_MAC_SIZE], raw[_MAC_SIZE:]
    # Bits that base64 does not use could be changed without changing the bytes: only one spelling is accepted.
    if _encoded(raw) != token or not hmac.compare_digest(mac, _mac(key, purpose, content, bound_to)):
        return None
    return content


def _mac(key: bytes, purpose: bytes, content: bytes, bound_to: bytes) -> bytes:
    bound = purpose + b"\0" + hashlib.sha256(bound_to).digest()
    return hmac.digest(key, bound + content, "sha256")[:_MAC_SIZE]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
