"""What has a tenant configured? Its policies as one document, which every command that reads files understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

from xtap.model.objects import SINGLETON, Kind

if TYPE_CHECKING:
    from xtap.model.directory import Tenant
    from xtap.model.schema import Document
    from xtap.store.snapshot import Snapshot


def document(tenant: Tenant, snapshot: Snapshot) -> Document:
    """Return a tenant's document (``xtap.semantics.loading``): what is not configured is left out.

    Args:
        tenant: as it is registered.
        snapshot: its state.
    """
    found: Document = {"tenantId": tenant.id, "displayName": tenant.display_name, "cloud": str(tenant.cloud)}
    for name, kind in (("policy", Kind.POLICY), ("default", Kind.DEFAULT)):
        stored = snapshot.get(kind, SINGLETON)
        if stored is not None:
            found[name] = json.decode(stored)
    found["partners"] = [_partner(snapshot, key, stored) for key, stored in snapshot.scan(Kind.PARTNER)]
    return found


def _partner(snapshot: Snapshot, key: str, stored: bytes) -> Document:
    partner: Document = json.decode(stored)
    sync = snapshot.get(Kind.IDENTITY_SYNC, key)
    return partner if sync is None else {**partner, "identitySynchronization": json.decode(sync)}
