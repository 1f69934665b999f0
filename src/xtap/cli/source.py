"""Where do the policies stand that a command asks: in files, or at a running server? Its flags and their defaults."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from xtap.client.server import Server


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add FILE, and the flags that name a server instead."""
    files = parser.add_argument("files", nargs="+", metavar="FILE", help="JSON file with policies, or a folder of such")
    files.required = False  # with nargs="*", Python 3.11 refuses a FILE that stands behind a flag
    group = parser.add_argument_group("server", "instead of FILE, ask a running server")
    group.add_argument("--server", metavar="URL", help="its address, without a path (default: XTAP_SERVER)")
    group.add_argument(
        "--token", help="a token of the tenant that asks; others see command lines, so better: XTAP_TOKEN"
    )
    group.add_argument("--ca", metavar="FILE", help="certificate authority to trust, such as .xtap/ca.pem")


def server_of(args: argparse.Namespace) -> Server | None:
    """Return the server that is to be asked, None for files.

    Raises:
        ConfigurationError: both are named, or neither; or the server cannot be asked like this.
    """
    if args.files and args.server:
        raise ConfigurationError(f"Name policies by FILE or by --server, not by both: {args.files[0]}, {args.server}.")
    address = args.server or os.environ.get("XTAP_SERVER")
    if args.files:
        return None
    if not address:
        raise ConfigurationError("Name a FILE with policies, or a running server by --server or XTAP_SERVER.")
    token = os.environ.get("XTAP_TOKEN") if args.token is None else args.token
    if not token:
        raise ConfigurationError(f"{address} needs a token: --token or XTAP_TOKEN. 'xtap token' prints one.")
    from xtap.client.server import Server  # noqa: PLC0415 - who asks files needs no HTTP

    return Server(address, token.strip(), args.ca)
