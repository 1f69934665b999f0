"""Capabilities belong to their owner: they go with a partner, come back with it, and what is done is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import json

from xtap.errors import NotFound
from xtap.model.audit import AuditRecord
from xtap.model.directory_audit import directory_audit
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.model.versions import V1
from xtap.service import capabilities, deleted_items, partners
from xtap.service.caller import Caller
from xtap.service.capabilities import partner
from xtap.service.context import Call, Service
from xtap.service.permissions import PERMISSIONS
from xtap.store.memory import MemoryStore

if TYPE_CHECKING:
    from xtap.model.schema import Document

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
FIRST = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
SECOND = TenantId("3d0f5dec-5d3d-455c-8016-e2af1ae4d31a")
CARD = "crossTenantOpenProfileCard"
CALL = Call(Caller(TENANT, "o", "c", "n", is_application=True, permissions=frozenset(PERMISSIONS)), V1, "request-1")


class Clocked:
    """A service in memory whose clock stands until it is moved, with two partners that have a capability each."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
        self.service = Service(MemoryStore(), now=lambda: self.moment)

    async def prepare(self) -> None:
        for owner in (FIRST, SECOND):
            await partners.create(self.service, CALL, {"tenantId": owner})
            body: Document = {"@odata.type": f"#microsoft.graph.{CARD}", "inboundAccess": {"isAllowed": True}}
            await capabilities.create(self.service, CALL, partner(owner), body)

    async def kept(self) -> list[str]:
        return [key for key, _ in (await self.service.store.snapshot(TENANT)).scan(Kind.CAPABILITY)]


@pytest.fixture
async def clocked() -> Clocked:
    made = Clocked()
    await made.prepare()
    return made


async def test_they_expire_with_their_partner(clocked: Clocked) -> None:
    await partners.delete(clocked.service, CALL, FIRST)
    with pytest.raises(NotFound):
        await capabilities.listing(clocked.service, CALL, partner(FIRST))
    assert len(await clocked.kept()) == 2
    clocked.moment += timedelta(days=30)
    await partners.delete(clocked.service, CALL, SECOND)
    assert await clocked.kept() == [f"deleted {SECOND}/{CARD}"]


async def test_they_are_removed_for_good_with_their_partner(clocked: Clocked) -> None:
    await partners.delete(clocked.service, CALL, FIRST)
    await deleted_items.remove(clocked.service, CALL, deleted_items.PARTNERS, FIRST)
    assert await clocked.kept() == [f"{SECOND}/{CARD}"]


async def test_they_come_back_as_they_were(clocked: Clocked) -> None:
    before = await capabilities.read(clocked.service, CALL, partner(FIRST), CARD)
    await partners.delete(clocked.service, CALL, FIRST)
    clocked.moment += timedelta(days=1)
    await deleted_items.restore(clocked.service, CALL, deleted_items.PARTNERS, FIRST)
    assert await capabilities.read(clocked.service, CALL, partner(FIRST), CARD) == before
    assert await clocked.kept() == sorted([f"{FIRST}/{CARD}", f"{SECOND}/{CARD}"])


async def test_a_change_has_its_time_and_an_echo_has_none(clocked: Clocked) -> None:
    clocked.moment += timedelta(seconds=1)
    await capabilities.update(clocked.service, CALL, partner(FIRST), CARD, {"inboundAccess": {"isAllowed": True}})
    times = [json.decode(await capabilities.read(clocked.service, CALL, partner(FIRST), CARD))["lastModifiedDateTime"]]
    await capabilities.update(clocked.service, CALL, partner(FIRST), CARD, {"inboundAccess": {"isAllowed": False}})
    times.append(
        json.decode(await capabilities.read(clocked.service, CALL, partner(FIRST), CARD))["lastModifiedDateTime"]
    )
    assert times == ["2026-01-01T12:00:00.1234560Z", "2026-01-01T12:00:01.1234560Z"]


async def test_what_is_done_is_recorded(clocked: Clocked) -> None:
    await capabilities.update(clocked.service, CALL, partner(FIRST), CARD, {"inboundAccess": {"isAllowed": False}})
    await capabilities.delete(clocked.service, CALL, partner(FIRST), CARD)
    entries = [entry for _, entry in await clocked.service.store.audit(TENANT)]
    records = [directory_audit(json.decode(entry.document, type=AuditRecord), TENANT) for entry in entries]
    names = [record.activity_display_name for record in records if "capability" in record.activity_display_name]
    assert names == [
        *["Add a Microsoft 365 capability"] * 2,
        "Update a Microsoft 365 capability",
        "Delete a Microsoft 365 capability",
    ]
