"""Are the cases themselves in order: their schema, their sources, and the documentation's examples?"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from xtap.testing.transcripts import Case, Topic, differences, load

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFORMANCE = Path(__file__).parents[2] / "conformance"
EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "doc_examples.json"
SCHEMA = CONFORMANCE / "schemas" / "transcript.schema.json"
FILES = sorted((CONFORMANCE / "graph").glob("*.yaml"))


@cache
def cases() -> list[Case]:
    return load(CONFORMANCE / "graph")


def schema() -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(Topic)


def test_the_schema_is_that_of_the_runner():
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_files_follow_the_schema(file: Path) -> None:
    jsonschema_rs.validate(schema(), yaml.safe_load(file.read_text()))


def test_the_schema_refuses_what_it_does_not_know():
    found = yaml.safe_load(FILES[0].read_text())
    found["cases"][0]["respons"] = {}
    assert not jsonschema_rs.is_valid(schema(), found)


def test_every_topic_has_cases():
    assert len(FILES) >= 15
    assert len(cases()) >= 600


def test_every_case_says_where_it_comes_from():
    for case in cases():
        assert case.source.page.strip(), case.name
        assert case.versions, case.name
        assert not (case.deviations and not case.example), case.name


def test_every_certainty_is_there():
    assert {case.source.certainty for case in cases()} == {"documented", "observed", "chosen"}


def _in_scope() -> Iterator[dict[str, Any]]:
    if not EXAMPLES.exists():
        pytest.skip("the collected documentation examples are not in this checkout")
    for example in json.loads(EXAMPLES.read_text()):
        if example["verified"] is True:
            yield example


def _case_of(example: dict[str, Any]) -> Case:
    found = [case for case in cases() if case.example == example["name"] and example["version"] in case.versions]
    assert len(found) == 1, f"{example['name']} in {example['version']} has {len(found)} cases"
    return found[0]


def test_every_verified_example_is_a_case():
    covered = [_case_of(example).name for example in _in_scope()]
    assert len(covered) == 63
    assert len(set(covered)) == len({case.name for case in cases() if case.example})


def test_examples_are_asked_as_documented():
    for example in _in_scope():
        case, asked = _case_of(example), example["request"]
        assert case.request.method == asked["method"], case.name
        assert f"/{example['version']}{case.request.path}" == asked["path"], case.name
        body = None if case.request.body is msgspec.UNSET else case.request.body
        assert body == asked["body"], case.name
        assert case.request.caller is None, case.name


def test_examples_are_answered_as_documented_but_for_the_deviations_listed():
    for example in _in_scope():
        case, answered = _case_of(example), example["response"]
        assert case.response.status == answered["status"], case.name
        found = set(_deviations(answered["body"], case.response.body, example["version"]))
        assert found == {deviation.path for deviation in case.deviations}, case.name


def _deviations(documented: Any, ours: Any, version: str) -> Iterator[str]:
    """Name each path at which our pattern would not be fulfilled by the documented body, or says less."""
    if documented is None:
        assert ours is msgspec.UNSET
        return
    if set(documented) == {"value"} and isinstance(documented["value"], dict):
        yield "$.value"
        documented = documented["value"]
    for name in documented.keys() | ours.keys():
        wanted, here = documented.get(name), f"$.{name}"
        got = ours.get(name)
        if isinstance(got, str):
            got = got.replace("<root>", f"https://graph.microsoft.com/{version}")
        if name not in ours or name not in documented or [*differences(wanted, got, here)]:
            yield here
