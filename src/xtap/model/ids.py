"""Which strings name things: tenant ids and object ids, made only by ``parse_…`` functions.

Identifiers are compared without regard to case, so parsing lowers them once and for all.
"""

from __future__ import annotations

import re
from typing import NewType

from xtap.errors import InvalidInput

TenantId = NewType("TenantId", str)
"""A tenant's GUID, lower case, 36 characters."""

GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

DIRECTORY = TenantId("00000000-0000-0000-0000-000000000000")
"""The scope that holds the register of tenants; no token is ever accepted for it."""

PERSONAL_ACCOUNTS = TenantId("9188040d-6c67-4c5b-b112-36a304b66dad")
"""The tenant of personal Microsoft accounts: refused as caller, allowed as partner (semantics R10.4)."""

MICROSOFT_SUPPORT = TenantId("b4c546a4-7dac-46a6-a7dd-ed822a11efd3")
"""The tenant of Microsoft Support, added and removed with a support case (semantics R4.10)."""


def is_guid(text: str) -> bool:
    """Say whether the text is a GUID in its 36-character form, in any case."""
    return GUID.fullmatch(text) is not None


def parse_object_id(text: str) -> str:
    """Read the object id in an address.

    Raises:
        InvalidInput: the text is no GUID.
    """
    if not is_guid(text):
        raise InvalidInput.at("$.id", f"Invalid object identifier '{text[:64]}'. An object id is a GUID.")
    return text.lower()


def parse_tenant_id(text: str, path: str = "$.tenantId") -> TenantId:
    """Read a tenant id.

    Args:
        text: the 36-character form of a GUID, in any case.
        path: where it stands, for the error.

    Raises:
        InvalidInput: the text is no GUID.
    """
    if not is_guid(text):
        raise InvalidInput.at(path, f"Invalid object identifier '{text[:64]}'. A tenant id is a GUID.")
    return TenantId(text.lower())


def no_partner(text: str) -> str:
    """Say why a tenant cannot have this id as a partner: it is its own, or nobody's."""
    return f"'{text}' cannot be a partner: name another tenant than your own."
