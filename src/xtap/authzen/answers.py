"""How is an answer told to an enforcement point? A decision, and a context that says why, for whoever may know it.

decision     true only for what is allowed, or not governed by any policy that xtap knows (ADR 0009)
outcome      allowed, blocked, notApplicable or unknown
reason_user, reason_admin, decided_by, rules, error_code, missing, trust, consent_prompt, fix, policy_versions, steps
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, convert, json, to_builtins

from xtap.semantics.decision import DecidedBy, Outcome, Step
from xtap.semantics.explain import explain
from xtap.semantics.repair import Repair, repair
from xtap.service.decision_log import Summary
from xtap.service.disclosure import View, disclosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.semantics.answer import Answer
    from xtap.semantics.crossing import Decision
    from xtap.semantics.documents import TenantPolicy
    from xtap.service.decisions import Compiled

PERMITTED: Final = frozenset({"XT-SCOPE-1", "XT-TR-1", "XT-TR-6"})
"""Rules by which nothing stands in the way although no policy applies: there is no border, or no signal."""


class Told(Struct, frozen=True, gc=False):
    """One answer: the decision, the whole answer as a JSON object, and what a log keeps of it."""

    decision: bool
    body: bytes
    summary: Summary


def told(answer: Answer, view: View, policies: Mapping[TenantId, TenantPolicy | None], *, full: bool) -> Told:
    """Tell the answer to a restriction, an invitation or a synchronization."""
    shown = disclosed(answer, view)
    context = _context(shown, full=full)
    context["policy_versions"] = _versions(policies, view)
    return _told(is_permitted(answer), context)


class Answers:
    """Tells the decisions of accesses; what was told before under the same policies is not put together again."""

    def __init__(self) -> None:
        self._told: dict[tuple[object, ...], Told] = {}

    def told(self, decision: Decision, compiled: Compiled, view: View, *, full: bool) -> Told:
        """Tell the decision of an access."""
        key = (compiled, view.tenant, full, *_basis(decision))
        found = self._told.get(key)
        if found is None:
            found = _told(_lets_in(decision, compiled), _access_context(decision, compiled, view, full=full))
            if len(self._told) >= REMEMBERED:
                del self._told[next(iter(self._told))]
            if len(found.body) <= SHORT:
                self._told[key] = found
        return found


def _lets_in(decision: Decision, compiled: Compiled) -> bool:
    """Say whether the person gets through now: nothing is missing, and nothing must be done first (ADR 0009)."""
    if decision.outcome is Outcome.NOT_APPLICABLE:
        asked = decision.access.requires is not None or compiled.resource is None
        return is_permitted(decision) and not asked
    return decision.allowed and not decision.pending


def is_permitted(answer: Decision | Answer) -> bool:
    """Say whether it is allowed for certain, or nothing that could forbid it applies."""
    if answer.outcome is Outcome.NOT_APPLICABLE:
        return answer.decided_by.rule in PERMITTED
    return answer.allowed


def not_understood(missing: tuple[str, ...]) -> Told:
    """Tell that no question arises from a request: nobody is let through."""
    words = f"It cannot be said whether this is allowed; not known: {', '.join(missing)}."
    reasons: Document = {"reason_user": words, "reason_admin": [words]}
    return _told(False, {"outcome": str(Outcome.UNKNOWN), **reasons, "missing": [*missing]})  # noqa: FBT003 - the decision


def disabled() -> Told:
    """Tell that an account cannot sign in, whatever policies say."""
    reasons: Document = {
        "reason_user": "Your account is disabled; ask your organization's administrator.",
        "reason_admin": ["The directory of the home tenant says that the account is disabled; no policy was asked."],
        "fix_impossible": "The account is disabled: no change of these policies lets it in.",
    }
    return _told(False, {"outcome": str(Outcome.BLOCKED), **reasons})  # noqa: FBT003 - the decision


def failed(status: int, message: str) -> Told:
    """Tell that one request of several could not be answered (AuthZEN 1.0, section 7.2)."""
    return _told(False, {"outcome": None, "error": {"status": status, "message": message}})  # noqa: FBT003 - see above


def _told(decision: bool, context: Document) -> Told:  # noqa: FBT001 - it is the decision itself
    context = _present(context)
    return Told(decision, json.encode({"decision": decision, "context": context}), convert(context, Summary))


REMEMBERED: Final = 16_384
"""Answers that are kept; the oldest are forgotten first."""

SHORT: Final = 4_096
"""Bytes of an answer that is kept; a fix repeats a tenant's whole list."""


def _basis(decision: Decision) -> tuple[object, ...]:
    """Return everything that the context depends on, but for policies and view.

    An allowed access is told by its matches, so that many people share one context; any other by all its facts.
    """
    access, finding = decision.access, decision.finding
    outbound, inbound = finding.outbound, finding.inbound
    if finding.outcome is not Outcome.ALLOWED or outbound is None or inbound is None or access.requires is not None:
        return (access,)
    unknown = access.client_app is None or access.resource_app is None
    return (outbound.user, outbound.app, inbound.user, inbound.app, unknown)


def _access_context(decision: Decision, compiled: Compiled, view: View, *, full: bool) -> Document:
    crossing = compiled.crossing
    shown = disclosed(decision, view)
    context = _context(shown, full=full)
    if decision.allowed:
        context["consent_prompt"] = str(decision.consent_prompt)
    demands = () if decision.trust is None else decision.trust.demands
    context["trust"] = {str(demand.control): str(demand.fulfilment) for demand in demands}
    context["pending"] = [*decision.pending]
    if decision.outcome is Outcome.BLOCKED:
        found = repair(decision, compiled.home, compiled.resource)
        whole = view.tenant is None or crossing.barrier is not None
        context["fix"] = [*_fix(found, view, withheld=whole or not view.shows(shown.decided_by.tenant))]
        context["fix_impossible"] = found.impossible if whole else None
    policies = {crossing.home: compiled.home, crossing.resource: compiled.resource}
    context["policy_versions"] = _versions(policies, view)
    return context


def _context(shown: Answer, *, full: bool) -> Document:
    words = explain(shown)
    rules = dict.fromkeys((shown.decided_by.rule, *(step.rule for step in shown.steps)))
    return {
        "outcome": str(shown.outcome),
        "reason_user": words.user,
        "reason_admin": [*words.admin] if full else [words.admin[0]],
        "error_code": shown.error_code,
        "decided_by": _named(shown.decided_by),
        "rules": [*rules],
        "missing": [*shown.missing],
        "steps": [_named(step) for step in shown.steps] if full else None,
    }


def _named(part: DecidedBy | Step) -> Document:
    """Return a part of the answer with the tenant under the name that requests have for it."""
    found: Document = to_builtins(part)
    if "tenant" in found:
        found["tenantId"] = found.pop("tenant")
    return found


def _fix(found: Repair, view: View, *, withheld: bool) -> Iterator[Document]:
    """Return who sends which request; what another tenant would have to send is for that tenant to ask."""
    for change in found.changes:
        if view.shows(change.tenant):
            asked: Document = to_builtins(change)
            yield {"tenantId": asked.pop("tenant")} | asked
        elif withheld:
            yield {"tenantId": change.tenant, "withheld": True}


def _versions(policies: Mapping[TenantId, TenantPolicy | None], view: View) -> Document:
    return {tenant: policy.version for tenant, policy in policies.items() if policy is not None and view.shows(tenant)}


def _present(context: Document) -> Document:
    return {name: value for name, value in context.items() if value not in (None, [], {})}
