"""``xtap version``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap import __version__

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags: none."""
    parser.set_defaults()


def run(_: argparse.Namespace) -> int:
    """Print the version."""
    print(f"xtap {__version__}")
    return 0
