from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.testing.transcripts import Case, Runner, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

CASES = load(Path(__file__).parents[2] / "conformance" / "graph")

KNOWN = {
    "a change that cannot be shown as asked is refused whole": "the change is made before its options are read",
    "names no partner": "any name and unpaired quotes are read as the partner's key",
}
"""Parts of names of cases that fail, and why; a case that passes again must leave this table."""


def _each(validation: str) -> list[ParameterSet]:
    return [
        pytest.param(case, version, id=f"{case.name} [{version}]", marks=_marks(case))
        for case in CASES
        if case.validation == validation
        for version in case.versions
    ]


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(reason=why, strict=True) for part, why in KNOWN.items() if part in case.name]


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=request.getfixturevalue("tenants").server.http) as opened:
        yield opened


@pytest.fixture(scope="session")
def strict_client(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=request.getfixturevalue("strict_tenants").server.http) as opened:
        yield opened


@pytest.mark.wire
@pytest.mark.parametrize(("case", "version"), _each("compatible"))
def test_case(case: Case, version: str, request: pytest.FixtureRequest) -> None:
    _run(case, version, request, "")


@pytest.mark.wire
@pytest.mark.xdist_group("strict")
@pytest.mark.parametrize(("case", "version"), _each("strict"))
def test_strict_case(case: Case, version: str, request: pytest.FixtureRequest) -> None:
    _run(case, version, request, "strict_")


def _run(case: Case, version: str, request: pytest.FixtureRequest, prefix: str) -> None:
    tokens = request.getfixturevalue(f"{prefix}tenants").take(f"{case.name} {version}")
    runner = Runner(request.getfixturevalue(f"{prefix}client"), tokens, tokens.tenant)
    assert runner.run(case, version) == []
