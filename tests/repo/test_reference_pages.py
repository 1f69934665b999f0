"""The generated pages of reference say the truth, and the list of operations knows everything that is served."""

from __future__ import annotations

import pytest

from docs.build_coverage import REFERENCE, answer, pages, served
from docs.wire_cases import CONFORMANCE, pattern, read, wire_cases
from xtap.graph.paths import addresses, build
from xtap.graph.routes import BETA_ROUTES, ROUTES

PAGES = pages()
KNOWN = [each for section in ("operations", "neighbours") for each in read(CONFORMANCE / "operations.yaml")[section]]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_generator_writes(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == PAGES[name], "run 'make docs'"


def test_everything_that_is_served_is_listed() -> None:
    listed = [(each["request"].split(" ", 1)[0], pattern(each["request"].split(" ", 1)[1])) for each in KNOWN]
    for method, path in addresses(build({**ROUTES, **BETA_ROUTES})):
        assert any(method == known and address.fullmatch(path) for known, address in listed), (method, path)


UNKNOWN_IDS = {"GET /auditLogs/directoryAudits/{id}", "GET /auditLogs/signIns/{id}"}
"""A case cannot name an id that the server makes or a file brings: tests/wire/test_python_sdk_logs.py asks for them."""


def test_everything_that_is_served_has_a_case_of_success() -> None:
    cases = wire_cases()
    steps = [(case.method, case.path, case.status) for case in cases] + [step for case in cases for step in case.steps]
    done = [(method, path) for method, path, status in steps if status < 300]
    for each in KNOWN:
        if served(each["request"]) and each["request"] not in UNKNOWN_IDS:
            method, path = each["request"].split(" ", 1)
            address = pattern(path)
            assert any(method == used and address.fullmatch(place) for used, place in done), each["request"]


def test_answers_are_told_apart() -> None:
    assert answer("GET /policies/crossTenantAccessPolicy/partners/{tenantId}") == "yes"
    assert answer("DELETE /policies/crossTenantAccessPolicy") == "405"
    assert answer("GET /policies/nothing") == "no"
