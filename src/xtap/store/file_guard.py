"""Who serves this database file? At most one server at a time, held by an advisory lock beside the file."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class FileGuard:
    """The lock on ``<database>.lock``; the kernel gives it back when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, database: Path) -> FileGuard:
        """Take the lock at once or not at all.

        Raises:
            ConfigurationError: another process has it, or the lock file cannot be written.
        """
        path = database.with_name(f"{database.name}.lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"The lock file {path} cannot be written ({error.strerror}). "
                "Make its directory exist and be writable for the user that runs xtap."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise ConfigurationError(
                f"Another xtap server (process {holder}) uses the database {database}. "
                "Stop it first, or give this one a database of its own."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would let two processes hold two different locks."""
        os.close(self._descriptor)
