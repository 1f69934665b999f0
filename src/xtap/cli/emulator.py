"""How do commands ask the emulator of a running server? Over plain http, with a token of the tenant that is meant."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError, NotFound, Unavailable, XtapError

if TYPE_CHECKING:
    from xtap.identity.embedded import EmbeddedIssuer
    from xtap.model.directory import Tenant
    from xtap.model.ids import TenantId
    from xtap.model.schema import Json
    from xtap.server.settings import Settings

SECONDS = 60.0
"""How long an answer may take."""


class LocalEmulator:
    """The emulator of the server of these settings.

    Raises:
        ConfigurationError: it cannot be asked with these settings.
    """

    def __init__(self, settings: Settings, issuer: EmbeddedIssuer) -> None:
        if not settings.port:
            raise ConfigurationError("The emulator is asked over plain http, and --port is 0.")
        self._settings = settings
        self._issuer = issuer

    def post(self, tenant_id: TenantId, what: str, document: Json = None) -> None:
        """Send one request for one tenant.

        Raises:
            Unavailable: the server does not answer.
            NotFound: it has no emulator.
            XtapError: it refused; with its words.
        """
        connection = http.client.HTTPConnection(self._settings.host, self._settings.port, timeout=SECONDS)
        headers = {"Authorization": f"Bearer {self._token(tenant_id)}", "Content-Type": "application/json"}
        body = b"" if document is None else json.dumps(document).encode()
        try:
            connection.request("POST", f"/xtap/{what}", body, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"{self._settings.http_url} does not answer ({error}). Is 'xtap serve --emulator' running?"
            ) from None
        finally:
            connection.close()
        if response.status == http.client.NOT_FOUND:
            raise NotFound(f"The server at {self._settings.http_url} has no emulator. Start it with --emulator.")
        if response.status != http.client.NO_CONTENT:
            raise XtapError(_words(text, response.status))

    def _token(self, tenant_id: TenantId) -> str:
        from xtap.model.directory import Application  # noqa: PLC0415 - help needs none of it
        from xtap.service.permissions import PERMISSIONS  # noqa: PLC0415

        application = Application("xtap", "xtap", tenant_id, "", PERMISSIONS)
        return self._issuer.mint_app(tenant_id, application, "https://graph.microsoft.com")


async def registered(settings: Settings, wanted: list[Tenant]) -> tuple[list[Tenant], list[Tenant], EmbeddedIssuer]:
    """Register those of some tenants that are not; return all tenants, the new ones, and the issuer of their tokens."""
    from xtap.server.storage import open_store  # noqa: PLC0415
    from xtap.server.trust import embedded_issuer  # noqa: PLC0415 - help needs none of it
    from xtap.service import tenants  # noqa: PLC0415

    store = open_store(settings, exclusive=False)
    try:
        new = [tenant for tenant in wanted if not await tenants.is_registered(store, tenant.id)]
        for tenant in new:
            await tenants.add(store, tenant)
        return await tenants.listing(store), new, embedded_issuer(settings, store)
    finally:
        await store.close()


def _words(text: bytes, status: int) -> str:
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return f"The server answered {status}."
    details = [detail["message"] for detail in error.get("details", ())]
    return " ".join(dict.fromkeys([error["message"], *details]))
