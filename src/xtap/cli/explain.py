"""``xtap explain``: what does this error code mean, or what does this rule say?"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING

from xtap.errors import NotFound

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SHOWN = 5
"""Near matches that are named."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("name", metavar="CODE|RULE", help="such as AADSTS500213, 500213 or XT-CELL-4")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Print what is known of it."""
    found = _facts(args.name)
    if args.output == "json":
        print(json.dumps(found, indent=2))
        return 0
    (_, title), (_, sentence), *rest = found.items()
    print(f"{title}: {sentence}")
    for name, text in rest:
        print(f"  {name}: {text}")
    return 0


def _facts(name: str) -> Mapping[str, str]:
    """Return the facts about a code or rule; its name and its sentence stand first.

    Raises:
        NotFound: there is none; the message names near ones.
    """
    from msgspec import to_builtins  # noqa: PLC0415 - 'xtap explain --help' needs no engine

    from xtap.semantics.codes import CODES, find_code  # noqa: PLC0415 - see above
    from xtap.semantics.rules import RULES  # noqa: PLC0415 - see above

    found = find_code(name) or RULES.get(name.strip().upper())
    if found is None:
        names = [*(code.code for code in CODES.values()), *RULES]
        near = _near(name.strip().upper(), names)
        hint = f" Near: {', '.join(near)}." if near else " Codes look like AADSTS500213, rules like XT-CELL-4."
        raise NotFound(f"There is no error code or rule '{name[:64]}' here.{hint}")
    facts: dict[str, str | None] = to_builtins(found)
    return {key: value for key, value in facts.items() if value is not None}


def _near(wanted: str, names: list[str]) -> list[str]:
    """Return what begins alike, or else what is spelled alike."""
    if not wanted:
        return []
    by_key = {name.upper(): name for name in names}
    longer = [name for key, name in by_key.items() if key.startswith((wanted, f"AADSTS{wanted}"))]
    alike = get_close_matches(wanted, by_key, SHOWN) or get_close_matches(f"AADSTS{wanted}", by_key, SHOWN)
    return (longer or [by_key[key] for key in alike])[:SHOWN]
