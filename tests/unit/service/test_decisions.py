"""Which compiled policies are kept: those of tenants that somebody here knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xtap.model.ids import TenantId
from xtap.semantics.request import Channel
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.service import tenants
from xtap.service.context import Service
from xtap.service.decisions import Decisions
from xtap.store.memory import MemoryStore
from xtap.store.protocol import AuditEntry, Change
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.store.snapshot import Snapshot

STRANGER, PARTNER = (TenantId(f"{digit * 8}-0000-4000-8000-000000000000") for digit in "78")


async def test_what_is_compiled_is_kept_for_registered_tenants_and_for_partners_only(tmp_path: Path):
    async with in_process(tmp_path) as app:
        path = "/v1.0/policies/crossTenantAccessPolicy/partners"
        (await app.client.post(path, json={"tenantId": PARTNER}, headers=app.headers())).raise_for_status()
        decisions = Decisions(Service(app.application.store))
        for home, resource, kept in (
            (FABRIKAM.id, CONTOSO.id, True),
            (PARTNER, CONTOSO.id, True),
            (CONTOSO.id, PARTNER, True),
            (STRANGER, CONTOSO.id, False),
            (CONTOSO.id, STRANGER, False),
            (PARTNER, STRANGER, False),
        ):
            first = await decisions.compiled(home, resource, Channel.COLLABORATION)
            again = await decisions.compiled(home, resource, Channel.COLLABORATION)
            assert (first is again) is kept, (home, resource)


async def test_a_policy_that_changes_while_the_other_one_is_waited_for_is_not_kept_as_the_latest() -> None:
    store = Slow()
    decisions = Decisions(Service(store))
    for each in (CONTOSO, FABRIKAM):
        await tenants.add(store, each)
    store.slow = FABRIKAM.id
    early = asyncio.ensure_future(decisions.compiled(CONTOSO.id, FABRIKAM.id, Channel.COLLABORATION))
    await asyncio.sleep(0)
    await store.change(CONTOSO.id, lambda _: Change((), (AuditEntry("one", b"{}"),)))
    assert (policy := await decisions.policy(CONTOSO.id)) is not None
    store.go.set()
    assert (await early).home is not policy
    assert (await decisions.compiled(CONTOSO.id, FABRIKAM.id, Channel.COLLABORATION)).home is policy


class Slow(MemoryStore):
    """A store in which reading one tenant takes until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = ""
        self.go = asyncio.Event()

    async def snapshot(self, tenant: TenantId) -> Snapshot:
        if tenant == self.slow:
            await self.go.wait()
        return await super().snapshot(tenant)
