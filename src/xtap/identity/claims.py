"""Who speaks, according to a token's claims? From the claims of Entra's v1.0 and v2.0 access tokens to a Caller.

Time, audience and signature are checked by ``xtap.identity.tokens`` before anybody asks here. Claim names and meaning:
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference

* A token with ``scp`` is *delegated*: an application acts for a user. Its ``roles`` are the user's app roles and
  give no permission here, whatever they are called.
* A token without ``scp`` is *app-only* when it says ``idtyp: app``, or, where ``idtyp`` is not sent, when it has
  ``roles`` and names no user. Its ``roles`` are the application permissions.
* Anything else has no permission: the caller is known, and each operation refuses it.
"""

from __future__ import annotations

import msgspec

from xtap.errors import InvalidInput
from xtap.identity.compact import BadToken
from xtap.model.ids import DIRECTORY, PERSONAL_ACCOUNTS, TenantId, parse_tenant_id
from xtap.service.caller import Caller


class Claims(msgspec.Struct, frozen=True, gc=False):
    """The claims that are used, each with its only type; a list where a string belongs is refused, not guessed at.

    Times are whole seconds since 1970 (NumericDate of RFC 7519 2, without fractions, as Entra writes them).
    """

    iss: str
    aud: str | list[str]
    exp: int
    tid: str
    nbf: int | None = None
    iat: int | None = None
    idtyp: str | None = None
    scp: str | None = None
    roles: tuple[str, ...] | None = None
    wids: tuple[str, ...] = ()
    oid: str | None = None
    sub: str | None = None
    appid: str | None = None
    azp: str | None = None
    upn: str | None = None
    preferred_username: str | None = None
    app_displayname: str | None = None


_decoder = msgspec.json.Decoder(Claims)


def parse_claims(payload: bytes) -> Claims:
    """Read the claims of a token.

    Raises:
        BadToken: a claim is missing or has the wrong type; the message names the claim, not its value.
    """
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError as error:
        # msgspec's text has types and a path such as `$.aud`; it never repeats a value that was found.
        raise BadToken(f"The claims are not as expected: {error}.") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadToken("The claims are not a JSON object.") from error


def tenant_of(claims: Claims) -> TenantId:
    """Return the tenant whose directory the caller belongs to.

    Raises:
        BadToken: ``tid`` is no GUID, or a tenant that no caller may speak for.
    """
    try:
        tenant = parse_tenant_id(claims.tid)
    except InvalidInput as error:
        raise BadToken("The claim 'tid' is not the GUID of a tenant.") from error
    if tenant == PERSONAL_ACCOUNTS:
        raise BadToken("Personal Microsoft accounts are not supported; use a work or school account.")
    if tenant == DIRECTORY:
        raise BadToken("The claim 'tid' names no tenant.")
    return tenant


def caller_of(claims: Claims, tenant: TenantId) -> Caller:
    """Say who asks, from claims that have been verified.

    Args:
        claims: of a token whose signature, issuer, audience and times are right.
        tenant: what :func:`tenant_of` said of the same claims.

    Raises:
        BadToken: no claim names the principal or the application.
    """
    object_id = claims.oid or claims.sub
    client_id = claims.appid or claims.azp
    if not object_id:
        raise BadToken("The token names nobody: neither 'oid' nor 'sub' is there.")
    if not client_id:
        raise BadToken("The token names no application: neither 'appid' nor 'azp' is there.")
    user = claims.upn or claims.preferred_username
    if _is_application(claims, user):
        permissions = frozenset(claims.roles or ())
        return Caller(
            tenant, object_id, client_id, claims.app_displayname, is_application=True, permissions=permissions
        )
    return Caller(
        tenant,
        object_id,
        client_id,
        user,
        is_application=False,
        permissions=frozenset((claims.scp or "").split()),
        directory_roles=frozenset(role.lower() for role in claims.wids),
    )


def _is_application(claims: Claims, user: str | None) -> bool:
    if claims.scp is not None:
        return False
    if claims.idtyp is not None:
        return claims.idtyp == "app"
    return claims.roles is not None and user is None
