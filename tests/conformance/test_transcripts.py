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


def _each(validation: str) -> list[ParameterSet]:
    return [
        pytest.param(case, version, id=f"{case.name} [{version}]")
        for case in CASES
        if case.validation == validation
        for version in case.versions
    ]


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
    tenants = request.getfixturevalue(f"{prefix}tenants")
    tokens = tenants.take(f"{case.name} {version}")
    if case.directory:
        tenants.fill(tokens.tenant, case.directory)
    runner = Runner(request.getfixturevalue(f"{prefix}client"), tokens, tokens.tenant)
    assert runner.run(case, version) == []
