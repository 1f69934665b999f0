"""Which policies does a client know already? One header tells the versions, the other demands them back.

Both hold ``tenant id=number`` pairs, separated by commas: the value of an answer is sent as it came.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from xtap.errors import InvalidInput
from xtap.model.ids import GUID, TenantId

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLD: Final = b"xtap-policy-versions"
"""Of an answer: the versions that it was made from, or that hold what the request wrote."""

DEMANDED: Final = b"xtap-at-least"
"""Of a request: the versions that the node must know before it answers."""

_PAIR: Final = re.compile(rf"\s*({GUID.pattern})=([0-9]{{1,18}})\s*")


def told(versions: Mapping[str, int]) -> tuple[bytes, bytes]:
    """Return the header that tells versions."""
    return TOLD, _written(tuple(versions.items()))


@lru_cache(maxsize=1_024)
def _written(versions: tuple[tuple[str, int], ...]) -> bytes:
    return ", ".join(f"{tenant}={number}" for tenant, number in sorted(versions)).encode()


def demanded(headers: Mapping[bytes, bytes]) -> dict[TenantId, int]:
    """Return the versions that a request demands; of a tenant that stands there twice, the later one.

    Raises:
        InvalidInput: the header cannot be read.
    """
    given = headers.get(DEMANDED, b"").decode("latin-1")
    found: dict[TenantId, int] = {}
    for part in given.split(",") if given.strip() else ():
        pair = _PAIR.fullmatch(part)
        if pair is None:
            name = DEMANDED.decode()
            raise InvalidInput.at(
                "$", f"The header '{name}' holds '{part.strip()[:64]}'. Expected pairs such as '<tenant id>=12'."
            )
        tenant = TenantId(pair[1].lower())
        found[tenant] = max(int(pair[2]), found.get(tenant, 0))
    return found
