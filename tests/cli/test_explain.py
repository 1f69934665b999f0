"""``xtap explain``: every code and rule, and near matches of what is neither."""

from __future__ import annotations

import pytest

from tests.cli.contoso_and_fabrikam import assert_one_line, say
from xtap.semantics.codes import CODES
from xtap.semantics.rules import RULES


@pytest.mark.parametrize("name", [*CODES, *RULES])
def test_every_code_and_rule_is_explained(name: str, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "explain", name)
    assert said.code == 0
    assert said.out.lower().startswith(f"{name.lower()}: ")
    assert "certainty: " in said.out


@pytest.mark.parametrize("name", ["AADSTS500213", "500213", "aadsts500213", " AADSTS500213 "])
def test_a_code_is_found_however_it_is_written(name: str, capsys: pytest.CaptureFixture[str]):
    assert say(capsys, "explain", name, "--output", "json").json["code"] == "AADSTS500213"


def test_a_rule_says_its_sentence_and_source(capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "explain", "xt-cell-4", "--output", "json")
    assert said.json == {
        "id": "XT-CELL-4",
        "sentence": RULES["XT-CELL-4"].sentence,
        "source": RULES["XT-CELL-4"].source,
        "certainty": "documented",
    }


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("XT-CELL", "XT-CELL-4"),
        ("XT-CELL-9", "XT-CELL-4"),
        ("AADSTS500214", "AADSTS500213"),
        ("500214", "AADSTS500213"),
        ("XT-TRST-1", "XT-TRUST-1"),
        ("hello", "Codes look like AADSTS500213"),
        ("", "Codes look like"),
    ],
)
def test_what_is_unknown_gives_near_matches(name: str, near: str, capsys: pytest.CaptureFixture[str]):
    assert_one_line(say(capsys, "explain", name), f"'{name}'", near)
