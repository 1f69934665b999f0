"""Which shape does the SQLite database have, and how did it come to it? Forward only, one script for each version.

A script that was released is never edited: a database remembers only how many scripts it has seen. Add a new one.
"""

from __future__ import annotations

from typing import Final

Migrations = tuple[tuple[str, ...], ...]
"""SQL statements that lead from version n to n + 1, at place n."""

MIGRATIONS: Final[Migrations] = (
    (
        # Not WITHOUT ROWID: with documents of about 900 bytes that made 32 writers 1.6 times slower (ADR 0002).
        # Keys compare byte by byte (SQLite's default collation, PostgreSQL's "C"): the order of SortedMap.
        """
        CREATE TABLE objects (
            tenant TEXT NOT NULL,
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (tenant, kind, key)
        )
        """,
        # version: how many changes the tenant has seen; sequence: number of its last audit record, also when that
        # record was removed since, so that numbers are never given twice.
        """
        CREATE TABLE tenants (
            tenant TEXT NOT NULL PRIMARY KEY,
            version INTEGER NOT NULL,
            sequence INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE audit (
            tenant TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            id TEXT NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (tenant, sequence)
        )
        """,
    ),
    (
        """
        CREATE TABLE decision_log (
            tenant TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (tenant, sequence)
        )
        """,
    ),
    (
        """
        CREATE TABLE sign_ins (
            tenant TEXT NOT NULL,
            id TEXT NOT NULL,
            time TEXT NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (tenant, id)
        )
        """,
        "CREATE INDEX sign_ins_by_time ON sign_ins (tenant, time, id)",
    ),
    # Of the commit that made the version, so that two commits are never taken for one another.
    ("ALTER TABLE tenants ADD COLUMN mark BLOB NOT NULL DEFAULT x''",),
)
"""All scripts of this version of xtap."""
