"""What is told does not depend on what was asked before, or by whom."""

from __future__ import annotations

import json
from random import Random

import pytest
from msgspec.structs import replace

from tests.laws.drawn import HOME, RESOURCE, access, tenant, vague
from xtap.authzen.answers import Answers
from xtap.model.ids import TenantId
from xtap.semantics.compiling import compile_crossing
from xtap.semantics.loading import tenant_policy
from xtap.semantics.request import Channel
from xtap.service.decisions import Compiled
from xtap.service.disclosure import View

VIEWS = (View(HOME), View(RESOURCE), View(None))


def compiled(rng: Random, channel: Channel) -> Compiled:
    home, resource = (
        tenant_policy(tenant(rng, own, (other,), clouds=True)) for own, other in ((HOME, RESOURCE), (RESOURCE, HOME))
    )
    home, resource = replace(home, version=1), replace(resource, version=2)
    return Compiled(home, resource, compile_crossing(home, resource, (HOME, RESOURCE), channel))


@pytest.mark.parametrize("seed", range(60))
def test_an_answer_is_the_same_whatever_was_told_before(seed: int) -> None:
    rng = Random(seed)
    crossings = {channel: compiled(rng, channel) for channel in (Channel.COLLABORATION, Channel.DIRECT_CONNECT)}
    kept = Answers()
    for _ in range(150):
        asked = vague(rng, access(rng))
        through, view, full = crossings[asked.channel], rng.choice(VIEWS), rng.random() < 0.5
        decision = through.decide(asked)
        assert kept.told(decision, through, view, full=full) == Answers().told(decision, through, view, full=full)


def test_nothing_is_let_in_that_is_not_allowed_now() -> None:
    seen: set[tuple[bool, bool]] = set()
    for seed in range(60):
        rng = Random(seed)
        through = compiled(rng, Channel.COLLABORATION)
        for _ in range(150):
            asked = replace(vague(rng, access(rng)), channel=Channel.COLLABORATION)
            decision = through.decide(asked)
            told = Answers().told(decision, through, rng.choice(VIEWS), full=False)
            assert told.decision == (decision.allowed and not decision.pending)
            seen.add((told.decision, decision.allowed))
    assert seen == {(True, True), (False, True), (False, False)}


@pytest.mark.parametrize("seed", range(60))
def test_the_other_tenant_is_told_nothing_of_a_policy(seed: int) -> None:
    rng = Random(seed)
    through = compiled(rng, Channel.COLLABORATION)
    for _ in range(150):
        asked = replace(vague(rng, access(rng)), channel=Channel.COLLABORATION)
        decision = through.decide(asked)
        for mine, theirs in ((HOME, RESOURCE), (RESOURCE, HOME)):
            context = json.loads(Answers().told(decision, through, View(mine), full=True).body)["context"]
            assert not [step for step in context.get("steps", ()) if step.get("tenantId") == theirs]
            by = context["decided_by"]
            assert by.get("tenantId") != theirs or not {"setting", "origin"} & by.keys()
            assert theirs not in context.get("policy_versions", {})
            assert not [fix for fix in context.get("fix", ()) if fix["tenantId"] == theirs and "body" in fix]
            assert "XT-ACC-3" not in context["rules"]
            hidden = "Outbound" if theirs == HOME else "Inbound"
            assert not [fact for fact in context.get("missing", ()) if hidden in fact]


def test_a_stranger_sees_no_settings() -> None:
    told = 0
    for seed in range(60):
        rng = Random(seed)
        through = compiled(rng, Channel.COLLABORATION)
        decision = through.decide(replace(access(rng), channel=Channel.COLLABORATION))
        answer = Answers().told(decision, through, View(TenantId("f" * 8)), full=True)
        steps = json.loads(answer.body)["context"].get("steps", [])
        assert not [step for step in steps if "tenantId" in step]
        told += len(steps)
    assert told
