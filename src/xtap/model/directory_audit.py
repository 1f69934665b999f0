"""How does a past change look to who reads the audit log? The directoryAudit, made from a record when it is read.

Published detections read it: the names of activities, the partner in the property ``tenantId``, and old and new
values as JSON text (resource page directoryAudit; public analytics rules). Of whatever is part of it, the policy is the
target, as in a record of the service that was published: a partner is told by the property ``tenantId`` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.model import pristine
from xtap.model.audit import Activity
from xtap.model.enums import GroupType, OperationResult
from xtap.model.ids import TenantId
from xtap.model.objects import Kind

if TYPE_CHECKING:
    from typing import Final

    from msgspec import Raw

    from xtap.model.audit import AuditRecord
    from xtap.model.schema import Document, Json


_OF_THE_POLICY: Final = frozenset({Kind.POLICY, Kind.DEFAULT, Kind.PARTNER, Kind.DELETED_PARTNER})
"""Kinds of objects whose changes are changes of the policy."""


class KeyValue(Struct, frozen=True, rename="camel", gc=False):
    """keyValue: a detail."""

    key: str | None = None
    value: str | None = None


class AppIdentity(Struct, frozen=True, rename="camel", gc=False):
    """appIdentity: the application that acted."""

    app_id: str | None
    display_name: str | None
    service_principal_id: str | None
    service_principal_name: str | None = None


class UserIdentity(Struct, frozen=True, rename="camel", gc=False):
    """userIdentity: the user who acted."""

    id: str | None
    display_name: str | None
    user_principal_name: str | None
    ip_address: str | None = None


class Initiator(Struct, frozen=True, rename="camel", gc=False):
    """auditActivityInitiator: one of both."""

    app: AppIdentity | None
    user: UserIdentity | None


class ModifiedProperty(Struct, frozen=True, rename="camel", gc=False):
    """modifiedProperty: values as JSON text, so a string is quoted; null for no value."""

    display_name: str | None
    old_value: str | None
    new_value: str | None


class TargetResource(Struct, frozen=True, rename="camel", gc=False):
    """targetResource: what was changed."""

    id: str | None
    display_name: str | None
    type: str | None
    user_principal_name: str | None
    group_type: GroupType | None
    modified_properties: tuple[ModifiedProperty, ...]


class DirectoryAudit(Struct, frozen=True, rename="camel", gc=False):
    """directoryAudit: one change."""

    id: str
    category: str
    correlation_id: str | None
    result: OperationResult | None
    result_reason: str | None
    activity_display_name: str
    activity_date_time: str
    logged_by_service: str | None
    operation_type: str | None
    initiated_by: Initiator
    target_resources: tuple[TargetResource, ...]
    additional_details: tuple[KeyValue, ...] = ()


class BetaDirectoryAudit(DirectoryAudit, frozen=True, rename="camel", gc=False):
    """The same in beta; which program a client used is not recorded."""

    user_agent: str | None = None


def directory_audit(record: AuditRecord, tenant: TenantId) -> BetaDirectoryAudit:
    """Return a record of a tenant as a directoryAudit, with the properties that changed."""
    category, activity, operation = Activity[record.activity].value
    key, name = record.key or None, None
    if record.kind in _OF_THE_POLICY:
        untouched = pristine.policy(tenant)
        key, name = untouched.id, untouched.display_name
    target = TargetResource(key, name, "Policy", None, None, tuple(_modified(record)))
    return BetaDirectoryAudit(
        id=record.id,
        category=category,
        correlation_id=record.request_id,
        result=OperationResult.SUCCESS,
        result_reason="",
        activity_display_name=activity,
        activity_date_time=record.time,
        logged_by_service="Core Directory",
        operation_type=operation,
        initiated_by=_initiator(record),
        target_resources=(target,),
    )


def _modified(record: AuditRecord) -> list[ModifiedProperty]:
    """List the partner and what changed; a partner's key is told even where it did not change: detections read it.

    Of a partner that is new, or gone, what nobody configured is left out.
    """
    old, new = _document(record.before), _document(record.after)
    unset: Document = {}
    if record.kind in {Kind.PARTNER, Kind.DELETED_PARTNER} and not (old and new):
        unset = json.decode(json.encode(pristine.partner(TenantId(record.key))))
    return [
        ModifiedProperty(name, _text(old.get(name)), _text(new.get(name)))
        for name in (new or old)
        if name == "tenantId"
        or (old.get(name) != new.get(name) and (name not in unset or unset[name] != (new or old)[name]))
    ]


def _initiator(record: AuditRecord) -> Initiator:
    if record.is_application:
        return Initiator(AppIdentity(record.client_id, record.name, record.object_id), None)
    return Initiator(None, UserIdentity(record.object_id, None, record.name))


def _document(raw: Raw) -> Document:
    document: Document | None = json.decode(raw)
    return document or {}


def _text(value: Json) -> str | None:
    return None if value is None else json.encode(value).decode()
