"""What cannot work is refused at the start: one message that says what to do, exit code 1, never a traceback."""

from __future__ import annotations

import ctypes
import datetime as dt
import os
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from xtap.testing.local_server import LocalServer, free_ports

if TYPE_CHECKING:
    from pathlib import Path

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> LocalServer:
    """A folder that ``xtap init`` has filled, and ports for a server that never comes to run."""
    server = local(tmp_path_factory.mktemp("made"))
    server.run("init", "--demo")
    return server


def local(folder: Path) -> LocalServer:
    port, tls_port = free_ports(2)
    return LocalServer(folder, port, tls_port)


def refused(server: LocalServer, *flags: str, command: str = "serve") -> str:
    done = server.run(command, *flags, check=False)
    assert_refused(done)
    return done.stderr


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "xtap is ready" not in done.stdout


def certificate(
    folder: Path, begins: dt.timedelta, ends: dt.timedelta, encryption: KeySerializationEncryption | None = None
) -> tuple[str, ...]:
    """Write a certificate that is valid between these times from now, and return the flags that name it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .sign(key, SHA256())
    )
    (folder / "tls.pem").write_bytes(built.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    (folder / "tls.key").write_bytes(private)
    (folder / "tls.key").chmod(0o600)
    return ("--tls-cert", str(folder / "tls.pem"), "--tls-key", str(folder / "tls.key"))


# --- certificates -----------------------------------------------------------------

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_expired_certificate(made: LocalServer, tmp_path: Path, workers: str):
    said = refused(made, *certificate(tmp_path, -2 * DAY, -DAY), "--workers", workers)
    assert f"expired on {dt.datetime.now(dt.UTC) - DAY:%Y-%m-%d}" in said
    assert "Renew it" in said


def test_a_certificate_that_is_not_valid_yet(made: LocalServer, tmp_path: Path):
    assert "not valid before" in refused(made, *certificate(tmp_path, DAY, 2 * DAY))


def test_a_key_that_belongs_to_another_certificate(made: LocalServer, tmp_path: Path):
    flags = certificate(tmp_path, -DAY, DAY)
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other", -DAY, DAY)
    said = refused(made, *flags[:3], str(tmp_path / "other" / "tls.key"))
    assert "tls.pem cannot be used with the key" in said


def test_a_key_with_a_password(made: LocalServer, tmp_path: Path):
    flags = certificate(tmp_path, -DAY, DAY, BestAvailableEncryption(b"secret"))
    assert "without a password" in refused(made, *flags)


def test_files_that_are_no_certificates(made: LocalServer, tmp_path: Path):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    wrong.chmod(0o600)
    assert "Expected the chain in PEM" in refused(made, "--tls-cert", str(wrong), "--tls-key", str(wrong))
    assert "nowhere.pem is not there" in refused(made, "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key")
    assert ". is no file" in refused(made, "--tls-cert", ".", "--tls-key", ".")
    outside = ("--issuer", "https://issuer.example", "--audience", "a", "--issuer-ca")
    assert "it holds no certificates" in refused(made, *outside, str(wrong))
    assert "No such file" in refused(made, *outside, "nowhere.pem")


# --- ports and addresses ----------------------------------------------------------


def test_ports_that_cannot_be_had(made: LocalServer):
    with LocalServerPort() as taken:
        assert "Choose another --port" in refused(made, "--port", taken)
        assert "Choose another --tls-port" in refused(made, "--tls-port", taken)
        assert "Choose another --metrics-port" in refused(made, "--metrics-port", taken)
        assert "Choose another --port" in refused(made, "--port", taken, "--workers", "2")
    flags = ("--unsafe-embedded-issuer-on-network", "--host")
    assert "an address of this machine" in refused(made, *flags, "192.0.2.1")
    assert "Cannot listen on nowhere.invalid" in refused(made, *flags, "nowhere.invalid")


class LocalServerPort:
    """A port that another program listens on."""

    def __enter__(self) -> str:
        import socket  # noqa: PLC0415 - one use

        self.socket = socket.create_server(("127.0.0.1", 0))
        return str(self.socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.socket.close()


# --- storage ----------------------------------------------------------------------


@pytest.mark.parametrize("command", [["serve"], ["serve", "--workers", "2"], ["tenant", "list"], ["backup", "b.xtap"]])
def test_a_password_without_its_database(made: LocalServer, command: list[str]):
    """The file in the folder would be served, or changed, instead of the database that was meant."""
    (made.folder / "password").write_text("word")
    (made.folder / "password").chmod(0o600)
    done = made.run(*command, "--database-password-file", "password", check=False)
    assert_refused(done)
    assert "--database-password-file password is the password of no database: set --database" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("content", [b"no database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 5000, b"x" * 100])
def test_a_database_that_is_damaged(tmp_path: Path, content: bytes, workers: str):
    server = local(tmp_path)
    server.run("init", "--demo")
    (tmp_path / ".xtap" / "xtap.db").write_bytes(content)
    said = refused(server, "--workers", workers)
    assert "xtap.db cannot be used" in said
    assert "Restore it from a backup" in said


def test_a_page_of_the_database_that_is_damaged(tmp_path: Path):
    """What stands in the middle is met only when it is read: 503, a reason in the log, and no traceback."""
    server = local(tmp_path)
    server.run("init", "--demo")
    path = tmp_path / ".xtap" / "xtap.db"
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    path.write_bytes(content)
    done = server.run("serve", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "damaged" in done.stderr
    assert "Restore it from a backup" in done.stderr


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DROP TABLE objects", "the table objects is missing"),
        ("DROP TABLE audit", "the table audit is missing"),
        ("ALTER TABLE tenants RENAME COLUMN sequence TO seq", "the column sequence of the table tenants is missing"),
        ("ALTER TABLE sign_ins DROP COLUMN document", "the column document of the table sign_ins is missing"),
    ],
)
def test_tables_that_another_program_changed(tmp_path: Path, change: str, named: str):
    server = local(tmp_path)
    server.run("init", "--demo")
    with closing(sqlite3.connect(tmp_path / ".xtap" / "xtap.db")) as other:
        other.execute(change)
    for said in (refused(server), refused(server, "--workers", "2"), refused(server, "--check", command="migrate")):
        assert named in said
        assert "Restore it from a backup" in said


def test_a_table_of_somebody_else_beside_ours_is_no_reason(tmp_path: Path):
    server = local(tmp_path)
    server.run("init", "--demo")
    with closing(sqlite3.connect(tmp_path / ".xtap" / "xtap.db")) as other:
        other.execute("CREATE TABLE theirs (a)")
        other.execute("ALTER TABLE objects ADD COLUMN note TEXT")
    assert server.run("migrate", "--check").stdout == "the database is up to date\n"


def test_folders_that_cannot_be_written(tmp_path: Path):
    server = local(tmp_path)
    server.run("init", "--demo")
    folder = tmp_path / ".xtap"
    (folder / "certificates.json").unlink()
    for mode in (0o500, 0o000):
        folder.chmod(mode)
        done = without_override(server, "serve")
        folder.chmod(0o700)
        assert_refused(done)
        assert ".xtap" in done.stderr
    (tmp_path / "closed").mkdir(mode=0o500)
    done = without_override(server, "init", "--data", "closed/data")
    assert_refused(done)
    assert "Cannot make the data folder closed/data" in done.stderr
    config = tmp_path / "xtap.toml"
    config.chmod(0o000)
    done = without_override(server, "serve")
    assert_refused(done)
    assert "xtap.toml cannot be read" in done.stderr


def test_a_data_folder_that_is_a_file(tmp_path: Path):
    (tmp_path / "file").write_text("")
    server = local(tmp_path)
    assert "file" in refused(server, "--data", "file", command="init")
    assert "There is no data folder" in refused(server, "--data", "file", "--embedded-issuer")


def without_override(server: LocalServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user whom the modes of files bind, which root is after losing two capabilities."""

    def drop() -> None:
        if os.geteuid() == 0:
            for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
                assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0

    return subprocess.run(
        server.command(*arguments),
        cwd=server.folder,
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=drop,
        timeout=60,
    )


