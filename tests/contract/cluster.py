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
        return Path(found).resolve().parent  # some installations link a few of the programs only
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

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the cluster's data."""
        subprocess.run(
            [self.bin / program, "-D", self.folder / "data", *arguments],
            check=True,
            capture_output=True,
            **self.as_user,  # type: ignore[call-overload]
        )

    def configure(self, *settings: str) -> None:
        """Add lines to the configuration: where it listens, and these."""
        mine = (
            f"port = {self.port}",
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{self.folder}'",
            *settings,
        )
        with (self.folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write("\n".join((*mine, "")))

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        with self.admin() as session:
            session.execute("SELECT pg_promote()")

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
        """Kill the server process with SIGKILL, and wait until its children have noticed and ended."""
        children = self._children()
        self._end(signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS
        while any(Path(f"/proc/{child}").exists() for child in children):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def _children(self) -> list[int]:
        assert self.process is not None
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Stop every process of the server where it is, connections open, until the block ends."""
        assert self.process is not None
        stopped = [self.process.pid]
        try:
            self.process.send_signal(signal.SIGSTOP)  # first: it starts no more children then
            for child in self._children():
                os.kill(child, signal.SIGSTOP)
                stopped.append(child)
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

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
def running(place: Path | None = None) -> Iterator[Cluster]:
    """Make a cluster, run it until the block ends, and remove it.

    Args:
        place: an existing folder for it, open to other users; else one for temporary files.
    """
    with _home(place) as cluster:
        secret = cluster.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        cluster.run(
            *("initdb", "--no-sync", "--username=xtap", f"--pwfile={secret}"),
            *("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"),
        )
        cluster.configure("max_connections = 200", "shared_buffers = 16MB")
        cluster.start()
        yield cluster


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Cluster]:
    """Run a copy of a cluster that follows it, and without which it acknowledges nothing, until the block ends."""
    with _home() as cluster:
        cluster.run(
            "pg_basebackup", "-d", primary.socket_url, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"
        )
        cluster.configure()
        cluster.start()
        with primary.admin() as session:
            session.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            session.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + START_SECONDS
            while session.execute("SELECT sync_state FROM pg_stat_replication").fetchall() != [("sync",)]:
                assert time.monotonic() < deadline, (cluster.folder / "log").read_text()
                time.sleep(0.02)
        yield cluster


@contextmanager
def _home(place: Path | None = None) -> Iterator[Cluster]:
    """Make the folder of a cluster, and remove it with whatever runs in it."""
    bin_ = binaries()
    assert bin_ is not None
    folder = Path(tempfile.mkdtemp(prefix="xtap-pg-", dir=place))  # pytest's own folders are closed to other users
    cluster = Cluster(folder, bin_, free_ports(1)[0])
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        cluster.as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    try:
        yield cluster
    finally:
        if cluster.process is not None:
            cluster.stop()
        shutil.rmtree(folder)
