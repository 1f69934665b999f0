"""Where are the endpoints of this decision point? Its metadata, plain and signed (AuthZEN 1.0, section 9)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xtap.identity.keys import SigningKeys

WELL_KNOWN: Final = "/.well-known/authzen-configuration"
ENDPOINTS: Final[Mapping[str, str]] = {
    "access_evaluation_endpoint": "evaluation",
    "access_evaluations_endpoint": "evaluations",
    "search_subject_endpoint": "search/subject",
    "search_resource_endpoint": "search/resource",
    "search_action_endpoint": "search/action",
}


class Metadata:
    """The metadata of one server.

    Args:
        keys: what signs.
        own: addresses that this server has for certain; for others, which a client could have made up, nothing is
            signed.
        now: seconds since the epoch.
    """

    def __init__(self, keys: SigningKeys, own: frozenset[str], now: Callable[[], float]) -> None:
        self._keys = keys
        self._own = own
        self._now = now
        self._signed = lru_cache(maxsize=1_024)(self._sign)

    def keys(self) -> dict[str, object]:
        """Return the public keys, as a JWK set (RFC 7517)."""
        return self._keys.public()

    def document(self, base: str, tenant: str) -> dict[str, object]:
        """Return the metadata of the decision point, or of one tenant's.

        Args:
            base: scheme and host, as the client wrote them.
            tenant: the tenant as it was asked for, by id or domain; empty for all.
        """
        plain = _plain(base, tenant)
        return plain | {"signed_metadata": self._signed(base, tenant)} if base in self._own else plain

    def _sign(self, base: str, tenant: str) -> str:
        plain = _plain(base, tenant)
        return self._keys.sign({"iss": plain["policy_decision_point"], "iat": int(self._now()), **plain})


def _plain(base: str, tenant: str) -> dict[str, object]:
    place = base if not tenant else f"{base}/{tenant}"
    endpoints = {name: f"{place}/access/v1/{path}" for name, path in ENDPOINTS.items()}
    return {"policy_decision_point": place, **endpoints, "jwks_uri": f"{base}/access/v1/keys"}
