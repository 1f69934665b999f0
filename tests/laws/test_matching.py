"""Accesses that match the same are kept under one number, and no two that match differently."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.laws.drawn import HOME, RESOURCE, access, tenant, vague
from xtap.semantics import crossing as crossings
from xtap.semantics.compiling import compile_crossing
from xtap.semantics.loading import tenant_policy
from xtap.semantics.matching import NO_NUMBER, number
from xtap.semantics.request import Channel

if TYPE_CHECKING:
    from xtap.semantics.crossing import Crossing
    from xtap.semantics.request import Access


def crossing(rng: Random) -> Crossing:
    home, resource = (tenant_policy(tenant(rng, own, (other,))) for own, other in ((HOME, RESOURCE), (RESOURCE, HOME)))
    return compile_crossing(home, resource, (HOME, RESOURCE), Channel.COLLABORATION)


def numbered(rng: Random) -> Crossing:
    """Draw a crossing that depends on the access, and lists no suite of applications."""
    return next(each for each in iter(lambda: crossing(rng), None) if each.listed)


def collaboration(rng: Random) -> Access:
    return replace(access(rng), channel=Channel.COLLABORATION)


@pytest.mark.parametrize("seed", range(150))
def test_one_number_stands_for_the_same_matches_of_both_sides(seed: int) -> None:
    rng = Random(seed)
    found = numbered(rng)
    assert found.listed is not None
    assert found.outbound is not None
    assert found.inbound is not None
    numbers: dict[object, object] = {}
    matches: dict[object, object] = {}
    for _ in range(150):
        asked = collaboration(rng)
        matched = found.outbound.check(asked), found.inbound.check(asked)
        assert numbers.setdefault(matched, number(found.listed, asked)) == number(found.listed, asked)
        assert matches.setdefault(number(found.listed, asked), matched) == matched


@pytest.mark.parametrize("fact", ["user", "groups", "client_app", "resource_app"])
def test_an_access_with_an_unknown_fact_has_no_number(fact: str) -> None:
    rng = Random(4)
    gates, asked = numbered(rng).listed or (), collaboration(rng)
    assert number(gates, asked) >= 0
    assert number(gates, replace(asked, **{fact: None})) == NO_NUMBER


@pytest.mark.parametrize("seed", range(60))
def test_what_was_decided_before_changes_no_decision(seed: int) -> None:
    rng = Random(seed)
    home, resource = (tenant_policy(tenant(rng, own, (other,))) for own, other in ((HOME, RESOURCE), (RESOURCE, HOME)))
    warm = compile_crossing(home, resource, (HOME, RESOURCE), Channel.COLLABORATION)
    for _ in range(150):
        asked = vague(rng, access(rng))
        kept = warm.decide(asked)
        fresh = compile_crossing(home, resource, (HOME, RESOURCE), Channel.COLLABORATION).decide(asked)
        assert (kept.outcome, kept.outbound, kept.inbound, kept.trust) == (
            fresh.outcome, fresh.outbound, fresh.inbound, fresh.trust,
        )  # fmt: skip
        assert (kept.steps, kept.missing, kept.decided_by) == (fresh.steps, fresh.missing, fresh.decided_by)


def test_the_findings_of_all_crossings_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossings, "KEPT", 50)
    rng = Random(7)
    many = [numbered(rng) for _ in range(20)]
    for _ in range(1_000):
        found, asked = rng.choice(many), collaboration(rng)
        assert found.decide(asked).outcome == replace(found, findings={}).decide(asked).outcome
    assert 0 < sum(len(each.findings) for each in many) <= 100
