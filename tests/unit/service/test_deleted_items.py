"""For 30 days a deleted object can come back, by the clock and not by a task; what is done with it is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from msgspec import json

from xtap.errors import NotFound
from xtap.model.audit import AuditRecord
from xtap.model.directory_audit import directory_audit
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.model.versions import BETA
from xtap.service import deleted_items, identity_sync, partners
from xtap.service.caller import Caller
from xtap.service.context import Call, Service
from xtap.service.deleted_items import PARTNERS, SYNC_POLICIES
from xtap.service.history import History
from xtap.service.permissions import PERMISSIONS
from xtap.service.recycle_bin import NOT_HISTORY
from xtap.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import TypeAlias

    from xtap.model.directory_audit import DirectoryAudit
    from xtap.service.deleted_items import Deleted

    Operation: TypeAlias = Callable[[Service, Call, Deleted, TenantId], Awaitable[object]]

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
FIRST = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
SECOND = TenantId("3d0f5dec-5d3d-455c-8016-e2af1ae4d31a")
APP = Caller(TENANT, "object", "client", "Our app", is_application=True, permissions=frozenset(PERMISSIONS))
CALL = Call(APP, BETA, "request-1")
DAY = timedelta(days=1)


class Clocked:
    """A service in memory whose clock stands until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
        ids: Iterator[int] = count(1)
        self.service = Service(MemoryStore(), now=lambda: self.moment, new_id=lambda: f"record-{next(ids)}")

    async def delete(self, *tenant_ids: TenantId, after: timedelta = timedelta()) -> None:
        """Create partners, and delete them."""
        for tenant_id in tenant_ids:
            await partners.create(self.service, CALL, {"tenantId": tenant_id})
            await partners.delete(self.service, CALL, tenant_id)
        self.moment += after

    async def shown(self) -> list[str]:
        """Return the keys of the deleted partners that a client sees."""
        snapshot = await deleted_items.listing(self.service, CALL, PARTNERS)
        assert snapshot.count(Kind.DELETED_PARTNER) == len(list(snapshot.scan(Kind.DELETED_PARTNER)))
        return [key for key, _ in snapshot.scan(Kind.DELETED_PARTNER)]

    async def kept(self) -> list[tuple[Kind, str]]:
        """Return what the store keeps of the bin."""
        snapshot = await self.service.store.snapshot(TENANT)
        return sorted((kind, key) for kind in NOT_HISTORY for key, _ in snapshot.scan(kind))

    async def last_record(self) -> DirectoryAudit:
        """Return the latest record as a client reads it."""
        entries = await self.service.store.audit(TENANT)
        return directory_audit(json.decode(entries[-1][1].document, type=AuditRecord), TENANT)


@pytest.fixture
def clocked() -> Clocked:
    return Clocked()


async def test_after_30_days_a_deleted_partner_is_not_shown(clocked: Clocked) -> None:
    await clocked.delete(FIRST, after=30 * DAY - timedelta(seconds=1))
    assert await clocked.shown() == [FIRST]
    clocked.moment += timedelta(seconds=1)
    assert await clocked.shown() == []
    for operation in (deleted_items.read, deleted_items.restore, deleted_items.remove):
        with pytest.raises(NotFound):
            await operation(clocked.service, CALL, PARTNERS, FIRST)


async def test_a_deleted_partner_is_restored_on_the_last_day(clocked: Clocked) -> None:
    await clocked.delete(FIRST, after=30 * DAY - timedelta(seconds=1))
    await deleted_items.restore(clocked.service, CALL, PARTNERS, FIRST)
    assert await clocked.kept() == []
    clocked.moment += 30 * DAY
    assert json.decode(await partners.read(clocked.service, CALL, FIRST))["deletedDateTime"] is None


