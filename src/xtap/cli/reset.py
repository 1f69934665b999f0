"""``xtap reset``: tenants of a local server are again as nobody configured them; their applications stay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, no_issuer, settings_of
from xtap.errors import NotFound

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--tenant", action="append", help="name, id or domain; repeat for more (default: every tenant)")
    add_settings(parser, "data", "database", "database-password-file", "host", "port", "tls-port")


def run(args: argparse.Namespace) -> int:
    """Reset each tenant."""
    from xtap.cli.emulator import LocalEmulator, registered  # noqa: PLC0415 - help needs none of it

    settings = settings_of(args)
    if not settings.embedded_issuer:
        raise no_issuer(args, ", so there is no emulator")
    known, _, issuer = asyncio.run(registered(settings, []))
    names = {name.lower() for name in args.tenant or ()}
    called = [tenant for tenant in known if names & {tenant.id, tenant.display_name.lower(), *tenant.domains}]
    missing = names - {name for each in called for name in (each.id, each.display_name.lower(), *each.domains)}
    if missing:
        raise NotFound(f"No tenant '{min(missing)}' is registered. 'xtap tenant list' shows those that are.")
    emulator = LocalEmulator(settings, issuer)
    for tenant in called if names else known:
        emulator.post(tenant.id, "reset")
        print(f"{tenant.id}  {tenant.display_name}")
    return 0
