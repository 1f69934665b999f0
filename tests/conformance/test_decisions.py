"""Do the cases of what policies mean hold, do they cover every rule both ways, and does their runner notice faults?"""

from __future__ import annotations

import json
import shlex
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from xtap.errors import ConfigurationError
from xtap.semantics.rules import RULES
from xtap.testing import engine
from xtap.testing.decisions import Case, load, main, run
from xtap.testing.questions import Topic

CONFORMANCE = Path(__file__).parents[2] / "conformance"
FOLDER = CONFORMANCE / "decisions"
FILES = sorted(FOLDER.glob("*.yaml"))
CASES = load(FOLDER)
PROGRAM = f"{shlex.quote(sys.executable)} -m xtap.testing.engine"


def schema() -> dict[str, Any]:
    written: dict[str, Any] = json.loads((CONFORMANCE / "schemas" / "decision-case.schema.json").read_text())
    return written


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    assert run(case, engine.answer) == []


def test_our_engine_names_the_rules_it_applied():
    assert all(isinstance(engine.answer(case.asked)["rules"], list) for case in CASES)


def test_the_schema_is_that_of_the_runner():
    types = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(Topic)
    assert schema() == json.loads(json.dumps(types))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_files_follow_the_schema(file: Path) -> None:
    jsonschema_rs.validate(schema(), yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("place", ["case", "question", "claims", "expected"])
def test_a_misspelt_member_is_refused(place: str, tmp_path: Path) -> None:
    found = yaml.safe_load((FOLDER / "trust.yaml").read_text())
    case = deepcopy(found["cases"][0])
    found["cases"] = [case]
    places = {"case": case, "question": case["question"], "claims": case["question"]["claims"]}
    places.get(place, case["expected"])["mfaa"] = None
    assert not jsonschema_rs.is_valid(schema(), found)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(found))
    with pytest.raises(ConfigurationError, match=r"a\.yaml .*mfaa"):
        load(tmp_path)


def test_an_id_stands_once(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text((FOLDER / "cells.yaml").read_text())
    with pytest.raises(ConfigurationError, match="two cases"):
        load(tmp_path)


def test_cases_name_rules_that_exist():
    named = {rule for case in CASES for rule in (*case.applied, *case.not_applied)}
    assert named - set(RULES) == set()
    assert {case.origin.removeprefix("rule ") for case in CASES if case.origin.startswith("rule ")} <= set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_case_in_which_it_is_applied(rule: str) -> None:
    assert [case.id for case in CASES if rule in case.applied]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_cases_both_ways(rule: str) -> None:
    spared = [case.id for case in CASES if rule in case.not_applied]
    answers = {case.expected.get("outcome", case.expected.get("provider")) for case in CASES if rule in case.applied}
    assert spared or len(answers) > 1


def test_every_kind_has_cases():
    kinds = {case.kind for case in CASES}
    assert kinds == {"decide", "effective", "trust", "restrictions", "invite", "sync", "redeem"}


def test_a_program_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--program", PROGRAM, "--cases", str(FOLDER)]) == 0
    assert capsys.readouterr().out == f"{len(CASES)} as expected, 0 not\n"


FAULTY = """
import json, sys
from xtap.testing import engine
for line in sys.stdin:
    answer = engine.answer(json.loads(line))
    {fault}
    print(json.dumps(answer), flush=True)
"""
FAULTS = {
    "an outcome": ("answer.update(outcome='allowed')", "cell-nobody-nothing-member-listed-app: $.outcome is 'allowed'"),
    "a code": ("answer.pop('errorCode', None)", "$.errorCode is missing"),
    "a rule too many": ("answer['rules'].append('XT-CELL-3')", "rule XT-CELL-3 was applied"),
    "a rule too few": ("answer['rules'].clear()", "rule XT-CELL-4 was not applied"),
    "no JSON": ("print('hello')", "the program wrote 'hello"),
    "a list": ("answer = []", "no JSON object"),
    "an end": ("break", "the program wrote ''"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_program_with_a_fault_is_caught(
    fault: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "faulty.py"
    program.write_text(FAULTY.format(fault=fault))
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}"
    assert main(["--program", command, "--cases", str(FOLDER), "--only", "cell-"]) == 1
    assert words in capsys.readouterr().out


def test_a_program_need_not_know_our_rules():
    case = next(case for case in CASES if case.applied and "decidedBy" in case.expected)
    answer = engine.answer(case.asked)
    del answer["rules"]
    by = answer["decidedBy"]
    assert isinstance(by, dict)
    del by["rule"]
    assert run(case, lambda _: answer) == []


def test_no_cases_are_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--program", PROGRAM, "--cases", str(FOLDER), "--only", "no such case"]) == 1
    assert "0 as expected" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ("{}", "Expected 'kind'"),
        ('{"kind": "decide", "tenants": [], "question": {"home": "x"}}', "cannot be understood"),
        ('{"kind": "decide", "tenants": [{"tenantId": "x"}], "question": {}}', "Expected the tenant id"),
        ('{"kind": "effective", "tenants": [], "question": {"tenant": "x", "other": "y"}}', "A tenant id is a GUID"),
    ],
)
def test_the_engine_says_what_it_cannot_understand(line: str, words: str) -> None:
    (answer,) = engine.serve([line])
    assert words in json.loads(answer)["error"]