async def test_what_has_expired_goes_with_the_next_write_to_the_bin(clocked: Clocked) -> None:
    await clocked.delete(FIRST, after=31 * DAY)
    assert len(await clocked.kept()) == 2
    await clocked.delete(SECOND)
    assert [key for _, key in await clocked.kept() if "|" not in key] == [SECOND]
    assert len(await clocked.kept()) == 2


async def test_each_deletion_has_its_own_30_days(clocked: Clocked) -> None:
    await clocked.delete(FIRST, after=10 * DAY)
    await clocked.delete(SECOND, after=10 * DAY)
    await clocked.delete(FIRST, after=15 * DAY)
    assert await clocked.shown() == [SECOND, FIRST]
    assert len(await clocked.kept()) == 4
    clocked.moment += 5 * DAY
    assert await clocked.shown() == [FIRST]
    clocked.moment += 10 * DAY
    assert await clocked.shown() == []


async def test_a_permanent_delete_leaves_nothing(clocked: Clocked) -> None:
    await clocked.delete(FIRST, SECOND)
    await deleted_items.remove(clocked.service, CALL, PARTNERS, FIRST)
    assert {key.rpartition("|")[2] for _, key in await clocked.kept()} == {SECOND}


async def test_a_partner_deleted_twice_in_one_second_waits_once(clocked: Clocked) -> None:
    await clocked.delete(FIRST, FIRST)
    assert await clocked.shown() == [FIRST]
    clocked.moment += 30 * DAY
    assert await clocked.shown() == []


@pytest.mark.parametrize(
    ("operation", "activity", "kind", "more"),
    [
        (deleted_items.restore, "Restore partner specific cross-tenant access setting", "Restore", []),
        (
            deleted_items.remove,
            "Hard Delete partner specific cross-tenant access setting",
            "Delete",
            ["deletedDateTime"],
        ),
    ],
)
async def test_what_is_done_with_deleted_partners_is_recorded(
    clocked: Clocked, operation: Operation, activity: str, kind: str, more: list[str]
) -> None:
    await clocked.delete(FIRST)
    await operation(clocked.service, CALL, PARTNERS, FIRST)
    record = await clocked.last_record()
    assert (record.activity_display_name, record.operation_type) == (activity, kind)
    assert record.category == "CrossTenantAccessSettings"
    (target,) = record.target_resources
    assert target.display_name == f"CrossTenantAccessPolicy for {TENANT}"
    assert [each.display_name for each in target.modified_properties] == ["tenantId", *more]


async def test_what_is_done_with_deleted_synchronization_policies_is_recorded(clocked: Clocked) -> None:
    await partners.create(clocked.service, CALL, {"tenantId": FIRST})
    await identity_sync.put(clocked.service, CALL, FIRST, {"displayName": "x"})
    names = []
    for operation in (deleted_items.restore, deleted_items.remove):
        await identity_sync.delete(clocked.service, CALL, FIRST)
        await operation(clocked.service, CALL, SYNC_POLICIES, FIRST)
        record = await clocked.last_record()
        names.append((record.category, record.activity_display_name))
    assert names == [
        ("CrossTenantIdentitySyncSettings", "Restore a partner cross-tenant identity sync setting"),
        ("CrossTenantIdentitySyncSettings", "Hard Delete a partner cross-tenant identity sync setting"),
    ]


async def test_the_past_has_the_partner_and_no_deleted_items(clocked: Clocked) -> None:
    await clocked.delete(FIRST)
    await deleted_items.restore(clocked.service, CALL, PARTNERS, FIRST)
    await partners.delete(clocked.service, CALL, FIRST)
    await deleted_items.remove(clocked.service, CALL, PARTNERS, FIRST)
    there = []
    for version in range(6):
        snapshot = await History(clocked.service.store).at_version(TENANT, version)
        there.append(snapshot.get(Kind.PARTNER, FIRST) is not None)
        assert not [*snapshot.scan(Kind.DELETED_PARTNER), *snapshot.scan(Kind.EXPIRY)]
    assert there == [False, True, False, True, False, False]
