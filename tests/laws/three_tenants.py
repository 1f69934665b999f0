"""One application in process, with three tenants, for tests that send thousands of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId
from xtap.server import demo
from xtap.service.permissions import PERMISSIONS
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from xtap.testing.in_process import InProcess

POLICY = "/policies/crossTenantAccessPolicy"
A, B = demo.CONTOSO.id, demo.FABRIKAM.id
THIRD = Tenant(id=TenantId("33333333-3333-4333-8333-333333333333"), display_name="third")

SHARED = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
"""A partner that both tenants may have."""

OF_B = "b0b0b0b0-0000-4000-8000-00000000000b"
"""A partner that only B has, and whose id A knows."""


class Loop:
    """One application for all examples of a test, with three tenants."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self._runner = runner
        self.app = app

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    def headers(self, tenant: str) -> dict[str, str]:
        issuer = self.app.application.issuer
        assert issuer is not None
        application = Application(
            client_id="test", display_name="test", object_id=tenant, secret="", permissions=PERMISSIONS
        )
        return {"Authorization": f"Bearer {issuer.mint_app(TenantId(tenant), application, AUDIENCE)}"}
