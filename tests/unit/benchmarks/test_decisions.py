"""Do the engines that are timed against each other answer alike, and would we notice if they did not?"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

import pytest

from benchmarks import workload
from benchmarks.decisions import agree, both_sides, confirm, inbound, ours, outbound, policies, read_again
from benchmarks.peers import Cedar, Rego
from benchmarks.positional import one_side
from xtap.semantics.compare import Comparison, compare

if TYPE_CHECKING:
    from benchmarks.workload import Workload

REQUESTS = 300


@pytest.fixture(scope="module")
def one_sided() -> Workload:
    return workload.one_sided(REQUESTS)


@pytest.fixture(scope="module")
def two_sided() -> Workload:
    return workload.two_sided(REQUESTS)


def test_the_positional_dict_agrees_where_one_side_is_configured(one_sided: Workload):
    passes = one_side(inbound(one_sided.resource))
    assert list(starmap(passes, one_sided.questions)) == list(ours(policies(one_sided), one_sided.accesses))


def test_two_positional_dicts_agree_where_both_sides_are_configured(two_sided: Workload):
    passes = both_sides(two_sided)
    assert list(starmap(passes, two_sided.questions)) == list(ours(policies(two_sided), two_sided.accesses))


def test_cedar_agrees_where_one_side_is_configured(one_sided: Workload):
    cedar = Cedar(inbound(one_sided.resource))
    answers = starmap(cedar.allows, map(cedar.request, one_sided.questions))
    assert list(answers) == list(ours(policies(one_sided), one_sided.accesses))


def test_cedar_agrees_where_both_sides_are_configured(two_sided: Workload):
    cedar = Cedar(outbound(two_sided), inbound(two_sided.resource))
    answers = starmap(cedar.allows, map(cedar.request, two_sided.questions))
    assert list(answers) == list(ours(policies(two_sided), two_sided.accesses))


def test_rego_agrees_where_one_side_is_configured(one_sided: Workload):
    asked = {question.home for question in one_sided.questions}
    rego = Rego({home: setting for home, setting in inbound(one_sided.resource).items() if home in asked})
    answers = starmap(rego.allows, map(rego.request, one_sided.questions))
    assert list(answers) == list(ours(policies(one_sided), one_sided.accesses))


def test_the_requests_use_every_cell_of_the_rule_with_and_without_matches(one_sided: Workload):
    many = workload.one_sided(10_000)
    sides = [decision.inbound for decision in map(policies(many).decide, many.accesses)]
    found = {(side.gate.rule, bool(side.user), bool(side.app)) for side in sides if side is not None}
    assert len(found) == 16
    known = sum(question.home in one_sided.resource.partners for question in one_sided.questions)
    assert REQUESTS * 0.4 < known < REQUESTS * 0.6


def test_a_single_wrong_answer_ends_the_run(one_sided: Workload):
    right = list(ours(policies(one_sided), one_sided.accesses))
    agree(one_sided.questions, {"one": right, "other": right})
    wrong = [*right[:-1], not right[-1]]
    with pytest.raises(AssertionError, match=r"'one': .*'other': .* disagree about"):
        agree(one_sided.questions, {"one": right, "other": wrong})


def test_engines_that_always_say_the_same_prove_nothing(one_sided: Workload):
    always = [True] * REQUESTS
    with pytest.raises(AssertionError, match="decides nothing"):
        agree(one_sided.questions, {"one": always, "other": always})


def test_a_policy_that_is_read_again_is_equal_and_shares_no_entry(one_sided: Workload):
    policy = one_sided.resource
    again = read_again(policy)
    assert compare(policy, again).equivalent
    assert again == policy
    assert not {id(partner) for partner in policy.partners.values()} & {id(each) for each in again.partners.values()}


@pytest.mark.parametrize("count", [0, 1, 40])
def test_so_many_partners_are_changed(one_sided: Workload, count: int):
    before, after = one_sided.resource, workload.changed(one_sided.resource, count)
    different = {home for home, partner in before.partners.items() if after.partners[home] != partner}
    assert different == {workload.tenant(number) for number in range(1, count + 1)}


def test_comparisons_are_held_against_positional_dicts(one_sided: Workload):
    before, after = one_sided.resource, workload.changed(one_sided.resource, workload.PARTNERS)
    found = compare(before, after)
    confirm(found, before, after, one_sided.questions)
    with pytest.raises(AssertionError, match="does not know"):
        confirm(Comparison(()), before, after, one_sided.questions)
    with pytest.raises(AssertionError, match="does not show"):
        confirm(found, after, before, one_sided.questions)
