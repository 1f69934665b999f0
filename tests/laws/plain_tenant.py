"""One tenant in plain dicts: what each request answers, and what is there afterwards, written from the reference.

Every method is one operation and returns the status of its answer; those that answer with an object leave it in
``answer``. The clock belongs to the world (``plain_world``).
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.laws.plain_settings import B2B, CONSENT, TRUST, Refused, everyone, patched, whole

if TYPE_CHECKING:
    from collections.abc import Callable

BETA = frozenset(
    {
        *("blockServiceProviderOutboundAccess", "groupSyncInbound", "roleEnabledGroupSyncInbound"),
        *("externalCloudAuthorizedApplicationId", "deletedDateTime", "definition"),
    }
)
"""What only beta shows, and only beta lets be written."""

RESTORABLE = timedelta(days=30)
DEFAULT: dict[str, Any] = {
    "isServiceDefault": True,
    "inboundTrust": dict.fromkeys(TRUST, False),
    "b2bCollaborationOutbound": whole("allowed"),
    "b2bCollaborationInbound": whole("allowed"),
    "b2bDirectConnectOutbound": whole("blocked"),
    "b2bDirectConnectInbound": whole("blocked"),
    "automaticUserConsentSettings": dict.fromkeys(CONSENT, False),
    "tenantRestrictions": None,
    "invitationRedemptionIdentityProviderConfiguration": {
        "primaryIdentityProviderPrecedenceOrder": [
            *("azureActiveDirectory", "externalFederation", "socialIdentityProviders"),
        ],
        "fallbackIdentityProvider": "defaultConfiguredIdp",
    },
    "m365CollaborationInbound": everyone("users", "blocked"),
    "m365CollaborationOutbound": everyone("usersAndGroups", "allowed"),
    "appServiceConnectInbound": everyone("applications", "blocked"),
    "blockServiceProviderOutboundAccess": False,
}
"""The default policy of a tenant that configured nothing."""

POLICY: dict[str, Any] = {
    "deletedDateTime": None,
    "displayName": "CrossTenantAccessPolicy for",  # and the tenant's id
    "description": None,
    "allowedCloudEndpoints": [],
    "definition": [],
}
RESTRICTED = {"devices": None} | whole("blocked")
"""From what tenant restrictions start when they are first written."""

LEVEL = {"templateApplicationLevel": "newPartners,existingPartners"}
PARTNER_TEMPLATE = LEVEL | dict.fromkeys(("inboundTrust", *B2B)) | {"automaticUserConsentSettings": dict(CONSENT)}
SYNC_TEMPLATE = LEVEL | {"userSyncInbound": {"isSyncAllowed": None}}

SINGLETONS = {
    "policy": POLICY,
    "default": DEFAULT,
    "partner_template": PARTNER_TEMPLATE,
    "sync_template": SYNC_TEMPLATE,
}
"""What a tenant has once, as nobody configured it."""


def partner_of(key: str) -> dict[str, Any]:
    """Return the partner entry that configures nothing."""
    return {
        "tenantId": key,
        "isServiceProvider": None,
        "isInMultiTenantOrganization": False,
        **dict.fromkeys(("inboundTrust", *B2B)),
        "automaticUserConsentSettings": dict(CONSENT),
        **dict.fromkeys(("tenantRestrictions", "m365CollaborationInbound", "m365CollaborationOutbound")),
        "appServiceConnectInbound": None,
        "blockServiceProviderOutboundAccess": None,
        "deletedDateTime": None,
    }


def sync_of(key: str) -> dict[str, Any]:
    """Return the synchronization policy that configures nothing."""
    names = ("displayName", "userSyncInbound", "groupSyncInbound", "roleEnabledGroupSyncInbound")
    return {"tenantId": key, **dict.fromkeys((*names, "externalCloudAuthorizedApplicationId", "deletedDateTime"))}


def stamp(moment: datetime) -> str:
    """Write a time in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class PlainTenant:
    """The policies of one tenant.

    Args:
        key: its tenant id.
        now: the time.
    """

    def __init__(self, key: str, now: Callable[[], datetime]) -> None:
        self.now = now
        named = POLICY | {"displayName": f"{POLICY['displayName']} {key}"}
        self.untouched = SINGLETONS | {"policy": named}
        self.policy, self.default = deepcopy(named), deepcopy(DEFAULT)
        self.partner_template, self.sync_template = deepcopy(PARTNER_TEMPLATE), deepcopy(SYNC_TEMPLATE)
        self.partners: dict[str, dict[str, Any]] = {}
        self.syncs: dict[str, dict[str, Any]] = {}
        self.capabilities: dict[str, dict[str, dict[str, Any]]] = {"default": {}}
        self.deleted_partners: dict[str, dict[str, Any]] = {}
        self.deleted_syncs: dict[str, dict[str, Any]] = {}
        self.deleted_capabilities: dict[str, dict[str, dict[str, Any]]] = {}
        self.fellows: set[str] = set()
        self.answer: dict[str, Any] | None = None

    # --- what a tenant has once ------------------------------------------------------

    def change(self, name: str, body: dict[str, Any]) -> int:
        start = getattr(self, name)
        if name == "default" and start["tenantRestrictions"] is None and body.get("tenantRestrictions"):
            start = start | {"tenantRestrictions": deepcopy(RESTRICTED)}
        written = {"isServiceDefault": False} if name == "default" else {}
        setattr(self, name, patched(start, body, self.untouched[name]) | written)
        return 204

    def reset(self, name: str) -> int:
        setattr(self, name, deepcopy(self.untouched[name]))
        if name == "default":
            self.capabilities["default"] = {}
        return 204

    # --- partners --------------------------------------------------------------------

    def add_partner(self, key: str, body: dict[str, Any]) -> int:
        made = patched(partner_of(key), body, partner_of(key))
        if key in self.partners:
            return 409
        self.partners[key] = made | {"isInMultiTenantOrganization": key in self.fellows}
        self.capabilities[key] = {}
        self.answer = self.partners[key]
        return 201

    def change_partner(self, key: str, body: dict[str, Any]) -> int:
        if key not in self.partners:
            return 404
        self.partners[key] = patched(self.partners[key], body, partner_of(key))
        return 204

    def delete_partner(self, key: str) -> int:
        if key not in self.partners:
            return 404
        if key in self.syncs:
            return 400
        self.deleted_partners[key] = self.partners.pop(key) | {"deletedDateTime": stamp(self.now())}
        self.deleted_capabilities[key] = self.capabilities.pop(key)
        return 204

    # --- synchronization -------------------------------------------------------------

    def put_sync(self, key: str, body: dict[str, Any], version: str) -> int:
        if key not in self.partners:
            return 404
        hidden = self.syncs.get(key, {}) if version == "v1.0" else {}
        start = sync_of(key) | {name: value for name, value in hidden.items() if name in BETA}
        return self._sync(key, patched(start, body, sync_of(key)))

    def change_sync(self, key: str, body: dict[str, Any]) -> int:
        if key not in self.syncs:
            return 404
        return self._sync(key, patched(self.syncs[key], body, sync_of(key)))

    def _sync(self, key: str, after: dict[str, Any]) -> int:
        if self._needs_consent(key, after):
            return 400
        self.syncs[key] = after
        return 204

    def _needs_consent(self, key: str, sync: dict[str, Any]) -> bool:
        wanted = (sync["userSyncInbound"] or {}).get("isSyncAllowed")
        return bool(wanted) and not self.partners[key]["automaticUserConsentSettings"]["inboundAllowed"]

    def delete_sync(self, key: str) -> int:
        if key not in self.syncs:
            return 404
        self.deleted_syncs[key] = self.syncs.pop(key) | {"deletedDateTime": stamp(self.now())}
        return 204

    # --- what was deleted ------------------------------------------------------------

    def expire(self) -> None:
        """Forget what was deleted 30 days ago."""
        for items in (self.deleted_partners, self.deleted_syncs):
            for key in [*items]:
                deleted = datetime.fromisoformat(items[key]["deletedDateTime"])
                if deleted + RESTORABLE <= self.now():
                    del items[key]
        self.deleted_capabilities = {key: self.deleted_capabilities[key] for key in self.deleted_partners}

    def restore_partner(self, key: str) -> int:
        if key not in self.deleted_partners:
            return 404
        if key in self.partners:
            return 409
        self.answer = self.deleted_partners.pop(key) | {"isInMultiTenantOrganization": key in self.fellows}
        self.partners[key] = self.answer | {"deletedDateTime": None}
        self.capabilities[key] = self.deleted_capabilities.pop(key)
        return 200

    def restore_sync(self, key: str) -> int:
        if key not in self.deleted_syncs:
            return 404
        if key in self.syncs or key not in self.partners:
            return 409
        if self._needs_consent(key, self.deleted_syncs[key]):
            return 400
        self.answer = self.deleted_syncs.pop(key)
        self.syncs[key] = self.answer | {"deletedDateTime": None}
        return 200

    def purge_partner(self, key: str) -> int:
        self.deleted_capabilities.pop(key, None)
        return 204 if self.deleted_partners.pop(key, None) else 404

    def purge_sync(self, key: str) -> int:
        return 204 if self.deleted_syncs.pop(key, None) else 404

    # --- Microsoft 365 capabilities --------------------------------------------------

    def add_capability(self, owner: str, name: str, body: dict[str, Any]) -> int:
        if owner not in self.capabilities:
            return 404
        if name in self.capabilities[owner]:
            return 409
        made = {"name": name, "lastModifiedDateTime": self._precisely(), "inboundAccess": None}
        self.answer = self.capabilities[owner][name] = patched(made, body, {})
        return 201

    def change_capability(self, owner: str, name: str, body: dict[str, Any]) -> int:
        before = self.capabilities.get(owner, {}).get(name)
        if before is None:
            return 404
        after = patched(before, body, {})
        if after != before:
            self.capabilities[owner][name] = after | {"lastModifiedDateTime": self._precisely()}
        return 204

    def delete_capability(self, owner: str, name: str) -> int:
        if owner == "default":
            return 405
        return 204 if self.capabilities.get(owner, {}).pop(name, None) else 404

    def _precisely(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")

    # --- what a multitenant organization does to it ----------------------------------

    def meet(self, key: str) -> None:
        """Be in one organization with another tenant from now on: the templates are applied once (R9.6 to R9.8)."""
        self.fellows.add(key)
        is_new = key not in self.partners
        entry = self.partners.get(key) or partner_of(key)
        if is_new:
            self.capabilities[key] = {}
        if self._applies(self.partner_template, is_new=is_new):
            entry = patched(entry, _configured(self.partner_template), partner_of(key))
        self.partners[key] = entry | {"isInMultiTenantOrganization": True}
        wanted = _configured(self.sync_template)
        if wanted and self._applies(self.sync_template, is_new=is_new):
            self.syncs[key] = patched(self.syncs.get(key) or sync_of(key), wanted, sync_of(key))

    def part(self, key: str) -> None:
        """Be no longer in one organization with another tenant: nothing but the mark is undone (R9.9)."""
        self.fellows.discard(key)
        if key in self.partners:
            self.partners[key] = self.partners[key] | {"isInMultiTenantOrganization": False}

    @staticmethod
    def _applies(template: dict[str, Any], *, is_new: bool) -> bool:
        return ("newPartners" if is_new else "existingPartners") in template["templateApplicationLevel"]


def _configured(template: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a template without its nulls."""
    kept = {name: _configured(value) if isinstance(value, dict) else value for name, value in template.items()}
    kept.pop("templateApplicationLevel", None)
    return {name: value for name, value in kept.items() if value not in (None, {})}


__all__ = ["BETA", "PlainTenant", "Refused", "stamp"]
