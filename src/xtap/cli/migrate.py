"""``xtap migrate``: give the database the tables of this version; ``--check`` only says whether it has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, settings_of

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 2 if migrations are missing")
    add_settings(parser, "data", "database", "database-password-file")


def run(args: argparse.Namespace) -> int:
    """Migrate, or look; both may run beside servers of the version before."""
    from xtap.server.storage import migrate, pending  # noqa: PLC0415 - 'xtap migrate --help' needs no store

    settings = settings_of(args)
    missing = pending(settings)
    if not missing:
        print("the database is up to date")
    elif args.check:
        print(f"the database lacks {missing} migration(s): run 'xtap migrate'")
        return 2
    else:
        asyncio.run(migrate(settings))
        print(f"the database is up to date now, after {missing} migration(s)")
    return 0
