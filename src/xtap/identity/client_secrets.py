"""Is this the application's secret? Salted scrypt hashes (RFC 7914), written so that the costs can be raised later.

A hash reads ``scrypt$14$8$1$<salt>$<key>``: log2 of N, r, p, then salt and derived key in base64url.
Both functions take about 40 ms of one core and 16 MiB on purpose; servers run them in a thread.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

from xtap.identity.compact import BadToken, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG_N: Final = 14
_R: Final = 8
_P: Final = 1
_BYTES: Final = 32

MAX_SECRET: Final = 1024
"""Characters of the longest secret that is looked at."""

NOBODY: Final = f"scrypt${_LOG_N}${_R}${_P}${encode(bytes(16))}${encode(bytes(_BYTES))}"
"""A hash that no secret has: verified for unknown applications, so that they take as long as known ones."""


def hash_secret(secret: str, randomness: Callable[[int], bytes] = os.urandom) -> str:
    """Make the stored form of a client secret.

    Args:
        secret: what the client will send.
        randomness: gives so many unpredictable bytes, for the salt.
    """
    salt = randomness(16)
    return f"scrypt${_LOG_N}${_R}${_P}${encode(salt)}${encode(_derive(secret, salt, _LOG_N, _R, _P))}"


def verify_secret(secret: str, stored: str) -> bool:
    """Say whether the secret is the one that was stored; a stored text that is no hash matches nothing."""
    if len(secret) > MAX_SECRET:
        return False
    try:
        scheme, log_n, r, p, salt, key = stored.split("$")
        expected = decode(key)
        costs = int(log_n), int(r), int(p)
        if scheme != "scrypt" or len(expected) != _BYTES:
            return False
        found = _derive(secret, decode(salt), *costs)
    except (ValueError, BadToken):
        return False
    return hmac.compare_digest(found, expected)


def _derive(secret: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    if not (1 <= log_n <= 20 and 1 <= r <= 32 and 1 <= p <= 16):
        raise ValueError("the costs of a stored hash are out of range")
    memory = 128 * r * (2**log_n + p + 2)
    password = secret.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(password, salt=salt, n=2**log_n, r=r, p=p, maxmem=memory, dklen=_BYTES)
