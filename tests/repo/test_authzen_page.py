"""Does docs/reference/authzen.md name everything that enforcement points can send, and everything they can be told?"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import Struct

from xtap.authzen import answers, evaluations, failures, messages, search
from xtap.authzen.metadata import ENDPOINTS, WELL_KNOWN
from xtap.authzen.questions import ACTIONS, PROVIDERS
from xtap.http.bodies import MAX_BODY
from xtap.semantics.decision import DecidedBy, Outcome, Step
from xtap.semantics.repair import Change
from xtap.service.decision_log import Entry, Summary
from xtap.service.permissions import EVALUATE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reference" / "authzen.md").read_text("utf-8")
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
WORDS = {word for code in re.findall(r"`([^`\n]+)`", PROSE) for word in re.findall(r"[\w-]+", code)}
RECORD = (ROOT / "docs" / "adr" / "0009-not-governed-is-not-allowed.md").read_text("utf-8")


def members_that_are_told() -> Iterator[str]:
    """Yield every member that answers.py writes: keys of dictionaries, and names that are assigned to."""
    source = Path(answers.__file__).read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        keys = node.keys if isinstance(node, ast.Dict) else [node.slice] if isinstance(node, ast.Subscript) else []
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
    for part in (DecidedBy, Step, Change):
        yield from (name for name in part.__struct_encode_fields__ if name != "tenant")


def members_that_are_read() -> Iterator[str]:
    """Yield every member of every type of request."""
    for module in (messages, search):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Struct) and kind.__module__ == module.__name__:
                yield from kind.__struct_encode_fields__


NAMED = {
    "action": ACTIONS,
    "member of an answer": members_that_are_told(),
    "member of a request": set(members_that_are_read()) - {"caller", "place", "view"},
    "identity provider": PROVIDERS,
    "outcome": Outcome,
    "semantic": evaluations.STOPS_AT,
    "endpoint": ["policy_decision_point", "signed_metadata", "jwks_uri"],
    "entry of the log": {*Entry.__struct_encode_fields__, *Summary.__struct_encode_fields__} - {"summary"},
    "setting": ["--decision-log", "--decision-log-rate", "--decision-log-unmasked", "--operator-tenant"],
}


@pytest.mark.parametrize(("what", "names"), NAMED.items())
def test_every_name_stands_on_the_page(what: str, names: Iterator[str]):
    expected = set(map(str, names))
    assert expected
    assert sorted(expected - WORDS) == [], f"docs/reference/authzen.md does not name each {what}"


def test_the_members_that_are_told_are_found():
    assert {"outcome", "fix_impossible", "withheld", "error", "status", "target"} <= {*members_that_are_told()}


@pytest.mark.parametrize("address", [f"/access/v1/{each}" for each in ENDPOINTS.values()] + [WELL_KNOWN])
def test_every_endpoint_stands_on_the_page(address: str):
    assert f"| `{address}` |" in TEXT


@pytest.mark.parametrize("rule", sorted(answers.PERMITTED))
def test_every_rule_that_permits_stands_on_the_page_and_in_its_record(rule: str):
    assert rule in TEXT
    assert re.search(rf"^\| {rule} \|.*\| `true` \|$", RECORD, re.MULTILINE)


def test_no_other_rule_is_recorded_as_permitting():
    assert {*re.findall(r"^\| (XT-\S+) \|.*\| `true` \|$", RECORD, re.MULTILINE)} == answers.PERMITTED


@pytest.mark.parametrize("status", {200, 500, *failures.TABLE.values()})
def test_every_status_stands_on_the_page(status: int):
    assert str(status) in TEXT


LIMITS = [MAX_BODY, messages.MAX_GROUPS, evaluations.MOST, evaluations.LONGEST, search.LIMIT, search.MOST, search.TRIED]


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_stands_on_the_page(limit: int):
    assert re.search(rf"(?<![\d,]){limit:,}(?!,?\d)", TEXT)


def test_the_permission_stands_on_the_page():
    assert f"`{EVALUATE}`" in TEXT
