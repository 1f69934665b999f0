"""``xtap effective``: which settings count between two tenants, and who configured each?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from xtap.semantics.listing import Row


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="JSON file with policies, or a folder of such")
    parser.add_argument("--of", required=True, metavar="TENANT", help="whose settings: id or displayName")
    parser.add_argument("--toward", required=True, metavar="TENANT", help="toward whom: id or displayName; any GUID")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def run(args: argparse.Namespace) -> int:
    """Print one row for each effective value."""
    from msgspec import to_builtins  # noqa: PLC0415 - 'xtap effective --help' needs no engine

    from xtap.files import load  # noqa: PLC0415 - see above
    from xtap.semantics.questions import effective  # noqa: PLC0415 - see above

    policies = load(*args.files)
    rows = effective(policies, args.of, args.toward)
    if args.output == "json":
        tenants = {"of": policies.named(args.of), "toward": policies.named(args.toward)}
        print(json.dumps(tenants | {"settings": to_builtins(rows)}, indent=2))
    else:
        _print_table(rows)
    return 0


def _print_table(rows: tuple[Row, ...]) -> None:
    """Print the columns; the widest, the values in words, stand last."""
    lines = [("SETTING", "ORIGIN", "INHERITED", "RULE", "VALUE")]
    lines += [(row.setting, row.origin, "yes" if row.inherited else "no", row.rule, row.words) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
    for *cells, words in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)), words, sep="  ")
