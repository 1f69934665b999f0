"""How is this server configured? Flags before ``XTAP_…`` variables before ``xtap.toml`` before defaults.

One table: the fields of :class:`Settings`. A field ``tls_port`` is the flag ``--tls-port``, the variable
``XTAP_TLS_PORT`` and the key ``tls-port``. Nothing else is read from the environment.
"""

from __future__ import annotations

import sys
import tomllib
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from msgspec import Meta, Struct, ValidationError, convert, inspect, structs

from xtap.errors import ConfigurationError
from xtap.model.ids import TenantId, is_guid
from xtap.model.rules import Strength
from xtap.server.expected import plain, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG_FILE = "xtap.toml"

Port = Annotated[int, Meta(ge=0, le=65535)]


class LogFormat(StrEnum):
    """How a line of the log looks."""

    TEXT = "text"
    JSON = "json"


class Settings(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Everything that can be configured; an ``issuer`` and an ``audience`` (or the embedded issuer) are required."""

    data: Annotated[str, Meta(description="folder of the database, keys and certificates")] = ".xtap"
    database: Annotated[
        str, Meta(description="postgresql://user@host/name, for several nodes; empty for a SQLite file in --data")
    ] = ""
    database_password_file: Annotated[str, Meta(description="file with the password of --database")] = ""
    stale_limit: Annotated[
        float, Meta(gt=0, le=86_400, description="seconds to answer from memory while the storage cannot be asked")
    ] = 10.0
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port for plain http")] = 8420
    tls_port: Annotated[Port, Meta(description="port for https; 0 for none")] = 8443
    tls_cert: Annotated[str, Meta(description="certificate chain (PEM) instead of the local one")] = ""
    tls_key: Annotated[str, Meta(description="private key (PEM) of --tls-cert")] = ""
    tls_min_version: Annotated[
        Literal["1.2", "1.3"], Meta(description="oldest TLS that clients may use, 1.2 or 1.3; ciphers are rustls' own")
    ] = "1.2"
    public_url: Annotated[
        str,
        Meta(description="address by which clients reach this server through a proxy, such as https://xtap.example"),
    ] = ""
    workers: Annotated[
        int, Meta(ge=1, le=64, description="processes that serve together (Linux); each has its own memory")
    ] = 1
    stop_timeout: Annotated[
        float, Meta(ge=0, le=3600, description="seconds that requests under way may take after a stop")
    ] = 3.0
    issuer: Annotated[
        str, Meta(description="trusted token issuer, the exact 'iss'; '{tenantid}' stands for the token's tid")
    ] = ""
    audience: Annotated[
        tuple[str, ...], Meta(description="accepted 'aud' of that issuer's tokens, separated by commas")
    ] = ()
    algorithms: Annotated[tuple[str, ...], Meta(description="signatures that issuer may use: RS256, PS256, ES256")] = (
        "RS256",
    )
    issuer_ca: Annotated[str, Meta(description="authorities (PEM) to trust when reading that issuer's keys")] = ""
    embedded_issuer: Annotated[
        bool, Meta(description="also issue tokens to registered applications; for local use")
    ] = False
    unsafe_embedded_issuer_on_network: Annotated[
        bool, Meta(description="unsafe: run the embedded issuer on an address that others can reach")
    ] = False
    emulator: Annotated[
        bool, Meta(description="let tests reset, seed, move the clock and inject faults below /xtap; loopback only")
    ] = False
    emulator_start: Annotated[
        str, Meta(description="time (RFC 3339) at which the emulator's clock stands until it is moved; fixes ids too")
    ] = ""
    validation: Annotated[
        Strength, Meta(description="compatible: as the service; strict: the admin center's rules too")
    ] = Strength.COMPATIBLE
    undocumented_keys: Annotated[
        bool, Meta(description="keep and show keys of the default policy in beta that were seen, but stand on no page")
    ] = False

    decision_log: Annotated[
        str, Meta(description="where decisions are noted: 'store', a file for JSON lines, or empty for nowhere")
    ] = ""
    decision_log_rate: Annotated[
        float, Meta(ge=0, le=1, description="share of the allowed decisions that is noted; denied ones always are")
    ] = 1.0
    decision_log_unmasked: Annotated[
        bool, Meta(description="note users by their object ids instead of a keyed hash")
    ] = False
    operator_tenant: Annotated[
        str, Meta(description="tenant (id) whose callers may ask for decisions about every tenant")
    ] = ""

    join_delay: Annotated[
        float,
        Meta(ge=0, le=86_400, description="seconds until a tenant that joins a multitenant organization is active"),
    ] = 0.0

    request_timeout: Annotated[
        float, Meta(ge=1, le=3_600, description="seconds in which a client must send the head, and then the body")
    ] = 30.0
    idle_timeout: Annotated[
        float, Meta(ge=1, le=86_400, description="seconds after which a connection without any traffic is closed")
    ] = 120.0
    rate_limit: Annotated[
        float,
        Meta(
            ge=0,
            le=1e6,
            description="requests and evaluations a second of one client, averaged over 10 seconds, in each worker of "
            "each node; 0 for none",
        ),
    ] = 0.0
    tenant_rate_limit: Annotated[
        float,
        Meta(
            ge=0,
            le=1e6,
            description="requests and evaluations a second of a tenant, averaged over 10 seconds, in each worker of "
            "each node; 0 for none",
        ),
    ] = 0.0

    log_format: Annotated[LogFormat, Meta(description="how log lines look: text or json")] = LogFormat.TEXT
    log_requests: Annotated[bool, Meta(description="log one line for each request, without what clients sent")] = False
    metrics_host: Annotated[str, Meta(description="address of /metrics, which needs no token")] = "127.0.0.1"
    metrics_port: Annotated[Port, Meta(description="port of /metrics for Prometheus; 0 for none")] = 0
    otlp_endpoint: Annotated[
        str, Meta(description="OpenTelemetry collector (OTLP over HTTP) for traces; needs 'xtap[tracing]'")
    ] = ""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the listeners."""
        return _is_loopback(self.host)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server: nor do others by a public address."""
        return self.is_loopback and (not self.public_url or _is_loopback(_host_of(self.public_url)))

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data)

    @property
    def watched(self) -> tuple[Path, ...]:
        """The files whose change is noticed without a signal."""
        return tuple(Path(name) for name in (self.tls_cert, self.tls_key) if name)

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """The files with secrets that others make, for this server to read."""
        return tuple(Path(name) for name in (self.database_password_file, self.tls_key) if name)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports to listen on."""
        return tuple(filter(None, (self.port, self.tls_port)))

    @property
    def http_url(self) -> str:
        """Where plain http is spoken."""
        return f"http://{self._address}:{self.port}"

    @property
    def https_url(self) -> str:
        """Where clients speak https, by the name that the certificate has; the embedded issuer lives there."""
        if self.public_url.startswith("https:"):
            return self.public_url.rstrip("/")
        return f"https://{'localhost' if self.is_loopback else self._address}:{self.tls_port}"

    @property
    def _address(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


_TYPES = MappingProxyType({field.encode_name: inspect.type_info(field.type) for field in structs.fields(Settings)})

KEYS = tuple(_TYPES)
"""Every key, in the order of the help."""


OTHER_VARIABLES = frozenset({"XTAP_CLIENT_SECRET", "XTAP_CONFIG", "XTAP_SERVER", "XTAP_TOKEN"})
"""What commands read besides the settings."""


def variable(key: str) -> str:
    """Return the environment variable of a key."""
    return f"XTAP_{key.upper().replace('-', '_')}"


def passed_over(environment: Iterable[str]) -> list[str]:
    """Name variables that look like settings and are none: misspelt ones, or those of a cluster's service ``xtap``."""
    known = {variable(key) for key in KEYS} | OTHER_VARIABLES
    return sorted(name for name in environment if name.startswith("XTAP_") and name not in known)


def load(flags: Mapping[str, str], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """Gather the settings from all places.

    Args:
        flags: given flags by key, such as ``tls-port``.
        environment: the process environment.
        config: the configuration file; None for ``xtap.toml`` in the working folder, if it is there.

    Raises:
        ConfigurationError: a value or key is wrong; says which, and where it stands.
    """
    settings = _read(config or Path(CONFIG_FILE), required=config is not None)
    for key in KEYS:
        if variable(key) in environment:
            settings[key] = _parsed(key, environment[variable(key)], variable(key))
        if key in flags:
            _refuse_secret(key, flags[key])
            settings[key] = _parsed(key, flags[key], f"--{key}")
    return convert(settings, Settings)


def _read(path: Path, *, required: bool) -> dict[str, object]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except FileNotFoundError:
        if required:
            raise ConfigurationError(f"There is no configuration file {path}. 'xtap init' writes one.") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read: {error}.") from None
    unknown = sorted(values.keys() - set(KEYS))
    if unknown:
        raise ConfigurationError(f"{path}: there is no setting '{unknown[0]}'. There are: {', '.join(KEYS)}.")
    _check(values, str(path))
    return values


def _parsed(key: str, text: str, source: str) -> object:
    """Read one value that came as text; ``source`` is the flag or variable it stood in."""
    value: object = text
    match plain(_TYPES[key]):
        case inspect.VarTupleType():
            value = tuple(part.strip() for part in text.split(",") if part.strip())
        case inspect.BoolType():
            value = {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        case inspect.IntType():
            value = int(text) if text.isdecimal() and len(text) < 10 else text
        case inspect.FloatType():
            value = _number(text)
    _check({key: value}, f"{source}={text}")
    return value


def _refuse_secret(key: str, text: str) -> None:
    """Refuse a password in a flag: every user of the machine can read the command lines of others."""
    if key == "database" and (urlsplit(text).password is not None or "password" in parse_qs(urlsplit(text).query)):
        raise ConfigurationError(
            "--database may not hold a password, because others can see the command line. Write the password into the "
            "file of --database-password-file, or the whole URL into XTAP_DATABASE."
        )


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _check(values: Mapping[str, object], source: str) -> None:
    for key, value in values.items():
        try:
            convert({key: value}, Settings)
        except ValidationError:
            raise ConfigurationError(f"{source}: {refusal(key, _TYPES[key], value)}") from None


def operator_of(settings: Settings) -> TenantId | None:
    """Return the tenant whose callers may ask about every tenant, None if there is none.

    Raises:
        ConfigurationError: it is no tenant id.
    """
    if not settings.operator_tenant:
        return None
    if not is_guid(settings.operator_tenant):
        raise ConfigurationError(f"--operator-tenant is a tenant id (GUID), found '{settings.operator_tenant}'.")
    return TenantId(settings.operator_tenant.lower())


def _check_start(settings: Settings) -> None:
    if not settings.emulator_start:
        return
    if not settings.emulator:
        raise ConfigurationError("--emulator-start sets the emulator's clock: it needs --emulator.")
    try:
        known = datetime.fromisoformat(settings.emulator_start).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        raise ConfigurationError(
            f"--emulator-start is a time with its zone (2026-01-01T00:00:00Z), found '{settings.emulator_start}'."
        )


def check(settings: Settings) -> None:
    """Refuse to start a server that nobody could trust, or that would trust too much.

    Raises:
        ConfigurationError: no issuer, an issuer without audience, or an embedded issuer that others can reach.
    """
    if not settings.issuer and not settings.embedded_issuer:
        raise ConfigurationError(
            "No token issuer is configured, so no caller could be believed. Run 'xtap init' for local use, "
            "or set --issuer and --audience."
        )
    if settings.issuer and not settings.audience:
        raise ConfigurationError(
            "An issuer needs an audience: set --audience to the 'aud' of tokens meant for this server."
        )
    if settings.embedded_issuer and not settings.is_local and not settings.unsafe_embedded_issuer_on_network:
        raise ConfigurationError(
            "The embedded issuer gives tokens to whoever knows a client secret, and "
            f"{settings.public_url or settings.host} can be reached from other machines. Listen on 127.0.0.1 without a "
            "--public-url, or pass --unsafe-embedded-issuer-on-network."
        )
    if settings.embedded_issuer and not settings.tls_port:
        raise ConfigurationError("The embedded issuer needs https: set --tls-port to another value than 0.")
    if settings.emulator and not (settings.embedded_issuer and settings.is_local):
        raise ConfigurationError(
            "--emulator lets tests overwrite policies: it needs --embedded-issuer and loopback addresses (--host, "
            "--public-url)."
        )
    operator_of(settings)
    _check_listeners(settings)
    _check_start(settings)
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise ConfigurationError("--tls-cert and --tls-key go together.")


def _check_listeners(settings: Settings) -> None:
    ports = [port for port in (settings.port, settings.tls_port, settings.metrics_port) if port]
    if len(ports) > len(set(ports)):
        raise ConfigurationError("--port, --tls-port and --metrics-port must differ, or be 0 for none.")
    if settings.workers > 1 and sys.platform != "linux":
        raise ConfigurationError("--workers needs Linux, where processes can share a port. Leave it at 1.")
    if settings.workers > 1 and settings.emulator:
        raise ConfigurationError("--emulator keeps clock and faults in one process. Leave --workers at 1.")
    for flag, url in (("--public-url", settings.public_url), ("--otlp-endpoint", settings.otlp_endpoint)):
        if url and not _is_address(url, with_path=flag == "--otlp-endpoint"):
            raise ConfigurationError(f"{flag} is an address such as https://xtap.example, found '{url}'.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(url: str, *, with_path: bool) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return named and plain and (with_path or parts.path in {"", "/"})
