"""How is an answer told? As one sentence for the person, as sentences for administrators, and as JSON with the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, to_builtins

from xtap.semantics.crossing import Decision
from xtap.semantics.decision import Direction, Outcome
from xtap.semantics.effective import Origin
from xtap.semantics.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.schema import Document
    from xtap.semantics.answer import Answer
    from xtap.semantics.decision import DecidedBy, Step
    from xtap.semantics.repair import Change, Repair


class Explanation(Struct, frozen=True):
    """An answer in words.

    Attributes:
        user: one sentence for the person who wanted access; names no setting and no list.
        admin: sentences for administrators: whose setting decided, then each rule that was applied.
    """

    user: str
    admin: tuple[str, ...]


def explain(answer: Decision | Answer) -> Explanation:
    """Put an answer into words."""
    return Explanation(_for_user(answer), (_summary(answer), *map(_sentence, answer.steps)))


def to_json(answer: Decision | Answer, repair: Repair | None = None) -> Document:
    """Return an answer as a JSON object, with the fix if it was looked for; members without a value are left out."""
    words = explain(answer)
    found: Document = {
        "outcome": str(answer.outcome),
        "reasonUser": words.user,
        "reasonAdmin": [*words.admin],
        "errorCode": answer.error_code,
        "decidedBy": to_builtins(answer.decided_by),
        "steps": to_builtins(answer.steps),
        "missing": [*answer.missing],
    }
    if isinstance(answer, Decision):
        found["consentPrompt"] = str(answer.consent_prompt) if answer.allowed else None
        demands = answer.trust.demands if answer.trust is not None else ()
        found["trust"] = {str(demand.control): str(demand.fulfilment) for demand in demands}
    if repair is not None:
        found["fix"] = to_builtins(repair.changes)
        found["fixImpossible"] = repair.impossible
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def fix_sentence(change: Change) -> str:
    """Say who sends which request."""
    names = ", ".join(name for name in change.body if name != "tenantId") or "an empty entry"
    return f"An administrator of tenant {change.tenant} sends {change.method} {change.path} with {names}."


def _for_user(answer: Decision | Answer) -> str:
    code = f" ({answer.error_code})" if answer.error_code else ""
    match answer.outcome:
        case Outcome.ALLOWED:
            both = "access policies of both organizations allow" if isinstance(answer, Decision) else "policy allows"
            return f"The {both} this."
        case Outcome.NOT_APPLICABLE:
            return "The access policies between organizations do not govern this."
        case Outcome.UNKNOWN:
            return f"It cannot be said whether this is allowed; not known: {', '.join(answer.missing) or 'a policy'}."
        case _:
            return f"{_WHO[answer.decided_by.direction]} does not allow this; ask its administrator{code}."


_WHO = {
    Direction.OUTBOUND: "Your own organization",
    Direction.INBOUND: "The other organization",
    None: "The organization's policy",
}


def _summary(answer: Decision | Answer) -> str:
    by = answer.decided_by
    verb = {
        Outcome.ALLOWED: "Allowed",
        Outcome.BLOCKED: "Blocked",
        Outcome.NOT_APPLICABLE: "Not governed",
        Outcome.UNKNOWN: "Not known",
    }[answer.outcome]
    return f"{verb}{''.join(_by(by))}: {RULES[by.rule].sentence} ({by.rule})"


_ORIGINS = {
    Origin.PARTNER: "set in its partner entry",
    Origin.DEFAULT: "inherited from its default policy",
    Origin.SERVICE_DEFAULT: "inherited from the service default",
}


def _by(by: DecidedBy) -> Iterator[str]:
    if by.setting is not None:
        yield f" by {by.setting}"
    if by.tenant is not None:
        yield f" {'of' if by.setting is not None else 'by'} tenant {by.tenant}"
    if by.origin is not None:
        yield f", {_ORIGINS[by.origin]}"


def _sentence(step: Step) -> str:
    where = f"{step.setting} of {step.tenant}" if step.tenant and step.setting else step.setting or step.tenant or ""
    facts = [
        *([step.target] if step.target else []),
        *([_ORIGINS[step.origin]] if step.origin else []),
        *([str(step.result)] if step.result else []),
    ]
    detail = f" [{', '.join(facts)}]" if facts else ""
    return f"{where}: {RULES[step.rule].sentence}{detail} ({step.rule})".removeprefix(": ")
