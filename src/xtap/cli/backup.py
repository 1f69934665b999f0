"""``xtap backup``: everything that the server keeps, of one moment, in one file; the server may run meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, settings_of

if TYPE_CHECKING:
    import argparse

    from xtap.server.settings import Settings
    from xtap.service.backup import Contents


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("file", metavar="FILE", help="a new file; an existing one is never overwritten")
    add_settings(parser, "data", "database", "database-password-file")


def run(args: argparse.Namespace) -> int:
    """Write the file and say what is in it."""
    file = Path(args.file)
    contents = asyncio.run(_backup(settings_of(args), file))
    print(f"wrote {file}: {contents}")
    return 0


async def _backup(settings: Settings, file: Path) -> Contents:
    from xtap.server.storage import open_store  # noqa: PLC0415 - 'xtap backup --help' needs no store
    from xtap.service import backup  # noqa: PLC0415

    store = open_store(settings, exclusive=False)
    try:
        return await backup.write(store, file, datetime.now(UTC))
    finally:
        await store.close()
