"""A database that is gone is never replaced by an empty one; a first start makes one, however often it is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.testing.local_server import LocalServer, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def used(tmp_path: Path) -> LocalServer:
    """A server that has served, is stopped, and has a backup."""
    server = local(tmp_path)
    server.run("init", "--demo")
    server.start()
    server.stop()
    server.run("backup", "good.xtap")
    return server


def local(folder: Path) -> LocalServer:
    port, tls_port = free_ports(2)
    return LocalServer(folder, port, tls_port)


def remove(folder: Path) -> None:
    for file in folder.glob("xtap.db*"):
        file.unlink()


def empty(folder: Path) -> None:
    (folder / "xtap.db").write_bytes(b"")


def leave_one_page(folder: Path) -> None:
    """What is left of a database that was copied without its log: a header, and no table."""
    remove(folder)
    connection = sqlite3.connect(folder / "xtap.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert (folder / "xtap.db").stat().st_size == 4096


COMMANDS = (
    ("serve",),
    ("serve", "--workers", "2"),
    ("backup", "new.xtap"),
    ("export", "--all"),
    ("tenant", "list"),
    ("token", "--tenant", "contoso"),
    ("migrate",),
)


@pytest.mark.parametrize("lose", [remove, empty, leave_one_page])
def test_no_command_replaces_a_database_that_is_gone(used: LocalServer, lose: Callable[[Path], None]):
    data = used.folder / ".xtap"
    lose(data)
    for command in COMMANDS if lose is remove else COMMANDS[:2]:
        done = used.run(*command, check=False)
        assert done.returncode == 1, command
        assert "there was one before" in done.stderr, command
        assert "'xtap restore'" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "xtap is ready" not in done.stdout
    assert not (used.folder / "new.xtap").exists()
    if lose is remove:
        assert not (data / "xtap.db").exists()


def test_what_is_left_of_its_log_is_not_touched(used: LocalServer):
    data = used.folder / ".xtap"
    (data / "xtap.db-wal").write_bytes(b"what somebody may want to look at")
    empty(data)
    assert used.run("serve", check=False).returncode == 1
    assert (data / "xtap.db-wal").read_bytes() == b"what somebody may want to look at"


def test_a_backup_or_a_new_beginning_make_it_start_again(used: LocalServer):
    remove(used.folder / ".xtap")
    (used.folder / "bad.xtap").write_bytes((used.folder / "good.xtap").read_bytes()[:-20])
    assert used.run("restore", "bad.xtap", check=False).returncode == 1
    assert "there was one before" in used.run("serve", check=False).stderr, "a broken backup left an empty database"
    used.run("restore", "good.xtap")
    assert "contoso" in used.run("tenant", "list").stdout
    remove(used.folder / ".xtap")
    assert "this is a new, empty one" in used.run("init").stdout
    assert "new, empty" not in used.run("init").stdout
    assert "contoso" not in used.run("tenant", "list").stdout


def test_a_folder_of_a_version_without_the_mark_gets_it(used: LocalServer):
    mark = used.folder / ".xtap" / "had-database"
    mark.unlink()
    used.run("tenant", "list")
    assert mark.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_first_start_in_an_empty_folder_needs_no_init(tmp_path: Path, workers: str):
    (tmp_path / ".xtap").mkdir()
    server = local(tmp_path)
    server.flags = ("--embedded-issuer", "--workers", workers)
    server.start()
    assert httpx.get(f"{server.http}/readyz").status_code == 200
    server.stop()


def test_a_first_start_that_is_killed_can_be_tried_again(tmp_path: Path):
    """Killed at twelve moments, from before the file is made until after it has its tables."""
    states = set()
    moments = [("xtap.db.lock", number * 0.002) for number in range(11)]
    for kill, (file, seconds) in enumerate([*moments, ("had-database", 0.0)]):
        folder = tmp_path / f"{kill}"
        (folder / ".xtap").mkdir(parents=True)
        server = local(folder)
        killed_while_starting(server, file, seconds)
        database, mark = folder / ".xtap" / "xtap.db", folder / ".xtap" / "had-database"
        states.add((database.exists() and database.stat().st_size > 0, mark.exists()))
        done = server.run("tenant", "list", check=False)
        assert done.returncode == 0, (kill, done.stderr)
    assert (True, True) in states
    assert (False, True) not in states, "a mark without a database"


def killed_while_starting(server: LocalServer, file: str, seconds: float) -> None:
    """Kill a server so many seconds after a file of its folder appears."""
    command = server.command("serve", "--embedded-issuer", "--tls-port", str(server.tls_port))
    process = subprocess.Popen(
        command, cwd=server.folder, env=server.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not os.path.lexists(server.folder / ".xtap" / file):
        assert time.monotonic() < deadline
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
