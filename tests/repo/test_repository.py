"""Rules about the repository itself: sizes, links, names that must not stand in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for line in listing.splitlines() if (path := ROOT / line).is_file()]


def test_no_source_file_has_more_than_400_lines():
    long = {path.name: len(path.read_text().splitlines()) for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_the_median_source_file_has_at_most_150_lines():
    lengths = sorted(len(path.read_text().splitlines()) for path in SOURCES)
    assert lengths[len(lengths) // 2] <= 150


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path):
    assert path.read_text().startswith('"""')


def test_no_store_measures_time_by_a_clock_that_can_jump():
    """Staleness, limits and retries count on whatever the clock of the machine does."""
    clocks = re.compile(r"\btime\.time\b|\bfrom time import .*\btime\b|\bdatetime\b")
    places = [path for path in SOURCES if path.parent.name == "store" and clocks.search(path.read_text())]
    assert places == []


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "core"])
def test_no_module_is_a_drawer_for_anything(name: str):
    assert [path for path in SOURCES if path.stem == name or name in path.parts] == []


def test_links_between_documents_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "conformance").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_adr_has_context_decision_and_a_number_of_its_own():
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. ")
        assert re.match(r"# .+\n\n\*Accepted, \d{4}-\d\d\.", text), page.name
        assert "## Context" in text
        assert "## Decision" in text


def named_records(text: str) -> set[str]:
    """Return how a text names records of decisions: by file name, by the number of one, or as ADR and a number."""
    files = re.findall(r"\badr/(\d{4}(?:-[a-z0-9-]+)?)", text)
    return {*files, *(f"{int(number):04}" for number in re.findall(r"\bADRs?\s+(\d+)", text))}


def test_every_record_that_is_named_exists():
    records = {page.stem for page in (ROOT / "docs" / "adr").glob("*.md")}
    known = records | {record[:4] for record in records}
    places = tuple(ROOT / folder for folder in ("src", "docs", "conformance", "tests"))
    wrong = {
        f"{path.relative_to(ROOT)} -> {name}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".yaml", ".json", ".sql", ".js"}
        if path.parent == ROOT or any(map(path.is_relative_to, places))
        if path != Path(__file__)
        for name in named_records(path.read_text("utf-8")) - known
    }
    assert wrong == set()


def test_a_wrong_record_is_found():
    assert named_records("see docs/adr/0001-x, [ADR\n12](../adr/0002.md), ADR 0003") == {
        "0001-x",
        "0012",
        "0002",
        "0003",
    }


def test_lock_files_hold_names_versions_and_hashes_only():
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert re.findall(r"https?://|--index-url|--find-links", lock.read_text()) == []
    for lock in tracked():
        if lock.name == "package-lock.json":
            assert '"resolved"' not in lock.read_text()


def test_no_file_names_a_folder_of_somebodys_machine():
    place = re.compile(r"/(?:home|root|Users|tmp)/[A-Za-z]")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path in tracked()
        if path.suffix not in {".txt", ".json"} and path != Path(__file__)
        for line in path.read_text(errors="ignore").splitlines()
        if place.search(line)
    ]
    assert found == []
