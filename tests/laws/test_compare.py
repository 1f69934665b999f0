"""Is a comparison sound and complete? Every witness is asked again, and every access that differs must be announced."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from tests.laws import drawn
from tests.laws.test_repair import everything_out
from xtap.model.ids import TenantId
from xtap.semantics.compare import Comparison, Difference, Effect, compare
from xtap.semantics.decision import Outcome
from xtap.semantics.documents import TenantPolicy
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies
from xtap.semantics.request import Access, Channel
from xtap.semantics.restrictions import ForeignAccess, restrict

SEEDS = range(6)
PAIRS = 250
"""Pairs of policies in one test."""

UNNAMED = TenantId("44444444-4444-4444-8444-444444444444")


def changed(rng: Random, document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with one or two places drawn anew."""
    after = deepcopy(document)
    other = drawn.tenant(rng, drawn.RESOURCE, (drawn.HOME, drawn.THIRD), clouds=True)
    for place in rng.sample(["default", "partners", "one"], rng.randint(1, 2)):
        if place == "one" and after["partners"] and other["partners"]:
            after["partners"][0] |= other["partners"][0] | {"tenantId": after["partners"][0]["tenantId"]}
        elif place != "one":
            after[place] = other[place]
    if rng.random() < 0.3:
        after["policy"] = {"allowedCloudEndpoints": rng.choice([[], [drawn.GOVERNMENT]])}
    after.pop("cloud", None)
    return after


def open_counterpart(tenant: TenantId, cloud: str) -> TenantPolicy:
    """Return a tenant that lets everything pass, so that only the other side decides."""
    whole = everything_out()
    both = dict.fromkeys(drawn.SETTINGS, whole["b2bCollaborationOutbound"])
    document: dict[str, Any] = {
        "tenantId": tenant,
        "cloud": cloud,
        "policy": {"allowedCloudEndpoints": [drawn.COMMERCIAL, drawn.GOVERNMENT]},
        "partners": [{"tenantId": drawn.RESOURCE} | both],
    }
    return tenant_policy(document)


def allowed(policy: TenantPolicy, asked: Access | ForeignAccess, cloud: str = drawn.COMMERCIAL) -> bool:
    if isinstance(asked, ForeignAccess):
        return restrict(policy, asked).allowed
    other = asked.home if asked.resource == policy.tenant_id else asked.resource
    decision = Policies([policy, open_counterpart(other, cloud)]).decide(asked)
    if asked.channel is Channel.SERVICE_PROVIDER:
        return decision.outcome is Outcome.NOT_APPLICABLE
    return decision.allowed


def pairs(seed: int) -> Any:
    rng = Random(seed)
    for _ in range(PAIRS):
        before = drawn.tenant(rng, drawn.RESOURCE, (drawn.HOME, drawn.THIRD), clouds=True)
        before.pop("cloud", None)
        yield rng, tenant_policy(before), tenant_policy(changed(rng, before))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_witness_shows_its_difference(seed: int) -> None:
    shown = 0
    for _, before, after in pairs(seed):
        for difference in compare(before, after).differences:
            if difference.witness is None or difference.effect is Effect.DIFFERENT:
                continue
            was, now = (
                allowed(each, difference.witness, difference.cloud or drawn.COMMERCIAL) for each in (before, after)
            )
            assert (was, now) == ((False, True) if difference.effect is Effect.NEWLY_ALLOWED else (True, False)), (
                difference
            )
            shown += 1
    assert shown > PAIRS


@pytest.mark.parametrize("seed", SEEDS)
def test_no_difference_is_missed(seed: int) -> None:
    differing = 0
    for rng, before, after in pairs(seed):
        found = compare(before, after)
        for _ in range(40):
            asked, cloud = question(rng)
            was, now = allowed(before, asked, cloud), allowed(after, asked, cloud)
            if was != now:
                differing += 1
                effect = Effect.NEWLY_ALLOWED if now else Effect.NEWLY_BLOCKED
                assert announced(found, effect, asked, before, after), (asked, cloud, effect, found)
    assert differing > PAIRS


