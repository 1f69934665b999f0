"""What is recorded of a change: a directoryAudit, written in the same transaction as the change itself.

Shape and activity names: audit activity reference and resource page directoryAudit. The name for the root policy is
ours: the reference lists none.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct, json, to_builtins

from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write

if TYPE_CHECKING:
    from xtap.model.schema import Document, Json
    from xtap.service.context import Call, Service


class Activity(Enum):
    """What can be done to an object: (category, activityDisplayName, operationType)."""

    UPDATE_POLICY = ("CrossTenantAccessSettings", "Update the company cross-tenant access setting", "Update")
    UPDATE_DEFAULT = ("CrossTenantAccessSettings", "Update the company default cross-tenant access setting", "Update")
    RESET_DEFAULT = ("CrossTenantAccessSettings", "Reset the cross-tenant access default setting", "Update")
    ADD_PARTNER = ("CrossTenantAccessSettings", "Add a partner to cross-tenant access setting", "Add")
    UPDATE_PARTNER = ("CrossTenantAccessSettings", "Update a partner cross-tenant access setting", "Update")
    DELETE_PARTNER = ("CrossTenantAccessSettings", "Delete partner specific cross-tenant access setting", "Delete")
    CREATE_SYNC = ("CrossTenantIdentitySyncSettings", "Create a partner cross-tenant identity sync setting", "Add")
    UPDATE_SYNC = ("CrossTenantIdentitySyncSettings", "Update a partner cross-tenant identity sync setting", "Update")
    DELETE_SYNC = ("CrossTenantIdentitySyncSettings", "Delete a partner cross-tenant identity sync setting", "Delete")
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


class Modification(Struct, frozen=True):
    """One object before and after: None before if it is new, None after if it is gone."""

    activity: Activity
    kind: Kind
    key: str
    before: Struct | None
    after: Struct | None


def change(service: Service, call: Call, done: Modification) -> Change:
    """Return the change that stores the modification and tells of it."""
    document = None if done.after is None else json.encode(done.after)
    return Change((Write(done.kind, done.key, document),), (_record(service, call, done),))


def _record(service: Service, call: Call, done: Modification) -> AuditEntry:
    category, name, operation = done.activity.value
    record_id = service.new_id()
    old, new = _document(done.before), _document(done.after)
    document = {
        "id": record_id,
        "category": category,
        "correlationId": call.request_id,
        "result": "success",
        "resultReason": "",
        "activityDisplayName": name,
        "activityDateTime": service.now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "loggedByService": "Core Directory",
        "operationType": operation,
        "initiatedBy": _initiator(call),
        "targetResources": [
            {
                "id": done.key or None,
                "displayName": None,
                "type": "Policy",
                "userPrincipalName": None,
                "groupType": None,
                "modifiedProperties": [
                    {"displayName": name, "oldValue": _text(old.get(name)), "newValue": _text(new.get(name))}
                    for name in (new or old)
                    if old.get(name) != new.get(name)
                ],
            }
        ],
        "additionalDetails": [],
    }
    return AuditEntry(record_id, json.encode(document))


def _initiator(call: Call) -> Document:
    caller = call.caller
    if caller.is_application:
        return {
            "app": {
                "appId": caller.client_id,
                "displayName": caller.name,
                "servicePrincipalId": caller.object_id,
                "servicePrincipalName": None,
            },
            "user": None,
        }
    return {
        "app": None,
        "user": {"id": caller.object_id, "displayName": None, "userPrincipalName": caller.name, "ipAddress": None},
    }


def _document(struct: Struct | None) -> Document:
    built: Document = {} if struct is None else to_builtins(struct)
    return built


def _text(value: Json) -> str | None:
    """Old and new values travel as JSON text: a string is quoted (published detections rely on it)."""
    return None if value is None else json.encode(value).decode()
