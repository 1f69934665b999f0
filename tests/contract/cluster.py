"""A real PostgreSQL of our own: a cluster in a folder of its own, on a free port of this machine and a unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from xtap.store.postgres import PostgresStore
from xtap.store.postgres_database import PostgresDatabase
from xtap.testing.local_server import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret/of:tests"
START_SECONDS = 30.0


def open_node(url: str, stale_limit: float = 10.0) -> PostgresStore:
    """Open the store of one more node."""
    return PostgresStore.open(PostgresDatabase.at(url), stale_limit=stale_limit)


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs: from the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


@dataclass
class Cluster:
    """One running cluster.

    Attributes:
        folder: its home, whose owner is who runs it.
        bin: where its programs are.
        port: on 127.0.0.1 with a password, and on the unix socket in the folder without.
    """

    folder: Path
    bin: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    made: int = 0
    as_user: dict[str, object] = field(default_factory=dict)

    @property
    def socket_url(self) -> str:
        """The address over the unix socket, where nobody is asked for a password."""
        return f"postgresql://xtap@/postgres?host={self.folder}&port={self.port}"

    @property
    def tcp_url(self) -> str:
        """The address over loopback; it needs the password."""
        return f"postgresql://xtap@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def admin(self, url: str = "") -> psycopg.Connection[tuple[object, ...]]:
        """Return a session of the superuser."""
        return psycopg.connect(url or self.socket_url, autocommit=True)

    def empty(self) -> str:
        """Make an empty place for tables and return its URL: a schema, which takes a hundredth of a database's time."""
        self.made += 1
        with self.admin() as connection:
            connection.execute(f"CREATE SCHEMA test{self.made}".encode())
        return f"{self.socket_url}&options=-csearch_path%3Dtest{self.made}"

    def database(self) -> str:
        """Make a place with the tables of xtap, and return its URL."""
        url = self.empty()
        PostgresDatabase.at(url).migrate()
        return url

    def start(self) -> None:
        """Start the server, and wait until it answers; a crash before is recovered from."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process is None or self.process.poll() is not None:  # it ends while children of a killed one live
                self._spawn()
            try:
                self.admin().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop the server without a last checkpoint, which nobody needs."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kill the server process with SIGKILL; its children notice and end."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(START_SECONDS)
        self.process = None

    def _spawn(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.folder / "data"],
                stdout=log,
                stderr=log,
                **self.as_user,  # type: ignore[call-overload]
            )


@contextmanager
def running() -> Iterator[Cluster]:
    """Make a cluster, run it until the block ends, and remove it."""
    bin_ = binaries()
    assert bin_ is not None
    folder = Path(tempfile.mkdtemp(prefix="xtap-pg-"))  # pytest's own folders are closed to other users
    cluster = Cluster(folder, bin_, free_ports(1)[0])
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        cluster.as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    try:
        subprocess.run(
            [
                *(bin_ / "initdb", "-D", folder / "data", "--no-sync", "--username=xtap", f"--pwfile={secret}"),
                *("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            ],
            check=True,
            capture_output=True,
            **cluster.as_user,  # type: ignore[call-overload]
        )
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(
                f"port = {cluster.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
                "max_connections = 200\nshared_buffers = 16MB\n"
            )
        cluster.start()
        yield cluster
    finally:
        if cluster.process is not None:
            cluster.stop()
        shutil.rmtree(folder)
