"""The threat model names tests that exist, and says for each threat what meets it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "threat-model.md").read_text()


def test_every_named_test_exists():
    sources = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "src" / "xtap" / "testing").glob("*.py")]
    there = {name for path in sources for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert sorted(set(named) - there) == []
    assert len(named) > 20


def test_every_threat_is_met_and_tested():
    rows = re.findall(r"^\| (.+) \|$", PAGE.partition("## Threats")[2].partition("## What is left")[0], re.MULTILINE)
    threats = [row.split(" | ") for row in rows[1:] if not row.startswith("---")]
    assert len(threats) > 20
    for threat in threats:
        assert len(threat) == 3, threat
        assert re.search(r"`test_\w+`", threat[2]), threat
