"""Does the engine mean what the rules say? Compared with the naive evaluator, and laws that hold for every policy."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import fuzz
from tests.compared import disagreement, policies_of
from tests.laws import drawn, wild
from xtap.testing import engine

MANY = settings(max_examples=60, deadline=None)
RNG = st.randoms(use_true_random=False)
NEW = "44444444-4444-4444-8444-444444444444"
QUESTIONS = 12


def answers(tenants: Any, questions: Any) -> list[Any]:
    return [engine.answer({"kind": "decide", "tenants": tenants, "question": asked}) for asked in questions]


def draw(rng: Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return wild.tenants(rng), [wild.question(rng) for _ in range(QUESTIONS)]


@MANY
@given(RNG)
def test_the_engine_agrees_with_the_naive_evaluator(rng: Random) -> None:
    tenants, questions = draw(rng)
    policies = policies_of(tenants)
    assert [problem for asked in questions if (problem := disagreement(policies, tenants, asked))] == []


def test_the_engine_agrees_on_many_more():
    rng, outcomes = Random(7), set()
    for _ in range(1500):
        tenants, questions = draw(rng)
        policies = policies_of(tenants)
        for asked in questions:
            assert disagreement(policies, tenants, asked) is None
        outcomes |= {answer["outcome"] for answer in answers(tenants, questions[:1])}
    assert outcomes == {"allowed", "blocked", "notApplicable", "unknown"}


def test_the_fuzzer_counts_what_it_compared():
    compared, problem = fuzz.compare(0.5, seed=1)
    assert compared >= fuzz.QUESTIONS
    assert problem is None


@MANY
@given(RNG)
def test_adding_a_partner_changes_no_other_partner(rng: Random) -> None:
    tenants, questions = draw(rng)
    before = answers(tenants, questions)
    for document in tenants:
        document["partners"].append({"tenantId": NEW, **drawn.configuration(rng, 0.9)})
    assert answers(tenants, questions) == before


@MANY
@given(RNG)
def test_an_empty_partner_in_the_same_cloud_changes_nothing(rng: Random) -> None:
    tenants, questions = draw(rng)
    for document in tenants:
        document.pop("cloud", None)
    before = answers(tenants, questions)
    for document in tenants:
        known = {partner["tenantId"] for partner in document["partners"]} | {document["tenantId"]}
        document["partners"] += [{"tenantId": other} for other in (drawn.HOME, drawn.RESOURCE) if other not in known]
    assert answers(tenants, questions) == before


@MANY
@given(RNG)
def test_order_and_duplicates_of_targets_are_irrelevant(rng: Random) -> None:
    tenants, questions = draw(rng)
    before = answers(tenants, questions)
    for document in tenants:
        for half in wild.halves(document):
            half["targets"] = [*half["targets"], *half["targets"][:1]]
            rng.shuffle(half["targets"])
    assert answers(tenants, questions) == before


def _growing(rng: Random, access_type: str) -> tuple[list[Any], list[Any]]:
    """Ask before and after one list of one setting that is of this access type has gained a target.

    Both halves of the setting are of that type: the list of a half alone means the rest of the other one's.
    """
    tenants, questions = draw(rng)
    settings_of = [
        setting
        for document in tenants
        for configuration in (document["default"], *document["partners"])
        for name in drawn.SETTINGS
        if (setting := configuration.get(name)) and len(setting) == 2
    ]
    if not settings_of:
        return [], []
    setting = rng.choice(settings_of)
    for half in setting.values():
        half["accessType"] = access_type
    before = answers(tenants, questions)
    name = rng.choice(["usersAndGroups", "applications"])
    people = [*((user, "user") for user in drawn.USERS), *((group, "group") for group in drawn.GROUPS)]
    apps = [(app, "application") for app in [*drawn.APPS, "Office365", "AllApplications"]]
    target, kind = rng.choice([*people, ("AllUsers", "user")] if name == "usersAndGroups" else apps)
    setting[name]["targets"].append({"target": target, "targetType": kind})
    return before, answers(tenants, questions)


@MANY
@given(RNG)
def test_a_longer_block_list_allows_nothing_new(rng: Random) -> None:
    before, after = _growing(rng, "blocked")
    for old, new in zip(before, after, strict=True):
        assert new["outcome"] != "allowed" or old["outcome"] == "allowed"
        assert old["outcome"] != "blocked" or new["outcome"] == "blocked"


@MANY
@given(RNG)
def test_a_longer_allow_list_blocks_nothing_new(rng: Random) -> None:
    before, after = _growing(rng, "allowed")
    for old, new in zip(before, after, strict=True):
        assert new["outcome"] != "blocked" or old["outcome"] == "blocked"
        assert old["outcome"] != "allowed" or new["outcome"] == "allowed"


def _effective(tenants: Any, tenant: str, other: str) -> Any:
    question: Any = {"tenant": tenant, "other": other}
    return engine.answer({"kind": "effective", "tenants": tenants, "question": question})["settings"]


def _values(found: Any) -> Any:
    """Take the origins and rules away; only what counts stays."""
    if isinstance(found, dict):
        return _values(found["value"]) if "value" in found else {name: _values(each) for name, each in found.items()}
    return found


@MANY
@given(RNG)
def test_a_policy_made_of_effective_values_has_the_same_ones_and_decides_the_same(rng: Random) -> None:
    tenants, questions = draw(rng)
    written = deepcopy(tenants)
    for document in written:
        other = drawn.RESOURCE if document["tenantId"] == drawn.HOME else drawn.HOME
        kept = [partner for partner in document["partners"] if partner["tenantId"] != other]
        # between clouds a missing entry means something, so only an entry that is there is written out
        if len(kept) < len(document["partners"]) or "cloud" not in document:
            values = _values(_effective(tenants, document["tenantId"], other))
            document["partners"] = [*kept, {"tenantId": other, **values}]
            assert _values(_effective(written, document["tenantId"], other)) == values
    cloudless = [document for document in tenants if "cloud" not in document]
    if len(cloudless) == len(tenants):
        for old, new in zip(answers(tenants, questions), answers(written, questions), strict=True):
            assert (new["outcome"], new["errorCode"], new["trust"]) == (old["outcome"], old["errorCode"], old["trust"])
            assert new["consent"] == old["consent"]


def _capitals(value: Any) -> Any:
    if isinstance(value, str):
        return value.upper() if len(value) == 36 and value.count("-") == 4 else value
    if isinstance(value, list):
        return [_capitals(each) for each in value]
    return {name: _capitals(each) for name, each in value.items()} if isinstance(value, dict) else value


@MANY
@given(RNG)
def test_ids_in_capitals_give_the_same_answer(rng: Random) -> None:
    tenants, questions = draw(rng)
    expected = answers(tenants, questions)
    assert answers(_capitals(tenants), questions) == expected
    assert answers(tenants, _capitals(questions)) == expected
