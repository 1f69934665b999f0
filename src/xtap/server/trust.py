"""Whose tokens does this server believe, and how is that changed while it runs?

The embedded issuer, an issuer of the settings, or both. A reload builds everything anew from the settings and the
files that they name, and puts it in the place of what was; tokens that were believed are judged again. What was
counted of callers and of wrong secrets goes on.
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xtap.errors import ConfigurationError
from xtap.identity import keys
from xtap.identity.callers import Callers
from xtap.identity.embedded import EmbeddedIssuer
from xtap.identity.issuers import TrustedIssuer
from xtap.identity.throttle import GUESSES, GUESSES_PER_SECOND, Buckets, Throttle
from xtap.identity.tokens import Verifier
from xtap.server.directory import LocalDirectory
from xtap.store.clock import since_boot

if TYPE_CHECKING:
    from xtap.identity.discovery import DiscoveredKeys
    from xtap.server.settings import Settings
    from xtap.store.protocol import Store

SIGNING_KEYS: Final = "issuer.jwks.json"


class Trust:
    """The issuers of one server.

    Attributes:
        issuer: the embedded issuer, None if there is none.
        callers: who turns tokens into callers; the same object after a reload.

    Raises:
        ConfigurationError: the settings or their files cannot be used.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._guesses = Buckets(GUESSES_PER_SECOND, GUESSES, time.monotonic)
        self.issuer, self._discovered, verifier = _made(settings, store, self._guesses)
        self.callers = Callers(verifier, store, _throttle(settings))

    async def reload(self, settings: Settings) -> None:
        """Believe the issuers of these settings from now on, and no others.

        Raises:
            ConfigurationError: they cannot be used; nothing changed.
        """
        before = self._discovered
        self.issuer, self._discovered, verifier = _made(settings, self._store, self._guesses)
        self.callers.judge_by(verifier)
        if before is not None:
            await before.close()

    async def close(self) -> None:
        """Give up what is being read from an issuer."""
        if self._discovered is not None:
            await self._discovered.close()


def embedded_issuer(settings: Settings, store: Store, guesses: Buckets | None = None) -> EmbeddedIssuer:
    """Build the embedded issuer of the settings.

    Args:
        settings: where it lives.
        store: where applications are registered.
        guesses: how many wrong secrets it looks at; None where nobody asks over the network.

    Raises:
        ConfigurationError: its keys cannot be used.
    """
    directory = LocalDirectory(store, demo_allowed=settings.is_local)
    signing = keys.load_or_create(settings.folder / SIGNING_KEYS)
    return EmbeddedIssuer(settings.https_url, signing, directory, time.time, guesses=guesses)


def _made(
    settings: Settings, store: Store, guesses: Buckets
) -> tuple[EmbeddedIssuer | None, DiscoveredKeys | None, Verifier]:
    issuer = embedded_issuer(settings, store, guesses) if settings.embedded_issuer else None
    trusted = [] if issuer is None else [issuer.trusted()]
    discovered = _discovered(settings) if settings.issuer else None
    if discovered is not None:
        audiences, algorithms = frozenset(settings.audience), frozenset(settings.algorithms)
        trusted.append(TrustedIssuer(settings.issuer, audiences, discovered, algorithms))
    return issuer, discovered, Verifier(trusted, time.time)


def _throttle(settings: Settings) -> Throttle | None:
    if not settings.rate_limit and not settings.tenant_rate_limit:
        return None
    return Throttle(settings.rate_limit, settings.tenant_rate_limit, time.monotonic)


def _discovered(settings: Settings) -> DiscoveredKeys:
    from xtap.identity.discovery import DiscoveredKeys  # noqa: PLC0415 - only servers with an issuer of their own pay

    authorities = Path(settings.issuer_ca) if settings.issuer_ca else None
    if authorities is not None:
        _require_authorities(authorities)
    return DiscoveredKeys(settings.issuer, since_boot, ca_file=authorities)


def _require_authorities(file: Path) -> None:
    """Notice a wrong file now: later it would look like an issuer that cannot be reached."""
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        reason = "it holds no certificates in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"The authorities of --issuer-ca, {file}, cannot be read: {reason}.") from None
