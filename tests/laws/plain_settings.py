"""How a setting is written, in plain dicts: from ADR 4 and the reference pages, not from the code.

An absent member keeps its value, an object merges, a list is replaced whole, and null gives back the value that stands
there while nobody configured it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any


def everyone(half: str, access: str) -> dict[str, Any]:
    """Return one half of a setting that names everybody, or every application."""
    names = {"applications": ("AllApplications", "application")}
    target, kind = names.get(half, ("AllUsers", "user"))
    return {half: {"accessType": access, "targets": [{"target": target, "targetType": kind}]}}


def whole(access: str) -> dict[str, Any]:
    """Return a setting that allows or blocks everything."""
    return everyone("usersAndGroups", access) | everyone("applications", access)


TRUST = dict.fromkeys(("isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted"))
CONSENT = dict.fromkeys(("inboundAllowed", "outboundAllowed"))
B2B = tuple(f"b2b{channel}{way}" for channel in ("Collaboration", "DirectConnect") for way in ("Outbound", "Inbound"))
NEW: dict[str, dict[str, Any]] = {
    "inboundTrust": TRUST,
    "automaticUserConsentSettings": CONSENT,
    "tenantRestrictions": {"devices": None},
    "devices": {"mode": None, "rule": None},
    "inboundAccess": {"isAllowed": None, "resourceScopes": None},
    "userSyncInbound": {"isSyncAllowed": None},
}
"""The members that an object has from the beginning; the halves of a setting are left out while nobody wrote them."""

HALVES = ("usersAndGroups", "applications", "users")
SYNCS = ("groupSyncInbound", "roleEnabledGroupSyncInbound")


class Refused(Exception):
    """The write is refused as a whole."""


def patched(now: dict[str, Any], body: dict[str, Any], blank: dict[str, Any]) -> dict[str, Any]:
    """Return a document after a write.

    Args:
        now: the document before.
        body: what is written.
        blank: the document that nobody configured.

    Raises:
        Refused: a half of a setting would be left without list or access type.
    """
    after = deepcopy(now)
    for name, value in body.items():
        after[name] = _value(name, after.get(name), value, blank.get(name))
        if after[name] is None and name in HALVES:
            del after[name]
    return after


def _value(name: str, now: Any, value: Any, blank: Any) -> Any:
    if value is None:
        return deepcopy(blank)
    if not isinstance(value, dict):
        return deepcopy(value)
    before = now if isinstance(now, dict) else NEW.get(name, {})
    after = patched(before, value, blank if isinstance(blank, dict) else NEW.get(name, {}))
    if now is None and all(member is None for member in after.values()):
        return deepcopy(blank)
    if name in HALVES and not after.keys() >= {"accessType", "targets"}:
        raise Refused(name)
    if name in SYNCS and after.get("isSyncAllowed") is None:
        raise Refused(name)
    return after
