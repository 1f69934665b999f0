"""How does a machine without any account get tokens? The embedded issuer: Entra's token endpoint in small.

It knows client credentials with a secret (RFC 6749 4.4), which is what SDK code against a local server uses, and mints
app-only and delegated tokens for ``xtap token``. There is no I/O here: tenants and applications come from a
:class:`Directory`, HTTP is spoken by ``xtap.server.issuer``. Its tokens are judged like everybody else's
(:meth:`EmbeddedIssuer.trusted`).
"""

from __future__ import annotations

import asyncio
import binascii
import os
import uuid
from base64 import b64decode
from math import ceil
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from xtap.identity import refusals
from xtap.identity.client_secrets import NOBODY, verify_secret
from xtap.identity.compact import encode
from xtap.identity.issuers import TENANT, StaticKeys, TrustedIssuer
from xtap.identity.refusals import TokenRefused
from xtap.identity.resources import DEFAULT_AUDIENCES, OPENID_SCOPES, SUFFIX, canonical, resource_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xtap.identity.keys import SigningKeys
    from xtap.identity.throttle import Buckets
    from xtap.model.directory import Application, Tenant
    from xtap.model.ids import TenantId

LIFETIME: Final = 3600
"""Seconds that a token is good for; clients are told one less, as by Entra."""

ANY_TENANT: Final = frozenset({"common", "organizations", "consumers"})
"""Tenant segments that stand for no tenant in particular."""


class Directory(Protocol):
    """What the issuer needs to know of tenants and applications."""

    async def find_tenant(self, id_or_domain: str) -> Tenant | None:
        """Return the tenant with this id or verified domain, compared without regard to case."""
        ...

    async def find_application(self, tenant_id: TenantId, client_id: str) -> Application | None:
        """Return the application with this client id in the tenant."""
        ...


class Delegation(Struct, frozen=True):
    """A user, and what an application may do for them, for tokens made by hand.

    Attributes:
        username: the user principal name.
        object_id: the user's object id.
        scopes: delegated permissions, such as ``Policy.Read.All``.
        directory_roles: template ids of the user's directory roles.
        client_id: the application that acts.
        name: the display name.
    """

    username: str
    object_id: str
    scopes: tuple[str, ...]
    directory_roles: tuple[str, ...] = ()
    client_id: str = "xtap"
    name: str = "xtap test user"


