"""Do rules, code, decision record and docs/semantics.md say the same? Every id in every place, every example run."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from docs.build_semantics import PAGE, ROOT, RULE, build, cases, places
from docs.worked_tables import cells, joint
from xtap.semantics.rules import ADR, RULES, Certainty, Rule

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = [PAGE, ROOT / ADR]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_is_what_the_generator_writes():
    text = PAGE.read_text()
    assert build(text, places(), cases()) == text, "docs/semantics.md is stale: run 'make docs'"


def test_every_rule_stands_in_one_table_of_the_page():
    lines = re.findall(r"^\| \*\*(XT-[A-Z]+-[0-9]+)\*\* \|", PAGE.read_text(), re.MULTILINE)
    assert Counter(lines) == Counter(dict.fromkeys(RULES, 1))


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_has_a_name_a_sentence_and_a_source(rule: Rule):
    assert RULE.fullmatch(rule.id)
    assert re.fullmatch(r"[A-Z].{15,}[^.]\.", rule.sentence)
    assert rule.source.strip()
    assert (rule.source == ADR) is (rule.certainty is Certainty.CHOSEN)


def test_every_rule_is_applied_somewhere():
    assert sorted(RULES.keys() - places().keys()) == []


def test_every_id_in_code_documents_and_cases_is_a_rule():
    files = [*SOURCES, *DOCUMENTS, *(ROOT / "conformance").rglob("*.yaml")]
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in RULE.findall(path.read_text())
        if name not in RULES
    }
    assert strangers == set()


def test_every_chosen_rule_has_its_paragraph_in_the_decision_record_with_the_same_sentence():
    text = (ROOT / ADR).read_text()
    told = dict(re.findall(r"^### (XT-\S+)\n\n\*(.+?)\*", text, re.MULTILINE | re.DOTALL))
    chosen = {rule.id: rule.sentence for rule in RULES.values() if rule.certainty is Certainty.CHOSEN}
    assert {name: " ".join(sentence.split()) for name, sentence in told.items()} == chosen


def test_the_examples_of_the_page_hold():
    blocks = EXAMPLE.findall(PAGE.read_text())
    assert sum(block.count("assert ") for block in blocks) > 20
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {})


def test_the_engine_follows_the_2x2_rule_in_the_worked_table():
    passes = {
        ("allowed", "allowed"): lambda listed, used: listed and used,
        ("allowed", "blocked"): lambda listed, used: listed and not used,
        ("blocked", "allowed"): lambda listed, used: not listed and used,
        ("blocked", "blocked"): lambda listed, used: not (listed and used),
    }
    lines = 0
    for users, applications, *answers, _ in cells():
        (user_type, user), (app_type, app) = users.split(), applications.split()
        expected = [
            passes[user_type, app_type](
                user == "AllUsers" or person == "Ana", app == "AllApplications" or used == "mail"
            )
            for person in ("Ana", "Ben")
            for used in ("mail", "wiki")
        ]
        assert answers == ["allowed" if each else "blocked" for each in expected], (users, applications)
        lines += 1
    assert lines == 9


def test_only_two_open_sides_allow():
    table = {line[0].strip("*"): line[1:] for line in joint()}
    allowed = [(side, other) for side, line in table.items() for other in line if other == "allowed"]
    assert allowed == [("passes", "allowed")]
    assert set(table["blocks"]) == {"blocked"}


def test_a_stale_table_and_an_unknown_one_are_found():
    text = "a\n<!-- table: rules CONS -->\nold\n<!-- end -->\nb\n"
    built = build(text, {"XT-CONS-1": Counter({"trace._steps": 2})}, {"XT-CONS-1": Counter({"consent.yaml": 3})})
    assert "old" not in built
    assert "`trace._steps` | [consent](../conformance/decisions/consent.yaml) (3) |" in built
    assert built.startswith("a\n<!-- table")
    assert built.endswith("<!-- end -->\nb\n")
    for name in ("nonsense", "rules NOBODY"):
        with pytest.raises(ValueError, match=r"NOBODY|nonsense"):
            build(f"<!-- table: {name} -->\n<!-- end -->", {}, {})


def test_docstrings_comments_and_the_list_of_rules_are_no_branches(tmp_path: Path):
    (tmp_path / "rules.py").write_text('RULES = ["XT-ACC-1"]\n')
    (tmp_path / "gate.py").write_text(
        '"""XT-ACC-1"""\n"XT-ACC-1"\n_TABLE = {"XT-ACC-2": 1}\n\nclass Gate:\n    def judge(self):\n'
        '        """XT-ACC-1"""\n        return "XT-ACC-3"  # XT-ACC-1\n'
    )
    assert places(tmp_path) == {"XT-ACC-2": {"gate._TABLE": 1}, "XT-ACC-3": {"gate.Gate.judge": 1}}


def test_cases_are_found_at_any_depth_and_may_be_missing(tmp_path: Path):
    assert cases(tmp_path / "nowhere") == {}
    (tmp_path / "b.yaml").write_text("cases:\n  - {id: one, rules: [XT-ACC-1, XT-ACC-1, XT-ACC-2]}\n  - {id: two}\n")
    (tmp_path / "a.yaml").write_text(
        "- {id: three, applied: [XT-ACC-1], notApplied: [XT-ACC-1, XT-ACC-3]}\n- just text\n"
    )
    (tmp_path / "empty.yaml").write_text("")
    assert cases(tmp_path) == {
        "XT-ACC-1": {"a.yaml": 1, "b.yaml": 1},
        "XT-ACC-2": {"b.yaml": 1},
        "XT-ACC-3": {"a.yaml": 1},
    }
