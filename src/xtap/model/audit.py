"""What is known of a past change, and how it looks in the audit log.

A record keeps facts: who, when, what, and the whole object before and after, so that any past state can be had again.
The directoryAudit that clients read is made from it when they read (resource page directoryAudit; activity
names: audit activity reference. The name for the root policy is ours: the reference lists none).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Raw, Struct, json

from xtap.model.objects import Kind

if TYPE_CHECKING:
    from xtap.model.schema import Document, Json


class Activity(Enum):
    """What can be done to an object: (category, activityDisplayName, operationType)."""

    UPDATE_POLICY = ("CrossTenantAccessSettings", "Update the company cross-tenant access setting", "Update")
    UPDATE_DEFAULT = ("CrossTenantAccessSettings", "Update the company default cross-tenant access setting", "Update")
    RESET_DEFAULT = ("CrossTenantAccessSettings", "Reset the cross-tenant access default setting", "Update")
    ADD_PARTNER = ("CrossTenantAccessSettings", "Add a partner to cross-tenant access setting", "Add")
    UPDATE_PARTNER = ("CrossTenantAccessSettings", "Update a partner cross-tenant access setting", "Update")
    DELETE_PARTNER = ("CrossTenantAccessSettings", "Delete partner specific cross-tenant access setting", "Delete")
    RESTORE_PARTNER = ("CrossTenantAccessSettings", "Restore partner specific cross-tenant access setting", "Restore")
    PURGE_PARTNER = ("CrossTenantAccessSettings", "Hard Delete partner specific cross-tenant access setting", "Delete")
    CREATE_SYNC = ("CrossTenantIdentitySyncSettings", "Create a partner cross-tenant identity sync setting", "Add")
    UPDATE_SYNC = ("CrossTenantIdentitySyncSettings", "Update a partner cross-tenant identity sync setting", "Update")
    DELETE_SYNC = ("CrossTenantIdentitySyncSettings", "Delete a partner cross-tenant identity sync setting", "Delete")
    RESTORE_SYNC = (
        "CrossTenantIdentitySyncSettings",
        "Restore a partner cross-tenant identity sync setting",
        "Restore",
    )
    PURGE_SYNC = (
        "CrossTenantIdentitySyncSettings",
        "Hard Delete a partner cross-tenant identity sync setting",
        "Delete",
    )
    ADD_CAPABILITY = ("CrossTenantAccessSettings", "Add a Microsoft 365 capability", "Add")
    UPDATE_CAPABILITY = ("CrossTenantAccessSettings", "Update a Microsoft 365 capability", "Update")
    DELETE_CAPABILITY = ("CrossTenantAccessSettings", "Delete a Microsoft 365 capability", "Delete")
    EMULATE = ("CrossTenantAccessSettings", "Set by the emulator", "Update")
    UPDATE_PARTNER_TEMPLATE = (
        "MultiTenantOrgPartnerConfigurationTemplate",
        "Update a multi tenant org partner configuration template",
        "Update",
    )
    RESET_PARTNER_TEMPLATE = (
        "MultiTenantOrgPartnerConfigurationTemplate",
        "Reset a multi tenant org partner configuration template",
        "Update",
    )
    UPDATE_SYNC_TEMPLATE = (
        "MultiTenantOrgIdentitySyncPolicyUpdate",
        "Update a multi tenant org identity sync policy template",
        "Update",
    )
    RESET_SYNC_TEMPLATE = (
        "MultiTenantOrgIdentitySyncPolicyUpdate",
        "Reset a multi tenant org identity sync policy template",
        "Update",
    )


NOTHING = Raw(b"null")
"""The document of an object that is not there."""


class AuditRecord(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One change of one object.

    Attributes:
        id: of the record, a GUID.
        time: when, UTC, RFC 3339 with microseconds.
        activity: what was done, the name of an ``Activity``.
        kind: of the object.
        key: the partner's tenant id, or empty for a singleton.
        request_id: of the request that did it.
        client_id: the application that asked.
        object_id: of the user, or of the application's service principal.
        name: of the user or application.
        is_application: whether an application acted without a user.
        before: the stored document before, ``null`` if it is new.
        after: the stored document after, ``null`` if it is gone.
    """

    id: str
    time: str
    activity: str
    kind: Kind
    key: str
    request_id: str
    client_id: str
    object_id: str
    name: str | None = None
    is_application: bool = False
    before: Raw = NOTHING
    after: Raw = NOTHING


def directory_audit(record: AuditRecord) -> Document:
    """Return the record as a directoryAudit, with the properties that changed as JSON text."""
    category, activity, operation = Activity[record.activity].value
    old, new = _document(record.before), _document(record.after)
    # Published detections take the partner from the first property, so its key is told even where it did not change.
    changed: list[Json] = [
        {"displayName": name, "oldValue": _text(old.get(name)), "newValue": _text(new.get(name))}
        for name in (new or old)
        if old.get(name) != new.get(name) or name == "tenantId"
    ]
    target: Document = {
        "id": record.key or None,
        "displayName": None,
        "type": "Policy",
        "userPrincipalName": None,
        "groupType": None,
        "modifiedProperties": changed,
    }
    return {
        "id": record.id,
        "category": category,
        "correlationId": record.request_id,
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": record.time,
        "loggedByService": "Core Directory",
        "operationType": operation,
        "initiatedBy": _initiator(record),
        "targetResources": [target],
        "additionalDetails": [],
    }


def _initiator(record: AuditRecord) -> Document:
    if record.is_application:
        app: Document = {
            "appId": record.client_id,
            "displayName": record.name,
            "servicePrincipalId": record.object_id,
            "servicePrincipalName": None,
        }
        return {"app": app, "user": None}
    user: Document = {
        "id": record.object_id,
        "displayName": None,
        "userPrincipalName": record.name,
        "ipAddress": None,
    }
    return {"app": None, "user": user}


def _document(raw: Raw) -> Document:
    document: Document | None = json.decode(raw)
    return document or {}


def _text(value: Json) -> str | None:
    """Old and new values travel as JSON text: a string is quoted (published detections rely on it)."""
    return None if value is None else json.encode(value).decode()
