"""Where do deleted objects wait to be restored, and until when? For 30 days, beside an index of what expires first.

Nothing runs in the background: what has expired is not shown, and goes with the next write to the bin.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import json, structs

from xtap.model.objects import Kind
from xtap.store.protocol import Change, Write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from xtap.model.policies import BetaDelegatedAdminConstraints, BetaIdentitySync, BetaPartner
    from xtap.store.snapshot import Snapshot

    Deletable: TypeAlias = BetaPartner | BetaIdentitySync | BetaDelegatedAdminConstraints

RESTORABLE: Final = timedelta(days=30)
"""How long a deleted object waits (wire.md section 2.3)."""

BINS: Final[Mapping[Kind, Kind]] = MappingProxyType(
    {
        Kind.PARTNER: Kind.DELETED_PARTNER,
        Kind.IDENTITY_SYNC: Kind.DELETED_IDENTITY_SYNC,
        Kind.CONSTRAINTS: Kind.DELETED_CONSTRAINTS,
    }
)
"""Where deleted objects of a kind wait."""

NOT_HISTORY: Final = frozenset({*BINS.values(), Kind.EXPIRY, Kind.CAPABILITY})
"""Kinds that no past version of a tenant has: the bin, and what moves into it with a partner, are about now."""

_INDEXED: Final = b"{}"


DEFAULT_OWNER: Final = "default"
"""The owner of the default policy's capabilities; a partner's are owned by its tenant id."""


def owned_key(owner: str, name: str) -> str:
    """Return the key of a capability: its owner, and its name."""
    return f"{owner}/{name}"


def without_expired(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return the state as it is shown: without deleted objects whose time is over."""
    gone = tuple(_expired(snapshot, now))
    return snapshot.apply(Change(gone)) if gone else snapshot


def put_away(snapshot: Snapshot, now: datetime, kind: Kind, key: str, document: Deletable) -> tuple[Write, ...]:
    """Return the writes that put an object into the bin, in place of an older one with its key."""
    moment = _stamp(now)
    deleted = structs.replace(document, deleted_date_time=moment)
    return (
        *take_out(snapshot, now, kind, key),
        Write(BINS[kind], key, json.encode(deleted)),
        Write(Kind.EXPIRY, _place(moment, BINS[kind], key), _INDEXED),
        *_moved(snapshot, key, waiting(key), kind),
    )


def take_out(snapshot: Snapshot, now: datetime, kind: Kind, key: str) -> tuple[Write, ...]:
    """Return the writes that remove an object from the bin, and with it what it owned and everything that expired."""
    owned = _out(snapshot, Kind.CONSTRAINTS, key) if kind is Kind.PARTNER else ()
    writes = (*_expired(snapshot, now), *_moved(snapshot, waiting(key), None, kind), *_out(snapshot, kind, key), *owned)
    return tuple(dict.fromkeys(writes))


def bring_back(snapshot: Snapshot, now: datetime, kind: Kind, key: str) -> tuple[Write, ...]:
    """Return the writes that take an object out of the bin, and bring back the capabilities that went with it.

    The constraints of a partner stay in the bin until they are restored themselves (docs/adr/0016).
    """
    writes = (*_expired(snapshot, now), *_moved(snapshot, waiting(key), key, kind), *_out(snapshot, kind, key))
    return tuple(dict.fromkeys(writes))


def _out(snapshot: Snapshot, kind: Kind, key: str) -> Iterator[Write]:
    """Take one object out of its bin, and out of the index of what expires."""
    stored = snapshot.get(BINS[kind], key)
    if stored is not None:
        moment: str = json.decode(stored)["deletedDateTime"]
        yield Write(BINS[kind], key, None)
        yield Write(Kind.EXPIRY, _place(moment, BINS[kind], key), None)


def _moved(snapshot: Snapshot, source: str, target: str | None, kind: Kind) -> Iterator[Write]:
    """Give the capabilities of one owner to another, or to nobody; only partners have some."""
    if kind is not Kind.PARTNER:
        return
    prefix = owned_key(source, "")
    for key, document in snapshot.scan(Kind.CAPABILITY, prefix):
        if not key.startswith(prefix):
            return
        yield Write(Kind.CAPABILITY, key, None)
        if target is not None:
            yield Write(Kind.CAPABILITY, owned_key(target, key.removeprefix(prefix)), document)


def waiting(key: str) -> str:
    """Return the owner of the capabilities of a deleted partner."""
    return f"deleted {key}"


def _expired(snapshot: Snapshot, now: datetime) -> Iterator[Write]:
    last = _stamp(now - RESTORABLE)
    for place, _ in snapshot.scan(Kind.EXPIRY):
        moment, kind, key = place.split("|")
        if moment > last:
            return
        yield Write(Kind.EXPIRY, place, None)
        yield Write(Kind(kind), key, None)
        if Kind(kind) is Kind.DELETED_PARTNER:
            yield from _moved(snapshot, waiting(key), None, Kind.PARTNER)


def _place(moment: str, kind: Kind, key: str) -> str:
    """Return a key of the index, which sorts by time."""
    return f"{moment}|{kind}|{key}"


def _stamp(moment: datetime) -> str:
    """Write a time as the service does: UTC, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