# --- health -----------------------------------------------------------------------


def test_the_health_of_a_server_that_speaks_https_only(tmp_path: Path):
    server = LocalServer(tmp_path, 0, free_ports(1)[0])
    server.run("init")
    assert server.run("healthcheck", check=False).returncode == 1
    process = subprocess.Popen(
        server.command("serve"), cwd=tmp_path, env=server.environment(), stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while server.run("healthcheck", check=False).returncode:
            assert time.monotonic() < deadline
    finally:
        process.terminate()
        assert process.wait(20) == 0


# --- secrets ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o644, True), (0o666, True), (0o660, True), (0o640, False), (0o400, False)]
)
def test_a_secret_that_others_can_use_is_said(tmp_path: Path, mode: int, *, warned: bool):
    """Not refused: mounted secrets are readable for everybody by default. What root owns, its group may read."""
    server = local(tmp_path)
    server.run("init")
    certificate(tmp_path, -DAY, DAY)
    key = tmp_path / "tls.key"
    key.chmod(mode)
    with LocalServerPort() as taken:  # it ends when it has looked at its files
        flags = ("--tls-cert", "tls.pem", "--tls-key", "tls.key", "--database-password-file", "tls.key")
        done = server.run("serve", *flags, "--port", taken, check=False)
    expected = f"tls.key holds a secret, but its mode is {mode:04o}"
    warned = warned or (os.geteuid() != 0 and bool(mode & 0o077))
    assert done.stderr.count(expected) == (2 if warned else 0), done.stderr
