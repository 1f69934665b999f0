"""How does a local server speak https? A small certificate authority of its own, and a certificate from it.

Every Entra client insists on an https authority, so ``xtap init`` makes these files in the data folder:

    ca.pem              the authority's certificate, 10 years; what clients are told to trust
    ca.key              its private key, mode 0600
    server.pem          the certificate for the host names, 397 days, made again a month before it ends
    server.key          its private key, mode 0600
    certificates.json   that these very files were found good, for which hosts, and until when

The authority stays when host names change, so clients need not be told again. The last file spares a start the loading
of ``cryptography`` (25 ms): while the digests match there is nothing to look at. What the certificates hold is in
``xtap.identity.certificates``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from xtap.errors import ConfigurationError
from xtap.identity import private_file

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


class Certificates(Struct, frozen=True):
    """Where the files are: the authority to trust, and what the listener needs.

    Attributes:
        ca: certificate of the authority (PEM).
        ca_key: its private key.
        certificate: of the server (PEM).
        key: its private key (PKCS #8, PEM).
    """

    ca: Path
    ca_key: Path
    certificate: Path
    key: Path


class _Checked(msgspec.Struct, frozen=True):
    hosts: tuple[str, ...]
    until: float
    digest: str


def ensure(folder: Path, now: float, hosts: Sequence[str] = LOCAL_HOSTS) -> Certificates:
    """Make what is missing, near its end or for other hosts; leave the rest as it is.

    Args:
        folder: the data folder.
        now: seconds since 1970.
        hosts: DNS names and IP addresses that clients will use, at least one.

    Raises:
        ConfigurationError: a private key can be read by others, a file is damaged, or a host is neither.
    """
    if not hosts:
        raise ConfigurationError("A certificate needs at least one host name.")
    files = Certificates(folder / "ca.pem", folder / "ca.key", folder / "server.pem", folder / "server.key")
    stamp = folder / "certificates.json"
    if not _is_fresh(stamp, files, now, tuple(hosts)):
        from xtap.identity.certificates import bring_up_to_date  # noqa: PLC0415 - loads cryptography

        until = bring_up_to_date(files, now, hosts)
        checked = _Checked(tuple(hosts), until, _digest(files))
        private_file.write(stamp, msgspec.json.encode(checked), mode=0o644)
    return files


def _is_fresh(stamp: Path, files: Certificates, now: float, hosts: tuple[str, ...]) -> bool:
    try:
        checked = msgspec.json.decode(stamp.read_bytes(), type=_Checked)
        return checked.hosts == hosts and now < checked.until and checked.digest == _digest(files)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _digest(files: Certificates) -> str:
    """Return one digest over all four files; refuses keys that others can read, as every use of them does."""
    contents = (files.ca.read_bytes(), files.certificate.read_bytes())
    keys = (private_file.read(files.ca_key), private_file.read(files.key))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in (*contents, *keys))).hexdigest()
