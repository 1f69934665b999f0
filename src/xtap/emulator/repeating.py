"""How does a test run look the same every time? A clock that stands until it is moved, and ids that follow from it."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from msgspec import json

from xtap.model.audit import AuditRecord
from xtap.model.ids import DIRECTORY
from xtap.service import tenants

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.store.protocol import Store


async def standing(store: Store, start: datetime) -> tuple[datetime, Callable[[], str]]:
    """Return the time at which the clock stands, and what makes new ids: the same for the same store and start.

    A server that starts again on what an earlier one wrote stands at the last record, because records stand in the
    order of time, and makes other ids.

    Args:
        store: where the tenants are.
        start: with a time zone.
    """
    version, latest = 0, start
    for tenant in (DIRECTORY, *(each.id for each in await tenants.listing(store))):
        snapshot = await store.snapshot(tenant)
        version += snapshot.version
        if snapshot.sequence:
            ((_, entry),) = await store.audit(tenant, after=snapshot.sequence - 1, limit=1)
            latest = max(latest, datetime.fromisoformat(json.decode(entry.document, type=AuditRecord).time))
    numbers = count(1)
    return latest, lambda: str(uuid5(UUID(DIRECTORY), f"{start.isoformat()} {version} {next(numbers)}"))
