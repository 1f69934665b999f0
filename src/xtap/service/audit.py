"""How is a change told of? Together with the object, one audit record is written, in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw, Struct, json

from xtap.model.audit import NOTHING, Activity, AuditRecord
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write

if TYPE_CHECKING:
    from xtap.service.context import Call, Service


class Modification(Struct, frozen=True):
    """One object before and after: None before if it is new, None after if it is gone."""

    activity: Activity
    kind: Kind
    key: str
    before: Struct | Raw | None
    after: Struct | Raw | None


def change(service: Service, call: Call, done: Modification) -> Change:
    """Return the change that stores the modification and tells of it."""
    before, after = _encoded(done.before), _encoded(done.after)
    caller = call.caller
    record = AuditRecord(
        id=service.new_id(),
        time=service.now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
        activity=done.activity.name,
        kind=done.kind,
        key=done.key,
        request_id=call.request_id,
        client_id=caller.client_id,
        object_id=caller.object_id,
        name=caller.name,
        is_application=caller.is_application,
        before=NOTHING if before is None else Raw(before),
        after=NOTHING if after is None else Raw(after),
    )
    return Change((Write(done.kind, done.key, after),), (AuditEntry(record.id, json.encode(record)),))


def _encoded(struct: Struct | Raw | None) -> bytes | None:
    return None if struct is None else json.encode(struct)
