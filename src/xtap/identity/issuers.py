"""Whose tokens count, and where are their keys? The trusted issuers of this server.

* A :class:`TrustedIssuer` is one line of configuration: issuer, audiences, algorithms, tenants.
* A :class:`KeySource` knows the issuer's keys: :class:`StaticKeys` here, discovery in ``xtap.identity.discovery``.

How one token is judged is in ``xtap.identity.tokens``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from xtap.errors import ConfigurationError
from xtap.model.ids import TenantId

if TYPE_CHECKING:
    from xtap.identity.jose import KeySet

TENANT: Final = "{tenantid}"
"""The placeholder in an issuer's URL that stands for the token's own ``tid``, as in Microsoft's metadata."""

SIGNATURES: Final = frozenset({"RS256", "PS256", "ES256"})
"""The algorithms that an issuer may be allowed; all are asymmetric."""


class KeySource(Protocol):
    """Where the keys of one issuer come from."""

    @property
    def generation(self) -> int:
        """A number that grows whenever the set of keys changes; what an older set verified is verified again."""
        ...

    async def keys(self, kid: str | None) -> KeySet:
        """Return the keys, the named one among them if the issuer has it.

        Args:
            kid: the key that a token names, None when it names none.

        Raises:
            Unavailable: no keys are known that may still be trusted.
        """
        ...


class StaticKeys:
    """Keys that this process was given, such as those of the embedded issuer. They are parsed on first use.

    Args:
        document: a JWK set (RFC 7517 5) with public keys; private members of it are ignored.
    """

    def __init__(self, document: bytes) -> None:
        self._document = document
        self._keys: KeySet | None = None
        self._generation = 0

    @property
    def generation(self) -> int:
        """How often the set was replaced."""
        return self._generation

    def replace(self, document: bytes) -> None:
        """Use another set from now on; tokens that the old one verified are verified again."""
        self._document = document
        self._keys = None
        self._generation += 1

    async def keys(self, kid: str | None) -> KeySet:  # noqa: ARG002 - the protocol has it; a fixed set has no other keys
        """Return the set, whatever key is asked for.

        Raises:
            BadToken: the document holds no usable key.
        """
        if self._keys is None:
            from xtap.identity.jose import parse_key_set  # noqa: PLC0415 - loads cryptography, on first use only

            self._keys = parse_key_set(self._document)
        return self._keys


class TrustedIssuer(Struct, frozen=True, eq=False):
    """One issuer whose tokens are accepted.

    Attributes:
        issuer: the exact ``iss``, in which ``{tenantid}`` stands for the token's own ``tid``.
        audiences: the exact values of ``aud`` of which a token needs one.
        keys: where its keys come from.
        algorithms: those it may sign with, among RS256, PS256 and ES256.
        tenants: the tenants it may speak for, lower case; None means every one, which with Microsoft's common issuer
            is every organization there is, each limited to its own objects.

    Raises:
        ConfigurationError: no issuer, no audience, or an algorithm that is not spoken here.
    """

    issuer: str
    audiences: frozenset[str]
    keys: KeySource
    algorithms: frozenset[str] = frozenset({"RS256"})
    tenants: frozenset[TenantId] | None = None

    def __post_init__(self) -> None:
        if not self.issuer:
            raise ConfigurationError("An issuer is needed: the exact 'iss' of the tokens to be accepted.")
        if not self.audiences or not all(self.audiences):
            raise ConfigurationError(f"The issuer {self.issuer} needs at least one audience, and none may be empty.")
        if not self.algorithms or not self.algorithms <= SIGNATURES:
            raise ConfigurationError(f"The algorithms of {self.issuer} must be among {', '.join(sorted(SIGNATURES))}.")

    def issues(self, iss: str, tid: str) -> bool:
        """Say whether a token with these claims claims to be from this issuer, for that very tenant."""
        return iss == self.issuer.replace(TENANT, tid)
