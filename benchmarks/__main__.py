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
    "Decisions in process": decisions,
    "Graph over HTTP, against a bare application on the same listener": http,
    "AuthZEN over HTTP": authzen,
    "Against what people use instead": emulators,
    "Durable changes of the store": commits,
    "Growth": growth,
}
RESULTS = Path(__file__).with_name("results.md")


def machine() -> str:
    """Say where this was measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("granian", "msgspec", "psycopg", "uvloop"))
    load = os.getloadavg()[2]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({platform.machine()}), Python "
        f"{platform.python_version()}, {versions}. The server, its load and the reference share the processors; the "
        f"mean load of the quarter of an hour until the end was {load:.1f}."
    )


def report() -> str:
    """Run every part, and write what was found."""
    parts = [f"## {title}\n\n{render(part.run())}\n" for title, part in PARTS.items()]
    head = "Written by `make bench`. Figures are medians of alternating rounds, a ratio is that of one round."
    return "\n".join([f"# Measured\n\n{head}\n\n{machine()}\n", *parts])


RESULTS.write_text(report())
print(RESULTS.read_text())
