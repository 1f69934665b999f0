"""``xtap healthcheck``: for containers and scripts; exit code 0 if the server can answer, 1 if not."""

from __future__ import annotations

import http.client
import ssl
import sys
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, settings_of

if TYPE_CHECKING:
    import argparse

    from xtap.server.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="default: 5")
    add_settings(parser, "host", "port", "tls-port")


def run(args: argparse.Namespace) -> int:
    """Ask ``/readyz`` over plain http, or over https if there is nothing else."""
    settings = settings_of(args)
    url = f"{settings.http_url if settings.port else settings.https_url}/readyz"
    connection = _connection(settings, args.timeout)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        text = response.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        print(f"unhealthy: {url} does not answer ({error}). Is 'xtap serve' running?", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if '"status"' not in text:
        print(f"unhealthy: {url} answers {response.status}, but not as xtap does. Who is there?", file=sys.stderr)
        return 1
    print(text)
    return 0 if response.status == http.client.OK else 1


def _connection(settings: Settings, timeout: float) -> http.client.HTTPConnection:
    if settings.port:
        return http.client.HTTPConnection(settings.host, settings.port, timeout=timeout)
    # Nothing secret is sent, and the name in the certificate is not the address of this machine.
    unverified = ssl._create_unverified_context()  # noqa: S323, SLF001 - the documented name (PEP 476)
    return http.client.HTTPSConnection(settings.host, settings.tls_port, timeout=timeout, context=unverified)
