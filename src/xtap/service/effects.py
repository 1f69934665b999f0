"""What does a change of an organization do to one of its tenants? Facts in order, carried out in the tenant's scope.

An effect is written in the same transaction as the change of the organization, and carried out afterwards in a
transaction of its tenant, which also notes how far it came. So each effect happens exactly once, whenever the server
dies between the two (docs/adr/0011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct, json

from xtap.model import pristine, templates
from xtap.model.audit import Activity, Author, Event
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import SINGLETON, Kind
from xtap.model.policies import BetaIdentitySync, BetaPartner, PartnerTemplate, SyncTemplate
from xtap.service.audit import Modification, authored, told
from xtap.store.protocol import Change, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xtap.service.context import Service
    from xtap.store.snapshot import Snapshot


class Told(Struct, frozen=True, rename="camel", tag=True):
    """The organization changed: the audit log of ``tenant`` tells of it."""

    tenant: TenantId
    author: Author
    event: Event


class Joined(Struct, frozen=True, rename="camel", tag=True):
    """``tenant`` and ``fellow`` are in the same organization from now on: the templates of ``tenant`` are applied."""

    tenant: TenantId
    author: Author
    fellow: TenantId


class Left(Struct, frozen=True, rename="camel", tag=True):
    """``tenant`` and ``fellow`` are no longer in the same organization."""

    tenant: TenantId
    author: Author
    fellow: TenantId


Effect: TypeAlias = Told | Joined | Left

decode: Final = json.Decoder(Effect).decode


def unknown_author(author: Author) -> Author:
    """Return who made a change, for the logs of other tenants: the organization, without the names of its people."""
    return Author(author.request_id, DIRECTORY, DIRECTORY, "Multitenant organization", is_application=True)


def carry_out(service: Service, effects: Sequence[tuple[str, Effect]], snapshot: Snapshot) -> Change:
    """Return the change that carries out a tenant's effects, without those that were carried out before.

    Args:
        service: gives time and ids to the records.
        effects: of the tenant, by their keys, in order.
        snapshot: the state of the tenant.
    """
    noted = snapshot.get(Kind.CARRIED_OUT, SINGLETON)
    last = "" if noted is None else json.decode(noted, type=str)
    changes: list[Change] = []
    for key, effect in effects:
        if key > last:
            for change in _changes(service, effect, snapshot):
                snapshot = snapshot.apply(change)
                changes.append(change)
            last = key
    if noted == json.encode(last):
        return Change(())
    writes = (write for change in changes for write in change.writes)
    entries = (entry for change in changes for entry in change.audit)
    return Change((*writes, Write(Kind.CARRIED_OUT, SINGLETON, json.encode(last))), tuple(entries))


def _changes(service: Service, effect: Effect, snapshot: Snapshot) -> list[Change]:
    match effect:
        case Told():
            return [Change((), (told(service, effect.author, effect.event),))]
        case Joined():
            fellow = Change((Write(Kind.FELLOW, effect.fellow, b"true"),))
            return [fellow, *_changes_of(service, effect.author, _joining(snapshot, effect.fellow))]
        case Left():
            stranger = Change((Write(Kind.FELLOW, effect.fellow, None),))
            return [stranger, *_changes_of(service, effect.author, _leaving(snapshot, effect.fellow))]


def _changes_of(service: Service, author: Author, done: Sequence[Modification]) -> list[Change]:
    return [authored(service, author, each) for each in done if each.before != each.after]


def _joining(snapshot: Snapshot, fellow: TenantId) -> list[Modification]:
    """Return what the tenant's templates make of its partner entry and synchronization policy."""
    stored = snapshot.get(Kind.PARTNER_TEMPLATE, SINGLETON)
    template = (
        pristine.partner_template(snapshot.tenant) if stored is None else json.decode(stored, type=PartnerTemplate)
    )
    before = _partner(snapshot, fellow)
    after = templates.partner_after_joining(template, before, fellow)
    activity = Activity.ADD_PARTNER if before is None else Activity.UPDATE_PARTNER
    return [
        Modification(activity, Kind.PARTNER, fellow, before, after),
        _syncing(snapshot, fellow, is_new=before is None),
    ]


def _syncing(snapshot: Snapshot, fellow: TenantId, *, is_new: bool) -> Modification:
    stored = snapshot.get(Kind.SYNC_TEMPLATE, SINGLETON)
    template = pristine.sync_template(snapshot.tenant) if stored is None else json.decode(stored, type=SyncTemplate)
    there = snapshot.get(Kind.IDENTITY_SYNC, fellow)
    before = None if there is None else json.decode(there, type=BetaIdentitySync)
    after = templates.sync_after_joining(template, before, fellow, is_new=is_new)
    activity = Activity.CREATE_SYNC if before is None else Activity.UPDATE_SYNC
    return Modification(activity, Kind.IDENTITY_SYNC, fellow, before, after)


def _leaving(snapshot: Snapshot, fellow: TenantId) -> list[Modification]:
    before = _partner(snapshot, fellow)
    if before is None:
        return []
    after = templates.partner_after_leaving(before)
    return [Modification(Activity.UPDATE_PARTNER, Kind.PARTNER, fellow, before, after)]


def _partner(snapshot: Snapshot, fellow: TenantId) -> BetaPartner | None:
    stored = snapshot.get(Kind.PARTNER, fellow)
    return None if stored is None else json.decode(stored, type=BetaPartner)
