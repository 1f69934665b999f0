"""``xtap restore``: make an empty store what a backup says, or nothing at all; no server may run on it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, settings_of
from xtap.errors import Conflict

if TYPE_CHECKING:
    import argparse

    from xtap.server.settings import Settings
    from xtap.service.backup import Contents


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("file", metavar="FILE", help="what 'xtap backup' wrote")
    parser.add_argument("--replace", action="store_true", help="remove everything that is in the store now")
    parser.add_argument("--check", action="store_true", help="only prove that the file is a whole backup")
    add_settings(parser, "data", "database", "database-password-file")


def run(args: argparse.Namespace) -> int:
    """Prove the file, and load it."""
    from xtap.service import backup  # noqa: PLC0415 - 'xtap restore --help' needs none of it

    file = Path(args.file)
    if args.check:
        contents = backup.read(file)
        print(f"{file} is whole, of {contents.made}: {contents}")
        return 0
    from xtap.server.storage import place_of  # noqa: PLC0415

    settings = settings_of(args)
    place = place_of(settings)
    contents = asyncio.run(_restore(settings, place, file, replace=args.replace))
    print(f"restored {file} into {place}, of {contents.made}: {contents}")
    return 0


async def _restore(settings: Settings, place: str, file: Path, *, replace: bool) -> Contents:
    from xtap.server.storage import is_lost, open_store  # noqa: PLC0415 - see run
    from xtap.service import backup  # noqa: PLC0415

    if is_lost(settings):
        backup.read(file)  # an empty database must not be all that a broken backup leaves
    store = open_store(settings, exclusive=True, anew=True)
    try:
        return await backup.restore(store, file, replace=replace)
    except Conflict as error:
        raise Conflict(f"{place}: {error.message}") from None
    finally:
        await store.close()
