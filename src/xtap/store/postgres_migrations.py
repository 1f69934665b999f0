"""Which shape does the PostgreSQL database have, and how did it come to it? Forward only, one script for each version.

A script that was released is never edited: a database remembers only how many scripts it has seen. Add a new one. It
must leave tables that the version before it can still use, because nodes are replaced one after the other.

All tables are keyed by tenant first, so that a distributed engine can place a tenant's rows together. Keys are bytes
(UTF-8): they compare byte by byte whatever the collation of the database, and engines that know no collations for
columns accept them.
"""

from __future__ import annotations

from typing import Final, LiteralString

Migrations = tuple[tuple[LiteralString, ...], ...]
"""SQL statements that lead from version n to n + 1, at place n."""

MIGRATIONS: Final[Migrations] = (
    (
        """
        CREATE TABLE objects (
            tenant TEXT NOT NULL,
            kind TEXT NOT NULL,
            key BYTEA NOT NULL,
            document BYTEA NOT NULL,
            PRIMARY KEY (tenant, kind, key)
        )
        """,
        # Meanings as in the SQLite database. Whoever changes a tenant holds the lock on its row here.
        """
        CREATE TABLE tenants (
            tenant TEXT NOT NULL PRIMARY KEY,
            version BIGINT NOT NULL,
            sequence BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE audit (
            tenant TEXT NOT NULL,
            sequence BIGINT NOT NULL,
            id TEXT NOT NULL,
            document BYTEA NOT NULL,
            PRIMARY KEY (tenant, sequence)
        )
        """,
        """
        CREATE TABLE decision_log (
            tenant TEXT NOT NULL,
            sequence BIGINT NOT NULL,
            document BYTEA NOT NULL,
            PRIMARY KEY (tenant, sequence)
        )
        """,
        # The number of the last document of a tenant's log: who appends holds the lock on its row.
        """
        CREATE TABLE decision_log_heads (
            tenant TEXT NOT NULL PRIMARY KEY,
            sequence BIGINT NOT NULL
        )
        """,
    ),
    (
        """
        CREATE TABLE sign_ins (
            tenant TEXT NOT NULL,
            id BYTEA NOT NULL,
            time BYTEA NOT NULL,
            document BYTEA NOT NULL,
            PRIMARY KEY (tenant, id)
        )
        """,
        "CREATE INDEX sign_ins_by_time ON sign_ins (tenant, time, id)",
    ),
    # Of the commit that made the version. A constant default: no row is written, so the table is locked for a moment.
    ("ALTER TABLE tenants ADD COLUMN mark BYTEA NOT NULL DEFAULT ''",),
)
"""All scripts of this version of xtap."""
