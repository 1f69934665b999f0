"""``make bench``: every measurement in one run, as ratios against references of the same run."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import authzen, commits, decisions, emulators, growth, http
from benchmarks.table import render

PARTS = {
    "Graph over HTTP, against a bare application on the same listener": http,
    "AuthZEN over HTTP": authzen,
    "Growth": growth,
    "Durable changes of the store": commits,
    "Decisions in process": decisions,
    "Against what people use instead": emulators,
}
RESULTS = Path(__file__).with_name("results.md")


def machine() -> str:
    """Say where this was measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("granian", "msgspec", "psycopg", "uvloop"))
    load = os.getloadavg()[2]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({platform.machine()}), Python "
        f"{platform.python_version()}, {versions}. The server, its load and the reference share the processors; the "
        f"mean load of the quarter of an hour until then was {load:.1f}."
    )


def report() -> None:
    """Run every part, and write what was found so far after each of them."""
    head = "Written by `make bench`. Figures are medians of alternating rounds, a ratio is that of one round."
    parts = []
    for title, part in PARTS.items():
        parts.append(f"## {title}\n\n{render(part.run())}\n")
        print(parts[-1], flush=True)
        RESULTS.write_text("\n".join([f"# Measured\n\n{head}\n\n{machine()}\n", *parts]))


report()
