"""Which API does a token request mean? From the ``scope`` that clients send to the audience of the token.

SDKs derive the scope from the URL that they call, each in its own way: with or without port, with one or two slashes
before ``.default``. All spellings of one host are one resource here.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from xtap.model.ids import is_guid

SUFFIX: Final = "/.default"

OPENID_SCOPES: Final = frozenset({"openid", "profile", "offline_access", "email"})
"""What MSAL for Go and for Java ask for beside the resource, also for applications; it means nothing there."""

GRAPH_APPLICATION: Final = "00000003-0000-0000-c000-000000000000"
"""The application id of Microsoft Graph, which may stand for its URL in scopes and audiences."""

DEFAULT_AUDIENCES: Final = frozenset(
    {
        "https://localhost",
        "http://localhost",
        "https://127.0.0.1",
        "http://127.0.0.1",
        "https://[::1]",
        "http://[::1]",
        "https://graph.microsoft.com",
        GRAPH_APPLICATION,
    }
)
"""What the embedded issuer issues tokens for, and what this server accepts from it, unless told otherwise."""


def resource_of(scope: str) -> str | None:
    """Return the resource of a client-credentials scope, canonical, None when the scope has not that form.

    ``https://Localhost:8443//.default`` is ``https://localhost``: lower case, no port, no slashes at the end.

    Args:
        scope: ``<resource>/.default``, exactly one.
    """
    return canonical(scope.removesuffix(SUFFIX)) if scope.endswith(SUFFIX) else None


def canonical(resource: str) -> str | None:
    """Return the one spelling of a resource: a GUID, or a URL without port and trailing slashes, in lower case.

    Returns:
        None when it is neither, or has parts that name no resource: user, query, fragment.
    """
    bare = resource.rstrip("/")
    if is_guid(bare):
        return bare.lower()
    try:
        parts = urlsplit(bare)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    plain = bare.isascii() and bare.isprintable() and not set(bare) & set(' \\"<>?#@%')
    if not plain or parts.scheme not in ("https", "http", "api") or not host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{parts.path.lower()}"
