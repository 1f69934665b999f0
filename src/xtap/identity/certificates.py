"""What must a certificate hold so that strict clients take it? X.509 for the local authority and its server.

Loads ``cryptography``; ``xtap.identity.authority`` says when that is needed. Extensions: RFC 5280 4.2.1, each one that
OpenSSL's X509_V_FLAG_X509_STRICT looks for (on by default since Python 3.13).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import ssl
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from xtap.errors import ConfigurationError
from xtap.identity import private_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xtap.identity.authority import Certificates

log = logging.getLogger(__name__)

WARN: Final = dt.timedelta(days=14)
"""A certificate of somebody else's making that ends sooner than this is worth a warning."""

CA_DAYS: Final = 3650
SERVER_DAYS: Final = 397
"""Longest validity that browsers accept (CA/Browser Forum, Apple's limit of 398 days)."""

RENEW_DAYS: Final = 30
"""A server certificate that ends sooner than this is made again."""

_BACKDATED = dt.timedelta(hours=1)  # clients whose clocks are behind accept it at once


def bring_up_to_date(files: Certificates, now: float, hosts: Sequence[str]) -> float:
    """Make what is missing, near its end or for other hosts; leave the rest as it is.

    Args:
        files: where they are.
        now: seconds since 1970.
        hosts: DNS names and IP addresses.

    Returns:
        when to look again, seconds since 1970.

    Raises:
        ConfigurationError: a private key can be read by others, a file is damaged, or a host is neither.
    """
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    names = [_general_name(host) for host in hosts]
    ca, ca_key = _authority(files.ca, files.ca_key, moment)
    certificate = _good_certificate(files, ca, moment, names) or _issue(files, ca, ca_key, moment, names)
    return (certificate.not_valid_after_utc - dt.timedelta(days=RENEW_DAYS)).timestamp()


def require_good(certificate: Path, key: Path, now: float) -> None:
    """Prove that a listener can use a certificate of somebody else's making; warn when it ends soon.

    Args:
        certificate: chain in PEM, the server's own first.
        key: its private key in PEM, without a password.
        now: seconds since 1970.

    Raises:
        ConfigurationError: they cannot be read, do not belong together, or are not valid now.
    """
    try:
        # An empty password, because without any OpenSSL would ask the terminal for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        unread = isinstance(error, ssl.SSLError) and not error.reason  # OpenSSL found nothing that it can read
        reason = "it holds no PEM of its kind" if unread else getattr(error, "reason", None) or error
        raise ConfigurationError(
            f"The certificate {certificate} cannot be used with the key {key} ({reason}). Expected the chain in PEM, "
            "the server's own certificate first, and its private key in PEM without a password."
        ) from None
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    if moment > ends:
        raise ConfigurationError(f"The certificate {certificate} expired on {ends:%Y-%m-%d %H:%M} UTC. Renew it.")
    if moment < begins:
        raise ConfigurationError(
            f"The certificate {certificate} is not valid before {begins:%Y-%m-%d %H:%M} UTC. Check the clock."
        )
    if ends - moment < WARN:
        log.warning("the certificate %s expires on %s UTC", certificate, f"{ends:%Y-%m-%d %H:%M}")


def ends_of(chain: bytes) -> dt.datetime:
    """Return until when the first certificate of a chain (PEM) is valid."""
    return x509.load_pem_x509_certificate(chain).not_valid_after_utc


def _authority(path: Path, key_path: Path, now: dt.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        key = _read_key(key_path)
        ca = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        # Both or neither: a certificate whose key is gone can sign nothing, and a key alone is trusted by nobody.
        return _new_authority(path, key_path, now)
    except ValueError as error:
        raise ConfigurationError(f"{path} or {key_path} is damaged; delete both to have a new authority.") from error
    if ca.public_key() != key.public_key():
        raise ConfigurationError(f"{path} and {key_path} do not belong together; delete both to have a new authority.")
    if ca.not_valid_after_utc - now < dt.timedelta(days=SERVER_DAYS):
        return _new_authority(path, key_path, now)
    return ca, key


def _new_authority(path: Path, key_path: Path, now: dt.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # The serial makes each authority's name unlike that of an earlier one that a client still trusts.
    name = _name(f"xtap local authority {serial & 0xFFFFFFFF:08x}")
    builder = _builder(name, name, key, now, CA_DAYS).serial_number(serial)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    private_file.write(key_path, _encode_key(key))
    private_file.write(path, certificate.public_bytes(Encoding.PEM), mode=0o644)
    return certificate, key


def _issue(
    files: Certificates,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    names: list[x509.GeneralName],
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(_name(str(names[0].value)), ca.subject, key, now, SERVER_DAYS)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(ca_key, SHA256())
    )
    private_file.write(files.key, _encode_key(key))
    private_file.write(files.certificate, certificate.public_bytes(Encoding.PEM), mode=0o644)
    return certificate


def _good_certificate(
    files: Certificates, ca: x509.Certificate, now: dt.datetime, names: list[x509.GeneralName]
) -> x509.Certificate | None:
    try:
        key = _read_key(files.key)
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        certificate.verify_directly_issued_by(ca)
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return None
    good = (
        certificate.public_key() == key.public_key()
        and set(found) == set(names)
        and certificate.not_valid_before_utc <= now
        and certificate.not_valid_after_utc - now > dt.timedelta(days=RENEW_DAYS)
    )
    return certificate if good else None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    # RFC 5280 A.1: a common name has at most 64 characters; names are checked in the SAN, so it is only a label.
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text[:64])])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host.lower())
    except ValueError as error:
        raise ConfigurationError(f"'{host}' is no host name: write it in ASCII (punycode), without a port.") from error


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(private_file.read(path), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"{path} is not an elliptic-curve key; delete it to have a new one.")
    return key


def _encode_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
