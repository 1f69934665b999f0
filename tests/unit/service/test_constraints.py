"""Constraints of service providers in time: when they were made, changed and deleted, and until when they wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import json

from xtap.errors import NotFound
from xtap.model.audit import AuditRecord
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.model.versions import V1
from xtap.service import constraints, deleted_items, partners
from xtap.service.caller import Caller
from xtap.service.context import Call, Service
from xtap.service.deleted_items import CONSTRAINTS, PARTNERS
from xtap.service.history import History
from xtap.service.permissions import PERMISSIONS
from xtap.service.recycle_bin import NOT_HISTORY
from xtap.store.memory import MemoryStore

if TYPE_CHECKING:
    from xtap.model.schema import Document

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
PARTNER = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
ROLE = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
SOME: Document = {"allowedRoleTemplateIds": [ROLE]}
CALL = Call(Caller(TENANT, "o", "c", "n", is_application=True, permissions=frozenset(PERMISSIONS)), V1, "request-1")


class Clocked:
    """A service in memory whose clock stands until it is moved, with a partner."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.service = Service(MemoryStore(), now=lambda: self.moment)

    async def update(self, body: Document) -> None:
        await constraints.update(self.service, CALL, PARTNER, body)

    async def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = json.decode(await constraints.read(self.service, CALL, PARTNER))
        return found

    async def kept(self) -> set[Kind]:
        """Return the kinds of what waits to be restored."""
        snapshot = await self.service.store.snapshot(TENANT)
        return {kind for kind in NOT_HISTORY if snapshot.count(kind)}


@pytest.fixture
async def clocked() -> Clocked:
    made = Clocked()
    await partners.create(made.service, CALL, {"tenantId": PARTNER})
    return made


async def test_times_tell_of_the_first_and_of_the_last_change(clocked: Clocked) -> None:
    await clocked.update({})
    clocked.moment += timedelta(seconds=1)
    await clocked.update({"allowedRoleTemplateIds": []})
    first = await clocked.shown()
    await clocked.update(SOME)
    second = await clocked.shown()
    assert {each["createdDateTime"] for each in (first, second)} == {"2026-01-01T12:00:00Z"}
    assert [each["lastModifiedDateTime"] for each in (first, second)] == [f"2026-01-01T12:00:0{n}Z" for n in (0, 1)]
    assert first["id"] == second["id"]


async def test_they_expire_after_30_days(clocked: Clocked) -> None:
    await clocked.update(SOME)
    await constraints.delete(clocked.service, CALL, PARTNER)
    clocked.moment += timedelta(days=30)
    for operation in (deleted_items.restore, deleted_items.remove, deleted_items.read):
        with pytest.raises(NotFound):
            await operation(clocked.service, CALL, CONSTRAINTS, PARTNER)
    with pytest.raises(NotFound):
        await constraints.update_deleted(clocked.service, CALL, PARTNER, SOME)
    await partners.delete(clocked.service, CALL, PARTNER)
    assert Kind.DELETED_CONSTRAINTS not in await clocked.kept()


async def test_they_leave_the_bin_with_a_partner_that_is_removed_for_good(clocked: Clocked) -> None:
    await clocked.update(SOME)
    await partners.delete(clocked.service, CALL, PARTNER)
    assert Kind.DELETED_CONSTRAINTS in await clocked.kept()
    await deleted_items.remove(clocked.service, CALL, PARTNERS, PARTNER)
    assert await clocked.kept() == set()


async def test_those_of_a_later_deletion_take_the_place_of_earlier_ones(clocked: Clocked) -> None:
    await clocked.update(SOME)
    await constraints.delete(clocked.service, CALL, PARTNER)
    await clocked.update({})
    clocked.moment += timedelta(days=1)
    await partners.delete(clocked.service, CALL, PARTNER)
    waiting = json.decode(await deleted_items.read(clocked.service, CALL, CONSTRAINTS, PARTNER))
    assert (waiting["allowedRoleTemplateIds"], waiting["deletedDateTime"]) == ([], "2026-01-02T12:00:00Z")
    clocked.moment += timedelta(days=30)
    await partners.create(clocked.service, CALL, {"tenantId": PARTNER})
    await partners.delete(clocked.service, CALL, PARTNER)
    assert await clocked.kept() == {Kind.DELETED_PARTNER, Kind.EXPIRY}


async def test_the_past_has_them(clocked: Clocked) -> None:
    await clocked.update(SOME)
    with_them = (await clocked.service.store.snapshot(TENANT)).sequence
    await constraints.delete(clocked.service, CALL, PARTNER)
    past = await History(clocked.service.store).at_version(TENANT, with_them)
    assert json.decode(past.get(Kind.CONSTRAINTS, PARTNER) or b"{}")["allowedRoleTemplateIds"] == [ROLE]
    assert (await History(clocked.service.store).at_version(TENANT, with_them - 1)).get(
        Kind.CONSTRAINTS, PARTNER
    ) is None


async def test_every_change_is_recorded_once(clocked: Clocked) -> None:
    await clocked.update(SOME)
    await clocked.update(SOME)
    await clocked.update({"allowedRoleTemplateIds": []})
    await constraints.delete(clocked.service, CALL, PARTNER)
    await constraints.update_deleted(clocked.service, CALL, PARTNER, SOME)
    await deleted_items.restore(clocked.service, CALL, CONSTRAINTS, PARTNER)
    await constraints.delete(clocked.service, CALL, PARTNER)
    await deleted_items.remove(clocked.service, CALL, CONSTRAINTS, PARTNER)
    entries = [entry for _, entry in await clocked.service.store.audit(TENANT)][1:]
    names = [json.decode(entry.document, type=AuditRecord).activity for entry in entries]
    assert names == [
        f"{each}_CONSTRAINTS" for each in ("ADD", "UPDATE", "DELETE", "UPDATE", "RESTORE", "DELETE", "PURGE")
    ]
