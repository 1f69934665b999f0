"""What does a failure of PostgreSQL mean, and what can the operator do? One table, by SQLSTATE.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html. States that are not here are faults of xtap or
of one change, not of the storage, and are not translated.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from xtap.errors import Unavailable
from xtap.store.group_commit import Contended

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOST: Final = (
    "The database cannot be reached or refuses the connection. See that it runs; check address, user, password and "
    "database."
)
_BUSY: Final = "Another node holds the lock of this tenant. Try again; if it stays so, end the session that holds it."
_SCHEMA: Final = "The tables of xtap are not there as they should be. Run 'xtap migrate', or restore the database."

_UNKNOWN: Final = "40003"
"""The database does not know whether it kept the transaction: to run it again could make a change twice."""

_ADVICE: Final = {
    _UNKNOWN: "The change may have been made: read before you send it again.",
    "08": _LOST,
    "57014": "The database took longer over a statement than it may. Try again when it has less to do.",
    "57": "The database was stopped or is starting. Try again when it runs.",
    "53": "The database has used up its storage, memory or connections. Give it more.",
    "58": "The disk of the database failed. Check the disk and the free space on it.",
    "55": _BUSY,
    "25006": "The database is read-only, as a standby is. Name the primary in the URL, or all of them.",
    "25": _BUSY,
    "42501": "The user may not use the tables. Grant it SELECT, INSERT, UPDATE and DELETE on them.",
    "42P01": _SCHEMA,
    "42703": _SCHEMA,
    "XX001": "The database is damaged. Restore it from a backup.",
    "XX002": "The database is damaged. Restore it from a backup.",
}


def advice(error: psycopg.Error) -> str | None:
    """Say what the operator can do about a failure of the storage; None when the storage is not at fault."""
    state = error.sqlstate
    if state is None:  # the client library speaks: no connection, or one that broke
        text = _LOST if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
    else:
        text = _ADVICE.get(state) or _ADVICE.get(state[:2])
    return None if text is None else f"{text} (PostgreSQL: {_in_one_line(error)})"


def is_contention(error: psycopg.Error) -> bool:
    """Whether the database gave up this transaction for the sake of another one: deadlock, serialization failure."""
    state = error.sqlstate or ""
    return state.startswith("40") and state != _UNKNOWN


@contextmanager
def storage_refusals() -> Iterator[None]:
    """Translate failures of the storage inside the block.

    Raises:
        Contended: the transaction can be run again at once.
        Unavailable: the storage failed; the message says what to do.
    """
    try:
        yield
    except psycopg.Error as error:
        if is_contention(error):
            raise Contended(_in_one_line(error)) from error
        text = advice(error)
        if text is None:
            raise
        raise Unavailable(text) from error


def _in_one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
