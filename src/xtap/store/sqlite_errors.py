"""What does a failure of SQLite mean, and what can the operator do? One table, by SQLite's primary result code.

Source: https://www.sqlite.org/rescode.html. Codes that are not here are faults of xtap or of one change, not of the
storage, and are not translated.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from xtap.errors import OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUSY: Final = "The database is locked by another process. Try again; if it stays so, end the process that holds it."
_DAMAGED: Final = "The database file is damaged or no SQLite database. Restore it from a backup."

_DRIFTED: Final = "The tables of the database are not those of xtap. Restore it from a backup."
_NO_SUCH: Final = ("no such table", "no such column", "table ")
"""How messages of SQLITE_ERROR begin that speak of tables; the last one goes on ``... has no column named``."""

_ADVICE: Final = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: "The storage is full. Free space on its disk, or raise the size limit of the database.",
    sqlite3.SQLITE_READONLY: "The database cannot be written. Make its file, its directory and its disk writable.",
    sqlite3.SQLITE_PERM: "The database may not be used. Give the user that runs xtap access to its file.",
    sqlite3.SQLITE_CANTOPEN: "The database cannot be opened. Make its directory exist and be writable.",
    sqlite3.SQLITE_IOERR: "The disk of the database failed. Check the disk and the free space on it.",
    sqlite3.SQLITE_NOMEM: "The memory is used up. Give the process more of it.",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}

_MAYBE: Final = (
    "The disk of the database failed during a commit. The change may have been made: read before you send it again. "
    "Check the disk."
)


def advice(error: sqlite3.Error) -> str | None:
    """Say what the operator can do about a failure of the storage; None when the storage is not at fault."""
    code: int | None = getattr(error, "sqlite_errorcode", None)  # absent when Python raised it, not SQLite
    if code == sqlite3.SQLITE_ERROR and str(error).startswith(_NO_SUCH):
        return _DRIFTED
    return None if code is None else _ADVICE.get(code & 0xFF)  # the low byte is the primary code


@contextmanager
def storage_refusals() -> Iterator[None]:
    """Translate failures of the storage inside the block.

    Raises:
        Unavailable: the storage failed; the message says what to do.
    """
    try:
        yield
    except sqlite3.Error as error:
        text = advice(error)
        if text is None:
            raise
        raise Unavailable(text, f"SQLite: {error}") from error


@contextmanager
def committing() -> Iterator[None]:
    """Translate failures of the commit inside the block.

    What a failed flush has left on the disk is not known: SQLite takes the change back, but after a crash right then
    the log of the database may hold all of it.

    Raises:
        OutcomeUnknown: the disk failed.
        Unavailable: as ``storage_refusals``; nothing was changed.
    """
    try:
        with storage_refusals():
            yield
    except Unavailable as refusal:
        cause = refusal.__cause__
        if isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR:
            raise OutcomeUnknown(_MAYBE, refusal.detail) from cause
        raise
