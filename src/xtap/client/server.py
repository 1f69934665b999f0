"""Does a server answer, and what? One address, one token, JSON in and out; whatever fails is told in one line."""

from __future__ import annotations

import json
import re
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from xtap.errors import ConfigurationError, Forbidden, InvalidInput, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from typing import Self

    from xtap.errors import XtapError
    from xtap.model.schema import Document, Json

TIMEOUT_SECONDS: Final = 30.0
SHOWN: Final = 400
"""Characters of a server's message that are repeated."""

_ADDRESS: Final = re.compile(r"https?://[^/?#\s@]+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")


class Server:
    """A server and a token for it; a context manager that closes the connection.

    Args:
        address: scheme, host and port, without a path.
        token: bearer token of the tenant that asks.
        authority: file with the certificate authority to trust; None for those that Python and ``SSL_CERT_FILE`` name.

    Raises:
        ConfigurationError: one of them cannot be used.
    """

    def __init__(self, address: str, token: str, authority: str | None = None) -> None:
        self.address = address.rstrip("/")
        if not _ADDRESS.fullmatch(self.address):
            raise ConfigurationError(f"Expected a server's address such as https://localhost:8443, found '{address}'.")
        try:
            httpx.URL(self.address)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"The server's address '{address}' cannot be used: {error}.") from None
        if not _TOKEN.fullmatch(token):
            raise ConfigurationError("The token has characters that no bearer token has. 'xtap token' prints one.")
        try:
            trusted = ssl.create_default_context(cafile=authority) if authority else True
            self._client = httpx.Client(
                headers={"Authorization": f"Bearer {token}"}, verify=trusted, timeout=TIMEOUT_SECONDS
            )
        except OSError as error:
            name = authority or "SSL_CERT_FILE"
            raise ConfigurationError(f"{name} cannot be read as a certificate authority: {error}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> Document:
        """Read a JSON object.

        Args:
            path: with its query; or a whole URL that this server gave.

        Raises:
            Unauthenticated: the token is refused.
            Forbidden: the token may not ask this.
            InvalidInput: the question is refused.
            Unavailable: nobody answers, or not now.
            ConfigurationError: something else answers than was asked for.
        """
        return self._ask("GET", path)

    def post(self, path: str, body: Document) -> Document:
        """Send a JSON object and read the answer.

        Raises:
            XtapError: as for ``get``.
        """
        return self._ask("POST", path, body)

    def stranger(self, what: str) -> ConfigurationError:
        """Return the error for an answer that an xtap server would not give."""
        return ConfigurationError(
            f"{self.address} answers, but not as an xtap server: {what}. Is this its address, without a path?"
        )

    def _ask(self, method: str, path: str, body: Document | None = None) -> Document:
        if not path.startswith("/"):
            path = self._below(path)
        try:
            answer = self._client.request(method, self.address + path, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(f"{self.address} does not answer ({_words(error)}). {_advice(error)}") from None
        try:
            content: Json = json.loads(answer.content)
        except (ValueError, RecursionError):
            content = None
        if answer.status_code != HTTPStatus.OK:
            raise self._refusal(answer.status_code, _message(content))
        if not isinstance(content, dict):
            raise self.stranger("no JSON object came back")
        return content

    def _below(self, url: str) -> str:
        """Return the path of a URL of this server, which may know itself by another scheme; the token stays here."""
        try:
            link = httpx.URL(url)
        except httpx.InvalidURL:
            link = httpx.URL()
        if link.host != httpx.URL(self.address).host:
            raise self.stranger(f"it leads to another server, '{url[:100]}'")
        return link.raw_path.decode()

    def _refusal(self, status: int, message: str) -> XtapError:
        said = f": {message}" if message else "."
        match status:
            case HTTPStatus.UNAUTHORIZED:
                return Unauthenticated(f"{self.address} refuses the token (401){said}")
            case HTTPStatus.FORBIDDEN:
                return Forbidden(f"{self.address} does not let this token ask (403){said}")
            case HTTPStatus.BAD_REQUEST:
                return InvalidInput.at("$", f"{self.address} refuses the question (400){said}")
            case HTTPStatus.TOO_MANY_REQUESTS:
                return Unavailable(f"{self.address} is asked too often (429). Ask again later.")
            case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return Unavailable(f"{self.address} cannot answer now ({status}){said}")
            case _:
                return self.stranger(f"status {status}")


def _message(content: Json) -> str:
    """Return the words of an error: a text (AuthZEN), or the message and details of Graph; in one printable line."""
    words: list[Json] = [content]
    if isinstance(content, dict) and isinstance(error := content.get("error"), dict):
        details = error.get("details")
        more = details if isinstance(details, list) else []
        words = [error.get("message"), *(detail.get("message") for detail in more if isinstance(detail, dict))]
    line = " ".join(dict.fromkeys(word for word in words if isinstance(word, str)))
    return "".join(letter if letter.isprintable() else " " for letter in line)[:SHOWN]


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _advice(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "Name its certificate authority with --ca or SSL_CERT_FILE."
    return "Is 'xtap serve' running there?"
