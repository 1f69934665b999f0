"""Does a repair allow exactly what it should? It is applied to the documents as Graph would, and asked again."""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import combinations, product
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from msgspec import to_builtins

from tests.laws import drawn
from xtap.semantics.compare import Effect, compare
from xtap.semantics.decision import Outcome
from xtap.semantics.gate import Verdict
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies
from xtap.semantics.repair import repair
from xtap.semantics.request import Channel, Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from xtap.model.ids import TenantId
    from xtap.semantics.crossing import Decision
    from xtap.semantics.repair import Change, Repair
    from xtap.semantics.request import Access

SEEDS = range(8)
DENIED_BY_SEED = 1500
"""Blocked accesses in one test; 12,000 in all."""

OTHER_OF_SUITE = "00000002-0000-0ff1-ce00-000000000000"
"""An application of Office365 that no draw uses: what opens the whole suite opens more than what opens its others."""

Documents: TypeAlias = "Mapping[TenantId, dict[str, Any]]"


def apply(documents: Documents, changes: tuple[Change, ...]) -> Documents:
    """Do to the documents what Graph does to the stored objects."""
    after = deepcopy(dict(documents))
    for change in changes:
        document, body = after[change.tenant], json.loads(json.dumps(change.body))
        if change.path.endswith("crossTenantAccessPolicy"):
            document["policy"] = document.get("policy", {}) | body
        elif change.method == "POST":
            assert body["tenantId"] not in {entry["tenantId"] for entry in document["partners"]}
            document["partners"].append(body)
        else:
            (entry,) = [entry for entry in document["partners"] if change.path.endswith(entry["tenantId"])]
            entry |= body
    return after


def decided(documents: Documents, access: Any) -> tuple[Policies, Decision]:
    policies = Policies(tenant_policy(document) for document in documents.values())
    return policies, policies.decide(access)


def mended(policies: Policies, decision: Decision) -> Repair:
    access = decision.access
    return repair(decision, policies.get(access.home), policies.get(access.resource))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_repair_allows_the_access_and_takes_nothing_from_anybody(seed: int) -> None:
    rng, denied = Random(seed), 0
    while denied < DENIED_BY_SEED:
        others = (drawn.HOME, drawn.THIRD), (drawn.RESOURCE, drawn.THIRD)
        documents = {
            drawn.RESOURCE: drawn.tenant(rng, drawn.RESOURCE, others[0], clouds=True),
            drawn.HOME: drawn.tenant(rng, drawn.HOME, others[1], clouds=True),
        }
        for number in range(6):
            asked = drawn.access(rng)
            policies, decision = decided(documents, drawn.vague(rng, asked) if number % 2 else asked)
            if decision.outcome is not Outcome.BLOCKED:
                continue
            denied += 1
            found = mended(policies, decision)
            if found.impossible:
                assert is_hopeless(decision) or is_vague(decision), (found.impossible, documents, decision.access)
                continue
            after = apply(documents, found.changes)
            _, again = decided(after, decision.access)
            assert again.outcome is Outcome.ALLOWED, (documents, decision.access, found)
            assert_nothing_lost(documents, after)


def is_hopeless(decision: Decision) -> bool:
    """Say whether no setting can help: clouds that do not go together, or a device that proves nothing."""
    crossing, access = decision.crossing, decision.access
    if crossing.barrier is not None and crossing.barrier.rule in {"XT-CLOUD-1", "XT-CLOUD-4"}:
        return True
    if access.requires is None:
        return False
    grade = any if access.requires.any_of else all
    demands = [PROVABLE[control](access) for control in access.requires.controls if control in PROVABLE]
    demands += [False for control in access.requires.controls if control not in PROVABLE]
    if access.requires.authentication_strength is not None:
        demands.append(not access.requires.authentication_strength.isdisjoint(AT_HOME))
    return bool(demands) and not grade(demands)


AT_HOME = {"sms", "fido2", "windowsHelloForBusiness"}
"""The methods that are drawn and can be used in the home tenant."""

PROVABLE: dict[Control, Callable[[Access], bool]] = {
    Control.MFA: lambda _: True,
    Control.COMPLIANT_DEVICE: lambda access: access.claims.compliant_device is True,
    Control.HYBRID_JOINED_DEVICE: lambda access: access.claims.hybrid_joined_device is True,
    Control.TERMS_OF_USE: lambda access: access.channel is Channel.COLLABORATION,
}
"""Which demands some trust fulfils."""


def is_vague(decision: Decision) -> bool:
    """Say whether something is not known: what a listed target means, or a fact of the access."""
    access, crossing = decision.access, decision.crossing
    if None in (access.user, access.groups, access.client_app, access.resource_app):
        return True
    return any(
        gate is not None and (gate.people.strange or gate.apps.strange or gate.apps.microsoft)
        for gate in (crossing.outbound, crossing.inbound)
    )


