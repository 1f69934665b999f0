"""Which TLS is spoken: versions, ciphers, and the kinds of keys that an operator may bring."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xtap.testing.local_server import LocalServer

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
V = ssl.TLSVersion
KEYS: dict[str, Callable[[], Key]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def spoken(server: LocalServer, ca: Path, least: ssl.TLSVersion, most: ssl.TLSVersion, ciphers: str = "") -> str:
    """Return the version of TLS that is agreed on, or 'refused'."""
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version, context.maximum_version = least, most
    if ciphers:
        context.set_ciphers(ciphers)
    try:
        with (
            socket.create_connection(("127.0.0.1", server.tls_port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return secured.version() or ""
    except (ssl.SSLError, ConnectionError):
        return "refused"


@pytest.mark.wire
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_and_weak_ciphers_are_refused(server: LocalServer):
    assert spoken(server, server.ca, V.TLSv1_3, V.TLSv1_3) == "TLSv1.3"
    assert spoken(server, server.ca, V.TLSv1_2, V.TLSv1_2) == "TLSv1.2"
    assert spoken(server, server.ca, V.TLSv1_1, V.TLSv1_1, "DEFAULT@SECLEVEL=0") == "refused"
    for weak in ("AES128-SHA:@SECLEVEL=0", "AES256-GCM-SHA384:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"):
        assert spoken(server, server.ca, V.TLSv1_2, V.TLSv1_2, weak) == "refused", weak


@pytest.mark.wire
def test_the_oldest_version_can_be_raised(tmp_path: Path):
    with running(tmp_path, "--tls-min-version", "1.3") as server:
        assert spoken(server, server.ca, V.TLSv1_2, V.TLSv1_2) == "refused"
        assert spoken(server, server.ca, V.TLSv1_2, V.TLSv1_3) == "TLSv1.3"


@pytest.mark.wire
@pytest.mark.parametrize("kind", KEYS)
def test_an_operator_may_bring_a_key_of_any_modern_kind(tmp_path: Path, kind: str):
    key = KEYS[kind]()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, None if kind == "ed25519" else hashes.SHA256())
    )
    pem, secret = tmp_path / "own.pem", tmp_path / "own.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with running(tmp_path, "--tls-cert", str(pem), "--tls-key", str(secret)) as server:
        assert spoken(server, pem, V.TLSv1_2, V.TLSv1_2) == "TLSv1.2"
        assert spoken(server, pem, V.TLSv1_2, V.TLSv1_3) == "TLSv1.3"
