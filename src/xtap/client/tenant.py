"""What has the token's own tenant configured? Its name and its policies, read over Graph, as the engine needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, ValidationError, convert

from xtap.errors import InvalidInput, NotFound
from xtap.model.ids import TenantId, is_guid
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.client.server import Server
    from xtap.model.schema import Json

POLICY: Final = "/beta/policies/crossTenantAccessPolicy"


class Own(Struct, frozen=True, rename="camel"):
    """The tenant that a token belongs to."""

    id: TenantId
    display_name: str

    @property
    def called(self) -> str:
        """Name and id, for readers."""
        return f"{self.display_name} ({self.id})"


class _Organizations(Struct, frozen=True):
    value: tuple[Own, ...]


def own_tenant(server: Server) -> Own:
    """Ask which tenant the token belongs to.

    Raises:
        XtapError: as for ``Server.get``.
    """
    answer = server.get("/beta/organization?$select=id,displayName")
    try:
        (found,) = convert(answer, _Organizations).value
    except (ValidationError, ValueError):
        raise server.stranger("it names no organization") from None
    return found


def tenant_named(name: str, own: Own | None) -> TenantId:
    """Return the id of a tenant.

    Args:
        name: an id, or the display name of the token's own tenant, in any case.
        own: that tenant; it is not needed for an id.

    Raises:
        NotFound: it is another name; servers tell nobody the names of other tenants.
    """
    if is_guid(name):
        return TenantId(name.lower())
    if own is not None and name.lower() == own.display_name.lower():
        return own.id
    known = f" The token belongs to {own.called}." if own is not None else ""
    raise NotFound(f"No tenant is called '{name[:64]}' here.{known} Name other tenants by their id.")


def own_policies(server: Server, own: Own) -> Policies:
    """Read what the token's own tenant configured: policy, default and every partner.

    Raises:
        InvalidInput: an answer is not understood, so its meaning is not either.
        XtapError: as for ``Server.get``.
    """
    partners: list[Json] = [*_partners(server)]
    document: Json = {
        "tenantId": own.id,
        "displayName": own.display_name,
        "policy": server.get(POLICY),
        "default": server.get(f"{POLICY}/default"),
        "partners": partners,
    }
    try:
        return Policies([tenant_policy(document)])
    except InvalidInput as error:
        first = error.violations[0]
        raise server.stranger(f"{first.path}: {first.message.removesuffix('.')}") from None


def _partners(server: Server) -> Iterator[Json]:
    """Yield the partners of every page."""
    page: Json = f"{POLICY}/partners?$expand=identitySynchronization"
    seen: set[str] = set()
    while isinstance(page, str):
        if page in seen:
            raise server.stranger("its list of partners comes back to the same page")
        seen.add(page)
        answer = server.get(page)
        found = answer.get("value")
        if not isinstance(found, list):
            raise server.stranger("it lists no partners")
        yield from found
        page = answer.get("@odata.nextLink")
