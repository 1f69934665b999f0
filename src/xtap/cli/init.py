"""``xtap init``: what a local server needs, once; what is there already stays as it is."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, config_file, settings_of
from xtap.errors import ConfigurationError
from xtap.server.settings import CONFIG_FILE

if TYPE_CHECKING:
    import argparse

    from xtap.server.settings import Settings

CONFIG = """\
# Settings of xtap; each is also a flag (--tls-port) and a variable (XTAP_TLS_PORT). See 'xtap serve --help'.
embedded-issuer = true
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--demo", action="store_true", help="register the tenants contoso and fabrikam with demo-app")
    add_settings(parser, "data", "database", "database-password-file")


def run(args: argparse.Namespace) -> int:
    """Write the files and say which."""
    config = config_file(args) or Path(CONFIG_FILE)
    kept = config.exists()
    if not kept:
        _write(config)
    settings = settings_of(args)
    if kept:
        _say_kept(config, settings)
    asyncio.run(_fill(settings, demo=args.demo))
    return 0


def _write(config: Path) -> None:
    try:
        config.write_text(CONFIG, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Cannot write {config}: {error.strerror}.") from None
    print(f"wrote {config}")


def _say_kept(config: Path, settings: Settings) -> None:
    """Say that a file of the user stays as it is, and what 'xtap serve' would miss in it."""
    print(f"kept {config} as it is")
    if not settings.issuer and not settings.embedded_issuer:
        print(
            f"{config} names no token issuer: add the line 'embedded-issuer = true' for local use (it needs https, so "
            "no 'tls-port = 0'), or 'issuer' and 'audience'"
        )


async def _fill(settings: Settings, *, demo: bool) -> None:
    from xtap.identity import authority, keys  # noqa: PLC0415 - 'xtap init --help' needs none of it
    from xtap.server import demo as demo_data  # noqa: PLC0415
    from xtap.server.storage import is_lost, open_store  # noqa: PLC0415
    from xtap.server.trust import SIGNING_KEYS  # noqa: PLC0415

    folder = settings.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"Cannot make the data folder {folder}: {error.strerror}.") from None
    certificates = authority.ensure(folder, time.time())
    keys.load_or_create(folder / SIGNING_KEYS)
    lost = is_lost(settings)
    store = open_store(settings, exclusive=False, anew=True)
    try:
        if demo:
            await demo_data.install(store)
    finally:
        await store.close()
    if lost:
        print("the database was gone: this is a new, empty one")
    print(f"data folder {folder}: database, signing keys, certificates")
    print(f"clients that speak https need the authority {certificates.ca}")
    if demo:
        print("demo tenants contoso and fabrikam, client id demo-app, secret demo-secret (loopback only)")
