"""How was a decision found? Its facts put together as rules, tenants and settings, only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.targets import ALL_APPLICATIONS, ALL_MICROSOFT_APPS, ALL_USERS, OFFICE_365
from xtap.semantics.decision import DecidedBy, Direction, Outcome, Step
from xtap.semantics.effective import Origin
from xtap.semantics.gate import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.semantics.crossing import Decision
    from xtap.semantics.gate import Gate, Passage
    from xtap.semantics.request import Access

_RESULT = {Verdict.BLOCKS: "blocks", Verdict.PASSES: "passes", Verdict.UNKNOWN: "unknown"}
_STRONGEST_FIRST = tuple(Origin)


def decided_by(decision: Decision) -> DecidedBy:
    """Say whose setting decided, and by which rule."""
    crossing, passage = decision.crossing, decision.decisive
    if not decision.access.is_entra_account:
        return DecidedBy("XT-SCOPE-2")
    if crossing.barrier is not None:
        barrier = crossing.barrier
        return DecidedBy(barrier.rule, barrier.tenants[0] if barrier.tenants else None, setting=barrier.setting)
    if passage is not None:
        return _decided_by_side(decision, passage)
    if decision.trust is not None and decision.trust.passes is not True and decision.trust.decisive is not None:
        origin = None if crossing.trust is None else crossing.trust.origin
        return DecidedBy(decision.trust.decisive.rule, crossing.resource, setting="inboundTrust", origin=origin)
    if crossing.outbound is None or crossing.inbound is None:
        return DecidedBy("XT-SCOPE-3", crossing.home if crossing.outbound is None else crossing.resource)
    return _decided_by_side(decision, _weakest(decision))


def _weakest(decision: Decision) -> Passage:
    """Return the side that is unknown, or for an allowed access the last one that had to agree."""
    outbound, inbound = decision.outbound, decision.inbound
    if outbound is None or inbound is None:
        raise AssertionError("a decision without barrier asked both sides")
    return outbound if outbound.verdict is Verdict.UNKNOWN else inbound


def _decided_by_side(decision: Decision, passage: Passage) -> DecidedBy:
    direction = Direction.OUTBOUND if passage is decision.outbound else Direction.INBOUND
    gate = passage.gate
    return DecidedBy(gate.rule, gate.tenant, direction, gate.name, origin_of(passage))


def origin_of(passage: Passage) -> Origin:
    """Return who configured the setting; if its halves differ, the stronger one (partner before default)."""
    setting = passage.gate.setting
    return min(setting.users_and_groups.origin, setting.applications.origin, key=_STRONGEST_FIRST.index)


def steps(decision: Decision) -> tuple[Step, ...]:
    """Return every applied rule, in the order of application; the finding keeps them for whoever shares it."""
    found = decision.finding.steps = tuple(_steps(decision))
    return found


def _steps(decision: Decision) -> Iterator[Step]:
    crossing, access = decision.crossing, decision.access
    if not access.is_entra_account:
        yield Step("XT-SCOPE-2", result=decision.outcome)
    elif crossing.barrier is not None:
        barrier = crossing.barrier
        for tenant in barrier.tenants or (None,):
            yield Step(barrier.rule, tenant, barrier.setting, result=barrier.outcome)
    else:
        yield Step("XT-SCOPE-4", setting=crossing.channel)
        yield from side_steps("XT-ACC-1", crossing.home, decision.outbound, access)
        yield from side_steps("XT-ACC-2", crossing.resource, decision.inbound, access)
        if _both_block(decision):
            yield Step("XT-ACC-3", crossing.home)
    yield from _trust(decision)
    if decision.outcome is Outcome.ALLOWED:
        rule = "XT-CONS-1" if decision.consent_prompt == "suppressed" else "XT-CONS-2"
        yield Step(rule, setting="automaticUserConsentSettings", result=decision.consent_prompt)


def _both_block(decision: Decision) -> bool:
    sides = (decision.outbound, decision.inbound)
    return all(passage is not None and passage.verdict is Verdict.BLOCKS for passage in sides)


def side_steps(rule: str, tenant: str, passage: Passage | None, access: Access) -> Iterator[Step]:
    """Tell how one side came to its verdict: inheritance, matches, and the cell of the 2x2 rule."""
    if passage is None:
        yield Step("XT-SCOPE-3", tenant, result="unknown")
        return
    gate, setting = passage.gate, passage.gate.setting
    people, apps = setting.users_and_groups, setting.applications
    users, applications = f"{gate.name}.usersAndGroups", f"{gate.name}.applications"
    yield Step(people.rule, tenant, users, people.origin)
    yield Step(_user_rule(passage), tenant, users, target=passage.user or None)
    yield Step(apps.rule, tenant, applications, apps.origin)
    yield Step(_app_rule(passage, access), tenant, applications, target=passage.app or None)
    yield Step(gate.rule, tenant, gate.name, result=_RESULT[passage.verdict])
    yield Step(rule, tenant, gate.name, result=_RESULT[passage.verdict])


def _user_rule(passage: Passage) -> str:
    if not passage.user:
        return "XT-USER-5" if passage.user is None else "XT-USER-4"
    if passage.user == ALL_USERS:
        return "XT-USER-1"
    return "XT-USER-2" if passage.user in passage.gate.people.users else "XT-USER-3"


_KEYWORD_RULES = {ALL_APPLICATIONS: "XT-APP-1", OFFICE_365: "XT-APP-3", ALL_MICROSOFT_APPS: "XT-APP-4"}


def _app_rule(passage: Passage, access: Access) -> str:
    if passage.app:
        return _KEYWORD_RULES.get(passage.app, "XT-APP-2")
    if passage.app is None and passage.gate.apps.microsoft and None not in (access.client_app, access.resource_app):
        return "XT-APP-4"
    return "XT-APP-6" if passage.app is None else "XT-APP-5"


def _trust(decision: Decision) -> Iterator[Step]:
    crossing = decision.crossing
    if decision.access.requires is not None and decision.decisive is not None:
        yield Step("XT-ACC-4", crossing.resource, "inboundTrust")
    if decision.trust is None or crossing.trust is None:
        return
    yield Step(crossing.trust.rule, crossing.resource, "inboundTrust", crossing.trust.origin)
    for demand in decision.trust.demands:
        yield Step(demand.rule, crossing.resource, "inboundTrust", target=demand.control, result=demand.fulfilment)


def missing(decision: Decision) -> tuple[str, ...]:
    """Name the facts that would have decided."""
    crossing = decision.crossing
    found = [
        f"policy of tenant {tenant}"
        for tenant, gate in ((crossing.home, crossing.outbound), (crossing.resource, crossing.inbound))
        if gate is None and (crossing.barrier is None or tenant == crossing.home)
    ]
    for passage in (decision.outbound, decision.inbound):
        if passage is not None and passage.verdict is Verdict.UNKNOWN:
            found += missing_of(passage, decision.access)
    if decision.trust is not None and decision.trust.decisive is not None and decision.trust.decisive.missing:
        found.append(decision.trust.decisive.missing)
    return tuple(dict.fromkeys(found))


def missing_of(passage: Passage, access: Access) -> Iterator[str]:
    """Yield the facts that would have decided on one side."""
    people = passage.gate.people
    if passage.user is None:
        yield from meanings(passage.gate, applications=False)
        if access.user is None and people.users:
            yield "user"
        if (access.groups is None and people.groups) or not people.groups <= (access.known_groups or people.groups):
            yield "groups"
    if passage.app is None:
        yield from meanings(passage.gate, people=False)
        if access.client_app is None:
            yield "clientApp"
        if access.resource_app is None:
            yield "resourceApp"


def meanings(gate: Gate, *, people: bool = True, applications: bool = True) -> Iterator[str]:
    """Yield the halves of a setting that list what may name anybody, or any application."""
    if people and gate.people.strange:
        yield f"the meaning of a target in {gate.name}.usersAndGroups"
    if applications and (gate.apps.strange or gate.apps.microsoft):
        yield f"the meaning of a target in {gate.name}.applications"
