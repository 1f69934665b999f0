"""How is the embedded issuer spoken to? Its token endpoint and documents over HTTP, with the error bodies of Entra.

    POST /{tenant}/oauth2/v2.0/token
    GET  /{tenant}/v2.0/.well-known/openid-configuration
    GET  /{tenant}/discovery/v2.0/keys
    GET  /common/discovery/instance

What is issued and refused is in ``xtap.identity.embedded``. This module loads Starlette, so import it on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from xtap.errors import TooSlow, Unavailable
from xtap.http import NO_SNIFF
from xtap.identity import refusals
from xtap.identity.refusals import TokenRefused

if TYPE_CHECKING:
    from starlette.requests import Request

    from xtap.identity.embedded import EmbeddedIssuer

MAX_FORM: Final = 64 * 1024
"""Bytes of the longest token request that is read."""

MAX_FIELDS: Final = 100
"""Parameters of the longest token request; SDKs send about a dozen."""

NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 5.1
CACHED: Final = {"cache-control": "private, max-age=300"}


def issuer_app(issuer: EmbeddedIssuer) -> Starlette:
    """Build the ASGI application of the embedded issuer, to be mounted at the root of its ``base_url``."""
    surface = _Surface(issuer)
    return Starlette(
        routes=[
            Route("/common/discovery/instance", surface.instance, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/token", surface.token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", surface.configuration, methods=["GET"]),
            Route("/{tenant}/discovery/v2.0/keys", surface.keys, methods=["GET"]),
        ]
    )


class _Surface:
    def __init__(self, issuer: EmbeddedIssuer) -> None:
        self._issuer = issuer

    async def token(self, request: Request) -> Response:
        try:
            form = _fields(await _body(request))
            answer = await self._issuer.token(
                request.path_params["tenant"],
                form,
                authorization=request.headers.get("authorization"),
                address=_address(request),
            )
        except TokenRefused as refused:
            return self._refuse(request, refused)
        except Unavailable:
            return self._refuse(request, TokenRefused(refusals.TRANSIENT))
        return _json(answer, 200, NO_STORE)

    async def configuration(self, request: Request) -> Response:
        try:
            answer = await self._issuer.openid_configuration(request.path_params["tenant"])
        except TokenRefused as refused:
            return self._refuse(request, refused)
        except Unavailable:
            return self._refuse(request, TokenRefused(refusals.TRANSIENT))
        return _json(answer, 200, CACHED)

    async def keys(self, request: Request) -> Response:  # noqa: ARG002 - all tenants have the same keys
        return _json(self._issuer.jwks(), 200, CACHED)

    async def instance(self, request: Request) -> Response:
        """Tell MSAL that this authority is one (https://learn.microsoft.com/entra/msal instance discovery)."""
        path = urlsplit(request.query_params.get("authorization_endpoint", "")).path
        tenant = quote(path.strip("/").partition("/")[0] or "common", safe="")
        host = urlsplit(self._issuer.base_url).netloc
        answer: dict[str, object] = {
            "tenant_discovery_endpoint": f"{self._issuer.base_url}/{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
        return _json(answer, 200, CACHED)

    def _refuse(self, request: Request, refused: TokenRefused) -> Response:
        correlation = request.headers.get("client-request-id") or request.query_params.get("client-request-id")
        headers = dict(NO_STORE)
        if refused.refusal.status == 401:
            headers["www-authenticate"] = "Basic"  # RFC 6749 5.2
        if refused.retry_after is not None:
            headers["retry-after"] = str(refused.retry_after)
        return _json(self._issuer.refusal(refused, correlation), refused.refusal.status, headers)


def _json(document: dict[str, object], status: int, headers: dict[str, str]) -> Response:
    body = msgspec.json.encode(document)
    fixed = {name.decode(): value.decode() for name, value in (NO_SNIFF,)}
    return Response(body, status, headers=headers | fixed, media_type="application/json; charset=utf-8")


def _address(request: Request) -> str:
    """Return the machine that asks (behind a proxy: ``proxied.py``)."""
    return "" if request.client is None else request.client.host


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM:
                raise TokenRefused(refusals.MALFORMED, f"The body is longer than {MAX_FORM} bytes.")
    except TooSlow as error:
        raise TokenRefused(refusals.MALFORMED, error.message) from None
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    """Read a form; a parameter must not be there twice (RFC 6749 3.2)."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise TokenRefused(refusals.MALFORMED, "The body is not a form in UTF-8.") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise TokenRefused(refusals.DUPLICATE_PARAMETER, name)
        fields[name] = value
    return fields
