"""What can change while the server runs? Certificates, and whose tokens are believed; the rest needs a restart.

A reload that fails changes nothing: the server goes on with what it had, and the log says why.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from msgspec import structs

from xtap.errors import ConfigurationError
from xtap.identity import private_file
from xtap.server.settings import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.server.asgi import Application
    from xtap.server.lifetime import Lifetime
    from xtap.server.serve import Listeners
    from xtap.server.settings import Settings

log = logging.getLogger(__name__)

RELOADED: Final = frozenset({"tls_cert", "tls_key", "issuer", "audience", "algorithms", "issuer_ca"})
"""Settings that count from the next reload on; so do the files that they name, and the keys of the embedded issuer."""


async def reload(
    application: Application, listeners: Listeners, lifetime: Lifetime, gather: Callable[[], Settings]
) -> None:
    """Read settings and files again, and use what may change; tell in the log what came of it."""
    from xtap.server.serve import certificate_of  # noqa: PLC0415 - it imports this module

    running = application.settings
    try:
        found = gather()
        lifetime.watch(found.watched)  # even if they are no good yet: what mends them is noticed then
        check(found)
        for file in found.secret_files:
            private_file.warn_if_shared(file)
        wanted = structs.replace(running, **{name: getattr(found, name) for name in RELOADED})
        check(wanted)
        certificate = certificate_of(wanted) if running.tls_port else None
        await application.trust.reload(wanted)
    except (ConfigurationError, OSError) as error:
        log.error("nothing was reloaded, what was configured before stays: %s", error)  # noqa: TRY400 - no traceback
        return
    if certificate is not None:
        await listeners.change_certificate(*certificate, own=not wanted.tls_cert)
    log.info("certificates and issuers were reloaded")
    fields = (field.name for field in structs.fields(running))
    waiting = [name for name in fields if name not in RELOADED and getattr(found, name) != getattr(running, name)]
    if waiting:
        log.warning("these settings need a restart: %s", ", ".join(name.replace("_", "-") for name in waiting))
