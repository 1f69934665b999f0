"""What does a failure of PostgreSQL mean, and what can the operator do? One table, by SQLSTATE.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html. States that are not here are faults of xtap or
of one change, not of the storage, and are not translated.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from xtap.errors import OutcomeUnknown, Unavailable
from xtap.store.group_commit import CONTENDED, Contended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.rows import TupleRow

_LOST: Final = (
    "The database cannot be reached or refuses the connection. See that it runs; check address, user, password and "
    "database."
)
_BUSY: Final = "Another node holds the lock of this tenant. Try again; if it stays so, end the session that holds it."
_STARVED: Final = (
    "This node did nothing for too long in the middle of a transaction, so the database ended its session to free its "
    "locks. Try again; if it stays so, give the machine of xtap more time to run."
)
_CANCELLED: Final = (
    "A statement took longer than 60 seconds, or somebody cancelled it. Try again; if it stays so, see what keeps the "
    "database busy."
)
_SCHEMA: Final = (
    "The tables of xtap are not there as they should be. 'xtap migrate --check' says what is missing; put it back, or "
    "load a backup into an empty database."
)
_READ_ONLY: Final = (
    "The database is read-only: a standby, or set so (default_transaction_read_only). Name the primary in the URL, or "
    "all of them, or let the user write."
)

_ADVICE: Final = {
    "08": _LOST,
    "57": "The database was stopped or is starting. Try again when it runs.",
    "57014": _CANCELLED,
    "53": "The database has used up its storage, memory or connections. Give it more.",
    "58": "The disk of the database failed. Check the disk and the free space on it.",
    "55": _BUSY,
    "25006": _READ_ONLY,
    "25P03": _STARVED,
    "25P04": _STARVED,
    "42501": "The user may not use the tables. Grant it SELECT, INSERT, UPDATE and DELETE on them.",
    "3F000": "The schema of the tables does not exist. Make it, or name another one in the URL (search_path).",
    "42P01": _SCHEMA,
    "42703": _SCHEMA,
    "XX001": "The database is damaged. Restore it from a backup.",
    "XX002": "The database is damaged. Restore it from a backup.",
}

_CONTENTION: Final = {"40001", "40P01"}
"""Serialization failure, deadlock: the database gave up this transaction for the sake of another one."""

_UNKNOWN: Final = {"40003", "08007"}
"""Statement completion unknown (an ambiguous commit of CockroachDB), transaction resolution unknown."""

_MAYBE: Final = "The change may have been made: read before you send it again."


def advice(error: psycopg.Error) -> str | None:
    """Say what the operator can do about a failure of the storage; None when the storage is not at fault."""
    state = error.sqlstate
    if state is None:  # the client library speaks: no connection, or one that broke
        if "session is read-only" in str(error):  # target_session_attrs=read-write
            return _READ_ONLY
        return _LOST if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
    return _ADVICE.get(state) or _ADVICE.get(state[:2])


@contextmanager
def storage_refusals() -> Iterator[None]:
    """Translate failures of the storage inside the block.

    Raises:
        Contended: the transaction can be run again at once.
        OutcomeUnknown: the database does not know itself whether it made the transaction.
        Unavailable: the storage failed; the message says what to do.
    """
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate in _CONTENTION:
            raise Contended(CONTENDED, f"PostgreSQL: {_in_one_line(error)}") from error
        if error.sqlstate in _UNKNOWN:
            raise OutcomeUnknown(_MAYBE, f"PostgreSQL: {_in_one_line(error)}") from error
        text = advice(error)
        if text is None:
            raise
        raise Unavailable(text, f"PostgreSQL: {_in_one_line(error)}") from error


@contextmanager
def committing(connection: psycopg.Connection[TupleRow]) -> Iterator[None]:
    """Translate failures of the commit inside the block; nobody is told that it succeeded unless it is certain.

    A COMMIT whose wait for the standby is cancelled succeeds with a warning: it is made here, and would be lost if the
    standby took over. Source: https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION.

    Raises:
        OutcomeUnknown: the connection was lost, the database warned, or something else than the database failed.
        Contended: as ``storage_refusals``.
        Unavailable: likewise; nothing was changed.
    """
    warnings: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if (notice.severity_nonlocalized or notice.severity) == "WARNING":
            warnings.append(f"{notice.message_primary} {notice.message_detail or ''}".strip())

    connection.add_notice_handler(hear)
    try:
        with storage_refusals():
            yield
    except (psycopg.Error, Unavailable) as error:
        if connection.closed and not isinstance(error, OutcomeUnknown | Contended):
            detail = error.detail if isinstance(error, Unavailable) else f"PostgreSQL: {_in_one_line(error)}"
            raise OutcomeUnknown(f"The connection was lost during a commit. {_MAYBE}", detail) from error
        raise
    except Exception as fault:
        raise OutcomeUnknown(_MAYBE, _in_one_line(fault)) from fault
    finally:
        connection.remove_notice_handler(hear)
    if warnings:
        raise OutcomeUnknown(_MAYBE, f"PostgreSQL: {' '.join(warnings)}")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
