"""Where does an issuer publish its keys, and what when it changes them or cannot be reached?

OpenID Connect Discovery 1.0: ``{issuer}/.well-known/openid-configuration`` names the ``jwks_uri``.

* Keys are read on first use, and again in the background once they are :attr:`Pace.refresh` old.
* A token with an unknown key name makes them be read once more, at most every :attr:`Pace.retry` seconds, so that
  invented names cannot make us hammer the issuer. All who wait share one fetch.
* When the issuer fails, the last keys serve until they are :attr:`Pace.max_age` old; then every token is refused.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from xtap.errors import ConfigurationError, Unavailable
from xtap.identity.compact import BadToken
from xtap.identity.issuers import TENANT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from xtap.identity.jose import KeySet

MAX_DOCUMENT = 512 * 1024
"""Bytes of the longest document that is read; Microsoft's key set has about 30,000."""


class Pace(Struct, frozen=True):
    """How often an issuer is asked, all in seconds.

    Attributes:
        refresh: age at which keys are read again in the background.
        retry: least time between two fetches, successful or not.
        max_age: age at which keys are no longer trusted when the issuer cannot be reached.
        timeout: longest time for one fetch, both documents together.
    """

    refresh: float = 3600
    retry: float = 30
    max_age: float = 86_400
    timeout: float = 10


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class _Refused(Exception):
    """A document cannot be used; the message says why."""


class DiscoveredKeys:
    """The keys of an issuer that publishes them (a :class:`~xtap.identity.issuers.KeySource`).

    Args:
        issuer: the issuer's URL; ``{tenantid}`` in it becomes ``common`` in the metadata's URL, as at Microsoft.
        clock: seconds since any fixed time; must never run backwards.
        metadata_url: where the metadata is, when not at the place that the specification gives.
        ca_file: PEM file with the authorities to trust instead of the system's.
        pace: how often the issuer is asked.

    Raises:
        ConfigurationError: the URL is not https and not on loopback.
    """

    def __init__(
        self,
        issuer: str,
        clock: Callable[[], float],
        *,
        metadata_url: str | None = None,
        ca_file: Path | None = None,
        pace: Pace | None = None,
    ) -> None:
        base = issuer.replace(TENANT, "common").rstrip("/")
        self._issuer = issuer
        self._metadata_url = metadata_url or f"{base}/.well-known/openid-configuration"
        if not _is_protected(self._metadata_url):
            raise ConfigurationError(f"The metadata of the issuer {issuer} must be read over https.")
        self._clock = clock
        self._ca_file = ca_file
        self._pace = pace or Pace()
        self._keys: KeySet | None = None
        self._document = b""
        self._generation = 0
        self._read_at = float("-inf")
        self._attempted_at = float("-inf")
        self._failure = "not asked yet"
        self._fetching: asyncio.Task[None] | None = None

    @property
    def generation(self) -> int:
        """How often the published set was found changed."""
        return self._generation

    async def keys(self, kid: str | None) -> KeySet:
        """Return the issuer's keys, asking for them again when the named one is unknown.

        Raises:
            Unavailable: none were ever read, or the last ones are too old.
        """
        usable = self._usable()
        if usable is None or not usable.knows(kid):
            if (fetch := self._start()) is not None:
                # Shielded: who gives up waiting must not take the fetch away from the others.
                await asyncio.shield(fetch)
            usable = self._usable()
        elif self._clock() - self._read_at >= self._pace.refresh:
            self._start()
        if usable is None:
            raise Unavailable(
                "The keys of the issuer of the access token are not available.", f"{self._issuer}: {self._failure}"
            )
        return usable

    async def close(self) -> None:
        """Give up a fetch that is under way."""
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _usable(self) -> KeySet | None:
        return self._keys if self._clock() - self._read_at < self._pace.max_age else None

    def _start(self) -> asyncio.Task[None] | None:
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock()
        if now - self._attempted_at < self._pace.retry:
            return None
        self._attempted_at = now
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        import httpx  # noqa: PLC0415 - 0.2 s, and only servers with an outside issuer need it

        from xtap.identity.jose import parse_key_set  # noqa: PLC0415 - loads cryptography

        try:
            async with asyncio.timeout(self._pace.timeout), httpx.AsyncClient(verify=self._trust()) as client:
                document = await self._read(client)
            keys = parse_key_set(document)
        except TimeoutError:
            self._failure = f"no answer within {self._pace.timeout:g} s"
        except (_Refused, BadToken) as error:
            self._failure = str(error).rstrip(".")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._failure = "its metadata is not a JSON object with 'issuer' and 'jwks_uri'"
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            self._failure = "it could not be reached"
        else:
            self._read_at = self._clock()
            if document != self._document:
                self._keys, self._document = keys, document
                self._generation += 1

    async def _read(self, client: httpx.AsyncClient) -> bytes:
        metadata = msgspec.json.decode(await _get(client, self._metadata_url), type=_Metadata)
        if metadata.issuer != self._issuer:
            raise _Refused("its metadata names another issuer")  # OpenID Connect Discovery 1.0, 4.3
        if not _is_protected(metadata.jwks_uri):
            raise _Refused("its jwks_uri is not https")
        return await _get(client, metadata.jwks_uri)

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file)


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    # Identity: a small compressed body could unpack to any size before it is counted.
    async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as response:
        if response.status_code != 200:
            raise _Refused(f"it answered {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _Refused("it answered with a compressed document")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_DOCUMENT:
                raise _Refused(f"its document is longer than {MAX_DOCUMENT} bytes")
    return bytes(body)


def _is_protected(url: str) -> bool:
    """Say whether nobody between us and the issuer can change what is read: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme != "http":
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
