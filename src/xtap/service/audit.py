"""How is a change told of? Together with the object, one audit record is written, in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw, Struct, json

from xtap.model.audit import NOTHING, Activity, AuditRecord, Author, Event
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
    return authored(service, author_of(call), done)


def authored(service: Service, author: Author, done: Modification) -> Change:
    """Return the change that stores the modification and tells that this author made it."""
    event = event_of(done)
    after = None if done.after is None else bytes(event.after)
    return Change((Write(done.kind, done.key, after),), (told(service, author, event),))


def told(service: Service, author: Author, event: Event) -> AuditEntry:
    """Return the record of what was done, now."""
    record = AuditRecord(
        id=service.new_id(),
        time=service.now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
        activity=event.activity,
        kind=event.kind,
        key=event.key,
        request_id=author.request_id,
        client_id=author.client_id,
        object_id=author.object_id,
        name=author.name,
        is_application=author.is_application,
        before=event.before,
        after=event.after,
    )
    return AuditEntry(record.id, json.encode(record))


def event_of(done: Modification) -> Event:
    """Return what a modification does, with the documents before and after."""
    before, after = (NOTHING if each is None else Raw(json.encode(each)) for each in (done.before, done.after))
    return Event(done.activity.name, done.kind, done.key, before, after)


def author_of(call: Call) -> Author:
    """Return who makes the changes of a call."""
    caller = call.caller
    return Author(call.request_id, caller.client_id, caller.object_id, caller.name, caller.is_application)
