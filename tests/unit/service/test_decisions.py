"""Which compiled policies are kept: those of tenants that somebody here knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.ids import TenantId
from xtap.semantics.request import Channel
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.service.context import Service
from xtap.service.decisions import Decisions
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from pathlib import Path

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
