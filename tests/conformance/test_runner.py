"""Does the runner of the cases notice what is wrong, and does its command line work against a real server?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xtap.errors import ConfigurationError
from xtap.testing.transcripts import always, differences, load, main

if TYPE_CHECKING:
    from tests.conformance.conftest import FreshTenants

CASES = Path(__file__).parents[2] / "conformance" / "graph"
GUID = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"

SAME: tuple[tuple[Any, Any], ...] = (
    *((1, 1), (None, None), ("a", "a"), (True, True), ([], []), ({}, {}), ([1, {"a": None}], [1, {"a": None}])),
    *(
        ("<any>", None),
        ("<any>", {"a": 1}),
        ("<guid>", GUID),
        ("<string>", ""),
        ("<string>", "a\nb"),
        ("<re:a+>", "aa"),
    ),
    *(({"a": "<any>"}, {"a": None}), ({"a": "<absent>"}, {}), ({"b": 1, "a": 2}, {"a": 2, "b": 1})),
)
OTHER: tuple[tuple[Any, Any, str], ...] = (
    *((1, 2, "$ is 2 instead of 1"), (1, True, "$ is True"), (0, False, "$ is False"), (None, False, "$ is False")),
    *(("1", 1, "$ is 1"), (1, 1.0, "$ is 1.0"), ([1], [1, 2], "$ is [1, 2]"), ([1, 2], [2, 2], "$[0] is 2")),
    *(("<guid>", GUID.upper(), "$ is"), ("<guid>", f"{GUID} ", "$ is"), ("<guid>", None, "$ is None")),
    *(("<string>", None, "$ is None"), ("<re:a+>", "aab", "$ is 'aab'"), ({"a": 1}, {}, "$.a is missing")),
    *(({}, {"a": None}, "$.a is there"), ({"a": "<absent>"}, {"a": None}, "$.a is there")),
    *(
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, "$.a.b[0] is 2"),
        ({"a": "<any>"}, {}, "$.a is missing"),
        ({}, [], "$ is"),
    ),
)


@pytest.mark.parametrize(("expected", "actual"), SAME)
def test_patterns_match(expected: Any, actual: Any) -> None:
    assert list(differences(expected, actual)) == []
    assert list(differences(expected, actual, contains=True)) == []


@pytest.mark.parametrize(("expected", "actual", "words"), OTHER)
def test_differences_are_told(expected: Any, actual: Any, words: str) -> None:
    (found,) = differences(expected, actual)
    assert found.startswith(words)


def test_more_members_are_fine_only_where_the_case_says_so():
    actual = {"a": {"b": 1, "c": 2}, "d": [{"e": 1, "f": 2}]}
    expected = {"a": {"b": 1}, "d": [{"e": 1}]}
    assert list(differences(expected, actual, contains=True)) == []
    assert len(list(differences(expected, actual))) == 2
    assert list(differences({"a": {"c": "<absent>"}}, actual, contains=True)) == ["$.a.c is there: 2"]


def _error(status: int = 400, **changes: Any) -> httpx.Response:
    inner = {"date": "2026-11-21T13:14:15", "request-id": GUID, "client-request-id": GUID} | changes.pop("inner", {})
    body = {"error": {"code": "Request_BadRequest", "message": "x", "innerError": inner} | changes.pop("error", {})}
    headers = {"request-id": GUID, "client-request-id": GUID, "content-type": "application/json"}
    return httpx.Response(status, json=body | changes.pop("body", {}), headers=headers | changes)


def test_an_error_of_graph_is_fine():
    assert list(always(_error())) == []


BAD = {
    "a date with zone": {"inner": {"date": "2026-11-21T13:14:15Z"}},
    "a date with fraction": {"inner": {"date": "2026-11-21T13:14:15.1"}},
    "another request id": {"inner": {"request-id": GUID.replace("9", "8")}},
    "a member too many inside": {"inner": {"x": 1}},
    "a member too many outside": {"body": {"x": 1}},
    "no message": {"error": {"message": ""}},
    "a code with blanks": {"error": {"code": "not a code"}},
    "no id": {"request-id": ""},
    "text": {"content-type": "text/plain"},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_other_errors_are_noticed(changes: dict[str, Any]) -> None:
    assert list(always(_error(**changes))) != []


def test_a_204_has_nothing():
    ids = {"request-id": GUID, "client-request-id": GUID}
    assert list(always(httpx.Response(204, headers=ids))) == []
    assert list(always(httpx.Response(204, headers=ids | {"content-type": "x"}))) != []
    assert list(always(httpx.Response(204, headers=ids, content=b"{}"))) != []


def test_files_that_are_no_cases_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("topic: x\ncases: [{name: y}]\n")
    with pytest.raises(ConfigurationError, match=r"a\.yaml is no transcript: .*`source`"):
        load(tmp_path)
    one = "{name: y, source: {page: z, certainty: chosen}, request: {path: /}, response: {status: 200}}"
    (tmp_path / "a.yaml").write_text(f"topic: x\ncases: [{one}, {one}]\n")
    with pytest.raises(ConfigurationError, match="two cases named 'y'"):
        load(tmp_path)


@pytest.mark.wire
def test_the_command_line_runs_the_examples_of_the_documentation(
    tenants: FreshTenants, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tenants.take("command line")(None).removeprefix("Bearer ")
    arguments = ["--against", tenants.server.http, "--token", token, "--cases", str(CASES), "--only", "crosstenant"]
    assert main([*arguments, "--wipe"]) == 0
    printed = capsys.readouterr().out
    assert " as expected, 0 not, " in printed
    assert int(printed.split(" ", 1)[0]) > 30


@pytest.mark.wire
def test_the_command_line_tells_what_is_not_as_expected(
    tenants: FreshTenants, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case = "{name: y, source: {page: z, certainty: chosen}, request: {path: /nonsense}, response: {status: 200}}"
    (tmp_path / "a.yaml").write_text(f"topic: x\ncases: [{case}]\n")
    token = tenants.take("command line that fails")(None).removeprefix("Bearer ")
    arguments = ["--against", tenants.server.http, "--token", token, "--cases", str(tmp_path), "--wipe"]
    assert main(arguments) == 1
    printed = capsys.readouterr().out
    assert "y [beta] status 400 instead of 200" in printed
    assert "0 as expected, 2 not, 0 cases left out" in printed


def test_the_command_line_wants_a_yes_before_it_deletes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--against", "http://127.0.0.1:9", "--token", "x"])
    assert "--wipe" in capsys.readouterr().err
