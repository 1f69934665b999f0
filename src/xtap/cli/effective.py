"""``xtap effective``: which settings count between two tenants, and who configured each?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xtap.cli.source import add_source, server_of
from xtap.errors import NotFound

if TYPE_CHECKING:
    import argparse

    from xtap.client.server import Server
    from xtap.model.ids import TenantId
    from xtap.semantics.listing import Row
    from xtap.semantics.policies import Policies


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    add_source(parser)
    parser.add_argument("--of", required=True, metavar="TENANT", help="whose settings: id or displayName")
    parser.add_argument("--toward", required=True, metavar="TENANT", help="toward whom: id or displayName; any GUID")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(args: argparse.Namespace) -> int:
    """Print one row for each effective value."""
    from msgspec import to_builtins  # noqa: PLC0415 - 'xtap effective --help' needs no engine

    from xtap.semantics.questions import effective  # noqa: PLC0415 - see above

    server = server_of(args)
    policies, of, toward = _from_files(args) if server is None else _from_server(server, args)
    rows = effective(policies, of, toward)
    if args.output == "json":
        print(json.dumps({"of": of, "toward": toward, "settings": to_builtins(rows)}, indent=2))
    else:
        _print_table(rows)
    return 0


def _from_files(args: argparse.Namespace) -> tuple[Policies, TenantId, TenantId]:
    from xtap.files import load  # noqa: PLC0415 - see run

    policies = load(*args.files)
    return policies, policies.named(args.of), policies.named(args.toward)


def _from_server(server: Server, args: argparse.Namespace) -> tuple[Policies, TenantId, TenantId]:
    from xtap.client.tenant import own_policies, own_tenant, tenant_named  # noqa: PLC0415 - see run

    with server:
        own = own_tenant(server)
        of, toward = tenant_named(args.of, own), tenant_named(args.toward, own)
        if of != own.id:
            raise NotFound(
                f"The token belongs to {own.called} and reads no settings of {of}. Take a token of that one."
            )
        return own_policies(server, own), of, toward


def _print_table(rows: tuple[Row, ...]) -> None:
    """Print the columns; the widest, the values in words, stand last."""
    lines = [("SETTING", "ORIGIN", "INHERITED", "RULE", "VALUE")]
    lines += [(row.setting, row.origin, "yes" if row.inherited else "no", row.rule, row.words) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
    for *cells, words in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)), words, sep="  ")
