"""Is this bearer token good, and whose is it? From the text after ``Bearer`` to a Caller, or Unauthenticated.

The order of judgement, each step relying on those before it:

1. form: size, three segments, canonical base64url, header members (``xtap.identity.compact``)
2. issuer: ``iss`` and ``tid`` name a trusted issuer; nothing else of the claims is believed yet
3. algorithm: one that this issuer may use; key: one of the issuer's own, of the kind that the algorithm needs
4. signature
5. audience, times, tenant, principal (``xtap.identity.claims``)

Sources: RFC 7515, RFC 7519 7.2, RFC 8725 (best current practices),
https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens.
Messages are those of Microsoft Graph where it has one; none repeats anything of the token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xtap.errors import ConfigurationError, Unauthenticated
from xtap.identity import compact
from xtap.identity.claims import Claims, caller_of, parse_claims, tenant_of
from xtap.identity.compact import BadToken
from xtap.identity.issuers import TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xtap.identity.issuers import KeySource, TrustedIssuer
    from xtap.service.caller import Caller

EMPTY: Final = "Access token is empty."
EXPIRED: Final = "Access token has expired or is not yet valid."
AUDIENCE: Final = "Invalid audience."
FAILURE: Final = "Access token validation failure."

LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999; a later time is a mistake in units."""


class Verifier:
    """Judges bearer tokens, and remembers those that were good.

    A remembered token is good until it expires, until its issuer's keys change, or for ``remember`` seconds, whichever
    comes first; then it is judged again. Refused tokens are not remembered.

    Args:
        issuers: whose tokens count; at least one.
        clock: the time now, seconds since 1970.
        leeway: seconds by which issuers' clocks may differ from ours.
        remember: seconds for which a good token is not looked at again.
        capacity: number of tokens that are remembered; the oldest is forgotten first.

    Raises:
        ConfigurationError: no issuer, or two with the same URL.
    """

    def __init__(
        self,
        issuers: Sequence[TrustedIssuer],
        clock: Callable[[], float],
        *,
        leeway: float = 60,
        remember: float = 300,
        capacity: int = 4096,
    ) -> None:
        if not issuers:
            raise ConfigurationError("At least one trusted issuer is needed: without one, nobody could be believed.")
        if len({issuer.issuer for issuer in issuers}) != len(issuers):
            raise ConfigurationError("An issuer is configured twice; give it all its audiences in one place.")
        self._issuers = tuple(issuers)
        self._clock = clock
        self._leeway = leeway
        self._remember = remember
        self._capacity = capacity
        self._good: dict[str, tuple[float, float, KeySource, int, Caller]] = {}

    def cached(self, token: str) -> Caller | None:
        """Return the caller of a token that was good a moment ago, None when it must be judged (again).

        This is the hot path: one lookup, three comparisons. A clock that was set back behind that moment does not make
        the moment longer.
        """
        entry = self._good.get(token)
        if entry is not None and entry[0] <= self._clock() < entry[1] and entry[2].generation == entry[3]:
            return entry[4]
        return None

    async def caller(self, token: str) -> Caller:
        """Judge a token and return who speaks.

        Args:
            token: the text after ``Bearer ``, without white space around it.

        Raises:
            Unauthenticated: the token is refused; the message says why, without repeating it.
            Unavailable: the keys of its issuer cannot be had.
        """
        if (known := self.cached(token)) is not None:
            return known
        self._good.pop(token, None)
        if not token:
            raise Unauthenticated(EMPTY)
        try:
            return await self._judge(token)
        except BadToken as error:
            raise Unauthenticated(f"{FAILURE} {error}") from error

    async def _judge(self, token: str) -> Caller:
        parts = compact.split(token)
        claims = parse_claims(parts.payload)
        tenant = tenant_of(claims)
        issuer = self._issuer_of(claims)
        algorithm = parts.header.alg
        if algorithm not in issuer.algorithms:
            raise BadToken("The signature algorithm is not one that this issuer may use.")
        key_set = await issuer.keys.keys(parts.header.kid)
        generation = issuer.keys.generation
        key = key_set.find(parts.header.kid, algorithm)
        if key is None:
            raise BadToken("No key of the issuer fits: it is unknown, ambiguous, or of another kind.")
        if key.issuer is not None and key.issuer.replace(TENANT, claims.tid) != claims.iss:
            raise BadToken("The key is for another issuer.")
        from xtap.identity import jose  # noqa: PLC0415 - loads cryptography; the key source has loaded it already

        if not jose.verify(key, algorithm, parts.signing_input, parts.signature):
            raise BadToken(_signature_reason(parts.header))
        self._check_audience(issuer, claims)
        self._check_times(claims)
        if issuer.tenants is not None and tenant not in issuer.tenants:
            raise BadToken("The tenant is not one that this issuer may speak for.")
        caller = caller_of(claims, tenant)
        self._keep(token, claims.exp, issuer.keys, generation, caller)
        return caller

    def _issuer_of(self, claims: Claims) -> TrustedIssuer:
        for issuer in self._issuers:
            if issuer.issues(claims.iss, claims.tid):
                return issuer
        raise BadToken("Invalid issuer: 'iss' is not that of a trusted issuer for the tenant in 'tid'.")

    def _check_audience(self, issuer: TrustedIssuer, claims: Claims) -> None:
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if issuer.audiences.isdisjoint(audiences):
            raise Unauthenticated(AUDIENCE)

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        for time in (claims.exp, claims.nbf, claims.iat):
            if time is not None and not 0 <= time <= LAST_SECOND:
                raise BadToken("One of 'exp', 'nbf' and 'iat' is not a time in seconds since 1970.")
        if now >= claims.exp + self._leeway:
            raise Unauthenticated(EXPIRED)
        if max(claims.nbf or 0, claims.iat or 0) > now + self._leeway:
            raise Unauthenticated(EXPIRED)

    def _keep(self, token: str, exp: int, source: KeySource, generation: int, caller: Caller) -> None:
        while len(self._good) >= self._capacity:
            del self._good[next(iter(self._good))]
        now = self._clock()
        self._good[token] = (now, min(exp, now + self._remember), source, generation, caller)


def _signature_reason(header: compact.Header) -> str:
    if header.nonce is not None:
        # Microsoft signs a hashed nonce instead of this one; only its own APIs can check such a token.
        return "Signature validation failed. Tokens for Microsoft Graph itself can only be checked by Microsoft."
    return "Signature validation failed."
