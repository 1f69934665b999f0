"""Who lives on this server: the tenants, and the applications of each that may ask the embedded issuer for tokens."""

from __future__ import annotations

import msgspec

from xtap.model.ids import TenantId


class Tenant(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One organization: its id, its name, and its verified domains (the first is the default one)."""

    id: TenantId
    display_name: str
    domains: tuple[str, ...] = ()


class Application(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One registered application of one tenant, for the embedded issuer only.

    ``secret`` is the salted scrypt hash of the client secret, ``permissions`` are the application
    permissions (``roles`` of the token) that it was granted.
    """

    client_id: str
    display_name: str
    object_id: str
    secret: str
    permissions: tuple[str, ...] = ()