class EmbeddedIssuer:
    """An issuer for the tenants of a local directory.

    Args:
        base_url: where it is reached, scheme, host and port, without a slash at the end; a token's ``iss`` is
            ``{base_url}/{tenant id}/v2.0`` for both token versions.
        keys: what it signs with.
        directory: who may ask.
        clock: the time now, seconds since 1970.
        audiences: resources that it issues tokens for, in any spelling of :func:`~xtap.identity.resources.canonical`.
        randomness: gives so many unpredictable bytes.
        guesses: how many wrong secrets are looked at, by tenant, client id and address; None for no limit.
    """

    def __init__(  # noqa: PLR0913 - what it is made of; the last three have defaults
        self,
        base_url: str,
        keys: SigningKeys,
        directory: Directory,
        clock: Callable[[], float],
        *,
        audiences: frozenset[str] = DEFAULT_AUDIENCES,
        randomness: Callable[[int], bytes] = os.urandom,
        guesses: Buckets | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.audiences = frozenset(canonical(audience) or audience for audience in audiences)
        self._keys = keys
        self._published = StaticKeys(msgspec.json.encode(keys.public()))
        self._directory = directory
        self._clock = clock
        self._randomness = randomness
        self._guesses = guesses

    def trusted(self) -> TrustedIssuer:
        """Return this issuer as one whose tokens are accepted; it follows :meth:`use`."""
        return TrustedIssuer(f"{self.base_url}/{TENANT}/v2.0", self.audiences, self._published)

    def use(self, keys: SigningKeys) -> None:
        """Sign with other keys from now on; tokens signed with keys that are no longer there are refused at once."""
        self._keys = keys
        self._published.replace(msgspec.json.encode(keys.public()))

    def jwks(self) -> dict[str, object]:
        """Return the public keys as a JWK set."""
        return self._keys.public()

    async def openid_configuration(self, tenant: str) -> dict[str, object]:
        """Return the metadata document of a tenant (OpenID Connect Discovery 1.0, 3).

        Args:
            tenant: id, domain, or ``common``, for which the issuer holds the placeholder ``{tenantid}``.

        Raises:
            TokenRefused: there is no such tenant.
        """
        if tenant in ANY_TENANT:
            segment, name = tenant, TENANT
        else:
            segment = name = (await self._tenant(tenant)).id
        base = f"{self.base_url}/{segment}"
        return {
            "issuer": f"{self.base_url}/{name}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nbf", "tid", "oid", "ver"],
        }

    async def token(
        self, tenant: str, form: Mapping[str, str], *, authorization: str | None = None, address: str = ""
    ) -> dict[str, object]:
        """Answer a token request.

        Args:
            tenant: the first segment of the path: id or domain.
            form: the parameters of the body; those that are not needed are ignored, as SDKs send many.
            authorization: the header of that name, for ``client_secret_basic`` (RFC 6749 2.3.1).
            address: of the machine that asks, for the limit of guesses.

        Raises:
            TokenRefused: no token; says why.
        """
        found = await self._tenant(tenant)
        if (grant := _required(form, "grant_type")) != "client_credentials":
            raise TokenRefused(refusals.UNSUPPORTED_GRANT, grant)
        client_id, secret = _credentials(form, authorization)
        application = await self._authenticate(found, client_id, secret, address)
        resource = self._resource(found, _required(form, "scope"))
        return {
            "token_type": "Bearer",
            "expires_in": LIFETIME - 1,
            "ext_expires_in": LIFETIME - 1,
            "access_token": self.mint_app(found.id, application, resource),
        }

    def mint_app(self, tenant: TenantId, application: Application, audience: str, lifetime: int = LIFETIME) -> str:
        """Make an app-only token with the claims of Entra's v1.0 tokens.

        Args:
            tenant: the caller's tenant.
            application: who asks; its permissions become ``roles``.
            audience: canonical resource.
            lifetime: seconds.
        """
        claims: dict[str, object] = {
            **self._common(tenant, audience, lifetime),
            "ver": "1.0",
            "idp": f"{self.base_url}/{tenant}/v2.0",
            "idtyp": "app",
            "appid": application.client_id,
            "appidacr": "1",
            "app_displayname": application.display_name,
            "oid": application.object_id,
            "sub": application.object_id,
            "roles": list(application.permissions),
        }
        return self._keys.sign(claims)

    def mint_delegated(self, tenant: TenantId, user: Delegation, audience: str, lifetime: int = LIFETIME) -> str:
        """Make a delegated token with the claims of Entra's v2.0 tokens, for tests and ``xtap token``.

        Args:
            tenant: the user's tenant.
            user: whom the application acts for, and with which permissions.
            audience: canonical resource.
            lifetime: seconds.
        """
        claims: dict[str, object] = {
            **self._common(tenant, audience, lifetime),
            "ver": "2.0",
            "idtyp": "user",
            "azp": user.client_id,
            "azpacr": "0",
            "name": user.name,
            "preferred_username": user.username,
            "oid": user.object_id,
            "sub": user.object_id,
            "scp": " ".join(user.scopes),
            "wids": list(user.directory_roles),
        }
        return self._keys.sign(claims)

    def refusal(self, refused: TokenRefused, correlation_id: str | None) -> dict[str, object]:
        """Return the error document for a refused request; a correlation id that is no GUID is replaced."""
        trace = str(uuid.UUID(bytes=self._randomness(16), version=4))
        try:
            correlation = str(uuid.UUID(correlation_id)) if correlation_id else trace
        except ValueError:
            correlation = trace
        return refused.body(now=self._clock(), trace_id=trace, correlation_id=correlation, base_url=self.base_url)

    def _common(self, tenant: TenantId, audience: str, lifetime: int) -> dict[str, object]:
        now = int(self._clock())
        return {
            "aud": audience,
            "iss": f"{self.base_url}/{tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "tid": tenant,
            "uti": encode(self._randomness(16)),
        }

    async def _tenant(self, id_or_domain: str) -> Tenant:
        if id_or_domain in ANY_TENANT:
            raise TokenRefused(refusals.NO_TENANT)
        if (tenant := await self._directory.find_tenant(id_or_domain)) is None:
            raise TokenRefused(refusals.UNKNOWN_TENANT, id_or_domain)
        return tenant

    async def _authenticate(self, tenant: Tenant, client_id: str, secret: str, address: str) -> Application:
        # Taken before the secret is looked at, so that of many at once none slips through; a right one is given back.
        guess = (tenant.id, client_id, address)
        if self._guesses is not None and (seconds := self._guesses.take(guess)):
            raise TokenRefused(refusals.TOO_MANY_GUESSES, client_id, retry_after=ceil(seconds))
        application = await self._directory.find_application(tenant.id, client_id)
        # An unknown application costs what a wrong secret costs.
        stored = NOBODY if application is None else application.secret
        right = await asyncio.to_thread(verify_secret, secret, stored)
        if application is None:
            raise TokenRefused(refusals.UNKNOWN_APPLICATION, client_id, tenant.display_name)
        if not right:
            raise TokenRefused(refusals.WRONG_SECRET, client_id)
        if self._guesses is not None:
            self._guesses.give_back(guess)
        return application

    def _resource(self, tenant: Tenant, scope: str) -> str:
        named = [each for each in scope.split() if each not in OPENID_SCOPES]
        if len(named) != 1:
            raise TokenRefused(refusals.INVALID_SCOPE, scope)
        if not named[0].endswith(SUFFIX):
            raise TokenRefused(refusals.NO_DEFAULT_SCOPE, scope)
        if (resource := resource_of(named[0])) is None:
            raise TokenRefused(refusals.INVALID_SCOPE, scope)
        if resource not in self.audiences:
            raise TokenRefused(refusals.UNKNOWN_RESOURCE, resource, tenant.display_name)
        return resource


def _required(form: Mapping[str, str], name: str) -> str:
    if value := form.get(name):
        return value
    raise TokenRefused(refusals.MISSING_PARAMETER, name)


def _credentials(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    """Return client id and secret from the form or the header, never from both (RFC 6749 2.3)."""
    if authorization is None:
        client_id = _required(form, "client_id")
        if not (secret := form.get("client_secret")):
            raise TokenRefused(refusals.NO_SECRET)
        return client_id, secret
    if form.get("client_secret"):
        raise TokenRefused(refusals.MALFORMED, "Send the client secret in the body or in the header, not in both.")
    scheme, _, value = authorization.partition(" ")
    try:
        client_id, separator, secret = b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as error:
        raise TokenRefused(refusals.MALFORMED, "The Authorization header is not understood.") from error
    if scheme.lower() != "basic" or not separator:
        raise TokenRefused(refusals.MALFORMED, "The Authorization header is not understood.")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if form.get("client_id", client_id) != client_id:
        raise TokenRefused(refusals.MALFORMED, "The client ids in the body and in the header differ.")
    if not client_id or not secret:
        raise TokenRefused(refusals.NO_SECRET)
    return client_id, secret