def assert_nothing_lost(before: Documents, after: Documents) -> None:
    for tenant, document in before.items():
        found = compare(tenant_policy(document), tenant_policy(after[tenant]))
        lost = [each for each in found.differences if each.effect is Effect.NEWLY_BLOCKED]
        assert not lost, (document, after[tenant], lost)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_single_change_would_have_been_narrower(seed: int) -> None:
    """Every way to leave out or take over one target is tried: none lets the access pass and opens less."""
    rng, tried = Random(1000 + seed), 0
    while tried < 100:
        documents = {
            drawn.RESOURCE: drawn.tenant(rng, drawn.RESOURCE, (drawn.HOME,)),
            drawn.HOME: {"tenantId": drawn.HOME, "partners": [everything_out()]},
        }
        policies, decision = decided(documents, drawn.access(rng))
        found = mended(policies, decision)
        name = decision.decided_by.setting or ""
        if decision.outcome is not Outcome.BLOCKED or not found.changes or name == "inboundTrust":
            continue
        tried += 1
        chosen = found.changes[0].body[name]
        opened = allowed_pairs(documents, found.changes, decision)
        before = allowed_pairs(documents, (), decision)
        assert before <= opened, (documents, decision.access, chosen)
        for rival in rivals(chosen, decision):
            body = found.changes[0].body | {name: rival}
            changes = (type(found.changes[0])(**as_dict(found.changes[0]) | {"body": body}), *found.changes[1:])
            rival_opened = allowed_pairs(documents, changes, decision)
            passes = decided(apply(documents, changes), decision.access)[1].outcome is Outcome.ALLOWED
            assert not (passes and before <= rival_opened and rival_opened < opened), (
                documents,
                decision.access,
                chosen,
                rival,
            )
    assert tried == 100


def everything_out() -> dict[str, Any]:
    everybody = {
        "usersAndGroups": {"accessType": "allowed", "targets": [{"target": "AllUsers", "targetType": "user"}]},
        "applications": {
            "accessType": "allowed",
            "targets": [{"target": "AllApplications", "targetType": "application"}],
        },
    }
    return {
        "tenantId": drawn.RESOURCE,
        "b2bCollaborationOutbound": everybody,
        "b2bDirectConnectOutbound": everybody,
    }


def as_dict(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.__struct_fields__}


def rivals(chosen: Any, decision: Decision) -> list[dict[str, Any]]:
    """Return rival settings: the present one with less; the chosen one with less, just this access, or flipped."""
    found = list(originals_with_less(decision))
    only = {
        "usersAndGroups": [{"target": decision.access.user, "targetType": "user"}],
        "applications": [{"target": decision.access.resource_app, "targetType": "application"}],
    }
    for half, exactly in only.items():
        listed = chosen[half]
        targets = listed["targets"]
        found += [
            chosen | {half: listed | {"targets": targets[:n] + targets[n + 1 :]}}
            for n in range(len(targets))
            if len(targets) > 1
        ]
        found.append(chosen | {half: {"accessType": "allowed", "targets": exactly}})
        flipped = "blocked" if listed["accessType"] == "allowed" else "allowed"
        found.append(chosen | {half: listed | {"accessType": flipped}})
    return found


def originals_with_less(decision: Decision) -> Iterator[dict[str, Any]]:
    """Yield the present setting without one or two targets of one half."""
    assert decision.decisive is not None
    present = decision.decisive.gate.setting
    whole = {
        "usersAndGroups": to_builtins(present.users_and_groups.value),
        "applications": to_builtins(present.applications.value),
    }
    for half, listed in whole.items():
        for number in (1, 2):
            for gone in combinations(listed["targets"], number):
                rest = [target for target in listed["targets"] if target not in gone]
                if rest:
                    yield whole | {half: listed | {"targets": rest}}


def allowed_pairs(documents: Documents, changes: tuple[Change, ...], decision: Decision) -> frozenset[tuple[Any, ...]]:
    """Return which users (with groups) may use which application, over the whole small world.

    Targets that no rule knows are read both ways: they name nobody, or everybody; no application, or every one.
    """
    policies = Policies(tenant_policy(document) for document in apply(documents, changes).values())
    gate = policies.crossing(drawn.HOME, drawn.RESOURCE, decision.access.channel).inbound
    assert gate is not None
    people = [(user, groups) for user in [*drawn.USERS, None] for groups in [(), *((g,) for g in drawn.GROUPS)]]
    stranger = "dddddddd-0000-4000-8000-0000000000d0"
    found = set()
    for user, groups in people:
        for app in [*drawn.APPS, OTHER_OF_SUITE, stranger]:
            matched = gate.people.match(user or stranger, frozenset(groups)), gate.apps.match(app, app)
            for meaning in product((False, True), repeat=2):
                named, used = (
                    known if each is None else bool(each) for each, known in zip(matched, meaning, strict=True)
                )
                if gate.verdicts[3 * named + used] is Verdict.PASSES:
                    found.add((meaning, user, groups, app))
    return frozenset(found)
