"""Effects of an organization on a tenant: each is carried out once, also when some of a list were before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.audit import Author, Event
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.service.context import Service
from xtap.service.effects import Joined, Left, Told, carry_out
from xtap.store.memory import MemoryStore
from xtap.store.snapshot import Snapshot

if TYPE_CHECKING:
    from xtap.service.effects import Effect

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
FELLOW = TenantId("22222222-2222-4222-8222-222222222222")
AUTHOR = Author("request", "client", "object")
TOLD = Told(TENANT, AUTHOR, Event("UPDATE_ORGANIZATION", Kind.ORGANIZATION, "x"))
SERVICE = Service(MemoryStore())


def test_what_was_carried_out_before_is_left_out():
    first = carry_out(SERVICE, [("1", TOLD)], Snapshot(TENANT))
    after = Snapshot(TENANT).apply(first)
    second = carry_out(SERVICE, [("1", TOLD), ("2", TOLD)], after)
    assert (len(first.audit), len(second.audit)) == (1, 1)
    again = carry_out(SERVICE, [("1", TOLD), ("2", TOLD)], after.apply(second))
    assert (again.writes, again.audit) == ((), ())


def test_effects_of_one_list_see_each_other():
    both: list[tuple[str, Effect]] = [("1", Joined(TENANT, AUTHOR, FELLOW)), ("2", Left(TENANT, AUTHOR, FELLOW))]
    change = carry_out(SERVICE, both, Snapshot(TENANT))
    after = Snapshot(TENANT).apply(change)
    assert after.get(Kind.FELLOW, FELLOW) is None
    assert b'"isInMultiTenantOrganization":false' in (after.get(Kind.PARTNER, FELLOW) or b"")
    assert len(change.audit) == 2
