"""What does the demo consist of? Two tenants with a few people, and one application in each, whose secret is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import json
from msgspec.structs import replace

from xtap.errors import AlreadyExists
from xtap.identity.client_secrets import hash_secret
from xtap.model.directory import Application, Tenant
from xtap.model.directory_files import read
from xtap.model.ids import TenantId
from xtap.model.pristine import derived_id
from xtap.service import directory, tenants
from xtap.service.permissions import PERMISSIONS

if TYPE_CHECKING:
    from xtap.model.schema import Document
    from xtap.store.protocol import Store

CONTOSO: Final = Tenant(
    id=TenantId("11111111-1111-4111-8111-111111111111"), display_name="contoso", domains=("contoso.example",)
)
FABRIKAM: Final = Tenant(
    id=TenantId("22222222-2222-4222-8222-222222222222"), display_name="fabrikam", domains=("fabrikam.example",)
)
_PEOPLE: Final[dict[str, Document]] = json.decode(Path(__file__).with_name("demo_directory.json").read_bytes())
DEMO_CLIENT: Final = "demo-app"
DEMO_SECRET: Final = "demo-secret"  # noqa: S105 - known to everybody, refused outside loopback (server.directory)


async def install(store: Store) -> None:
    """Register the demo tenants and their application; what is there already stays."""
    for tenant in (CONTOSO, FABRIKAM):
        try:
            await tenants.add(store, replace(tenant, created=datetime.now(UTC).isoformat(timespec="microseconds")))
        except AlreadyExists:
            continue
        application = Application(
            client_id=DEMO_CLIENT,
            display_name="Demo application",
            object_id=derived_id(tenant.id, DEMO_CLIENT),
            secret=hash_secret(DEMO_SECRET),
            permissions=PERMISSIONS,
        )
        await tenants.add_application(store, tenant.id, application)
        name = tenant.display_name
        await directory.put_objects(store, tenant.id, read([(name, json.encode(_PEOPLE[name]))]), whole=False)
