"""How is an answer told to an enforcement point? A decision, and a context that says why, for whoever may know it.

decision     true only for what is allowed, or not governed by any policy that xtap knows (ADR 0009)
outcome      allowed, blocked, notApplicable or unknown
reason_user, reason_admin, decided_by, rules, error_code, missing, trust, consent_prompt, fix, policy_versions, steps
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, convert, json, to_builtins

from xtap.semantics.decision import DecidedBy, Outcome, Step
from xtap.semantics.explain import explain, for_user
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
    """One answer: the decision, its context as JSON, and what a log keeps of it."""

    decision: bool
    context: bytes
    summary: Summary

    @property
    def body(self) -> bytes:
        """The answer as a JSON object."""
        return b'{"decision":%b,"context":%b}' % (b"true" if self.decision else b"false", self.context)


def told(answer: Answer, view: View, policies: Mapping[TenantId, TenantPolicy | None], *, full: bool) -> Told:
    """Tell the answer to a restriction, an invitation or a synchronization."""
    shown = disclosed(answer, view)
    context = _context(shown, full=full)
    context["policy_versions"] = _versions(policies, view)
    return _told(is_permitted(answer), context)


def told_access(decision: Decision, compiled: Compiled, view: View, *, full: bool) -> Told:
    """Tell the decision of an access; what was told before under the same policies is not put together again."""
    key = _key(decision, view, full=full)
    found = compiled.answers.get(key)
    if not isinstance(found, Told):
        if len(compiled.answers) >= REMEMBERED:
            compiled.answers.clear()
        context = _access_context(decision, compiled, view, full=full)
        found = compiled.answers[key] = _told(is_permitted(decision), context)
    return found


def is_permitted(answer: Decision | Answer) -> bool:
    """Say whether the person gets through: allowed for certain, or nothing that could forbid it applies."""
    if answer.outcome is Outcome.NOT_APPLICABLE:
        return answer.decided_by.rule in PERMITTED
    return answer.allowed


def not_understood(missing: tuple[str, ...]) -> Told:
    """Tell that no question arises from a request: nobody is let through."""
    words = f"It cannot be said whether this is allowed; not known: {', '.join(missing)}."
    reasons: Document = {"reason_user": words, "reason_admin": [words]}
    return _told(False, {"outcome": str(Outcome.UNKNOWN), **reasons, "missing": [*missing]})  # noqa: FBT003 - the decision


def failed(status: int, message: str) -> Told:
    """Tell that one request of several could not be answered (AuthZEN 1.0, section 7.2)."""
    return _told(False, {"outcome": None, "error": {"status": status, "message": message}})  # noqa: FBT003 - see above


def _told(decision: bool, context: Document) -> Told:  # noqa: FBT001 - it is the decision itself
    context = _present(context)
    summary = convert(context, Summary)
    return Told(decision, json.encode(context), summary)


REMEMBERED: Final = 4_096
"""Contexts that are kept for one crossing."""


def _key(decision: Decision, view: View, *, full: bool) -> tuple[object, ...]:
    """Return everything that the context depends on, but for the policies."""
    access, outbound, inbound = decision.access, decision.outbound, decision.inbound
    matches = (outbound and (outbound.user, outbound.app), inbound and (inbound.user, inbound.app))
    about: tuple[object, ...] = ()
    if decision.outcome is not Outcome.ALLOWED:
        about = (access.user, access.groups is None, access.client_app, access.resource_app, access.is_entra_account)
    demanded = () if access.requires is None else (access.requires, access.claims)
    return (view.tenant, full, decision.outcome, matches, about, demanded)


def _access_context(decision: Decision, compiled: Compiled, view: View, *, full: bool) -> Document:
    crossing = compiled.crossing
    shown = disclosed(decision, view)
    context = _context(shown, full=full)
    if decision.allowed:
        context["reason_user"] = for_user(decision)  # it discloses nothing: both organizations allow this
        context["consent_prompt"] = str(decision.consent_prompt)
    demands = () if decision.trust is None else decision.trust.demands
    context["trust"] = {str(demand.control): str(demand.fulfilment) for demand in demands}
    found = repair(decision, compiled.home, compiled.resource)
    context["fix"] = [*_fix(found, view)]
    context["fix_impossible"] = found.impossible if decision.outcome is Outcome.BLOCKED else None
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


def _fix(found: Repair, view: View) -> Iterator[Document]:
    """Return who sends which request; what another tenant would have to send is for that tenant to ask."""
    for change in found.changes:
        if view.shows(change.tenant):
            asked: Document = to_builtins(change)
            yield {"tenantId": asked.pop("tenant")} | asked
        else:
            yield {"tenantId": change.tenant, "withheld": True}


def _versions(policies: Mapping[TenantId, TenantPolicy | None], view: View) -> Document:
    return {tenant: policy.version for tenant, policy in policies.items() if policy is not None and view.shows(tenant)}


def _present(context: Document) -> Document:
    return {name: value for name, value in context.items() if value not in (None, [], {})}