def question(rng: Random) -> tuple[Access | ForeignAccess, str]:
    other = rng.choice([drawn.HOME, drawn.THIRD, UNNAMED])
    cloud = rng.choice([drawn.COMMERCIAL, drawn.COMMERCIAL, drawn.GOVERNMENT])
    ends = (other, drawn.RESOURCE) if rng.random() < 0.5 else (drawn.RESOURCE, other)
    asked = drawn.access(rng, *ends)
    if rng.random() < 0.8:
        return asked, cloud
    used = ForeignAccess(
        policy_tenant=drawn.RESOURCE,
        home=other,
        resource=other,
        user=asked.user,
        groups=asked.groups,
        client_app=asked.client_app,
        resource_app=asked.resource_app,
        anonymous=rng.random() < 0.2,
    )
    return used, drawn.COMMERCIAL


def announced(
    found: Comparison, effect: Effect, asked: Access | ForeignAccess, before: TenantPolicy, after: TenantPolicy
) -> bool:
    """Say whether a difference of this effect is told for the channel, direction and other tenant of the access."""
    other = asked.home if asked.home != drawn.RESOURCE else asked.resource
    named = other if other in before.partners or other in after.partners else None
    names = settings(asked)
    return any(each.effect is effect and each.other == named and matches(each, names) for each in found.differences)


def settings(asked: Access | ForeignAccess) -> tuple[str, ...]:
    if isinstance(asked, ForeignAccess):
        return ("tenantRestrictions",)
    direction = "Inbound" if asked.resource == drawn.RESOURCE else "Outbound"
    trust = ("inboundTrust",) if asked.requires is not None and direction == "Inbound" else ()
    return (f"{asked.channel}{direction}", *trust)


def matches(difference: Difference, names: tuple[str, ...]) -> bool:
    return difference.setting.split(".")[0] in names


@pytest.mark.parametrize("channel", ["b2bCollaborationInbound", "b2bDirectConnectInbound"])
@pytest.mark.parametrize("flag", ["isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted"])
def test_whoever_comes_in_by_a_trusted_claim_gains_and_loses_access_with_the_trust(flag: str, channel: str) -> None:
    shut: dict[str, Any] = {"accessType": "blocked", "targets": [{"target": "AllUsers", "targetType": "user"}]}
    closed = {"usersAndGroups": shut, "applications": everything_out()["b2bCollaborationOutbound"]["applications"]}
    inbound: dict[str, Any] = dict.fromkeys(drawn.SETTINGS, closed) | {
        channel: everything_out()["b2bCollaborationOutbound"]
    }
    without, trusting = (
        tenant_policy(
            {
                "tenantId": drawn.RESOURCE,
                "partners": [{"tenantId": drawn.HOME, "inboundTrust": {flag: accepted}} | inbound],
            }
        )
        for accepted in (False, True)
    )
    gained, lost = compare(without, trusting), compare(trusting, without)
    assert [(each.effect, each.setting) for each in gained.differences] == [("newlyAllowed", f"inboundTrust.{flag}")]
    assert not gained.no_new_access
    assert [(each.effect, each.setting) for each in lost.differences] == [("newlyBlocked", f"inboundTrust.{flag}")]
    assert lost.no_new_access
    (found,) = gained.differences
    assert found.witness is not None
    assert not allowed(without, found.witness)
    assert allowed(trusting, found.witness)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_policy_is_equivalent_to_itself_in_any_order(seed: int) -> None:
    rng = Random(seed)
    for _ in range(PAIRS):
        document = drawn.tenant(rng, drawn.RESOURCE, (drawn.HOME, drawn.THIRD), clouds=True)
        again = deepcopy(document)
        again["partners"].reverse()
        for name in drawn.SETTINGS:
            for half in again["default"].get(name, {}).values():
                half["targets"] = [*half["targets"], *reversed(half["targets"])]
        found = compare(tenant_policy(document), tenant_policy(again))
        assert found.equivalent
        assert found.no_new_access


def test_policies_of_two_tenants_are_not_compared():
    one, two = (TenantPolicy(tenant_id=each) for each in (drawn.HOME, drawn.RESOURCE))
    with pytest.raises(ValueError, match=drawn.HOME):
        compare(one, two)
