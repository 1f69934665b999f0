"""Who may ask the embedded issuer? The tenants and applications of the store, read for each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.server.demo import DEMO_CLIENT
from xtap.service import tenants
from xtap.store.protocol import Store

if TYPE_CHECKING:
    from xtap.model.directory import Application, Tenant
    from xtap.model.ids import TenantId


class LocalDirectory(Struct, frozen=True):
    """The register of the store, as :class:`xtap.identity.embedded.Directory`.

    The demo application has a secret that everybody knows, so it exists only where nobody else can ask for it.
    """

    store: Store
    demo_allowed: bool

    async def find_tenant(self, id_or_domain: str) -> Tenant | None:
        """Return the tenant with this id or domain."""
        return await tenants.find_now(self.store, id_or_domain)

    async def find_application(self, tenant_id: TenantId, client_id: str) -> Application | None:
        """Return the application with this client id, the demo application only on loopback."""
        if client_id == DEMO_CLIENT and not self.demo_allowed:
            return None
        return await tenants.find_application(self.store, tenant_id, client_id)
