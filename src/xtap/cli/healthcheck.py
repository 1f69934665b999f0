"""``xtap healthcheck``: for containers and scripts; exit code 0 if the server can answer, 1 if not."""

from __future__ import annotations

import http.client
import sys
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, settings_of

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="default: 5")
    add_settings(parser, "host", "port")


def run(args: argparse.Namespace) -> int:
    """Ask ``/readyz`` over plain http."""
    settings = settings_of(args)
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=args.timeout)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        text = response.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        print(f"unhealthy: {settings.http_url} does not answer ({error}). Is 'xtap serve' running?", file=sys.stderr)
        return 1
    finally:
        connection.close()
    print(text)
    return 0 if response.status == http.client.OK else 1
