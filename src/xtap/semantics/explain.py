"""How is an answer told? As one sentence for the person, and as sentences for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.errors import InvalidInput
from xtap.semantics.answer import Answer
from xtap.semantics.crossing import Decision
from xtap.semantics.decision import Direction, Outcome
from xtap.semantics.effective import Origin
from xtap.semantics.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.semantics.decision import DecidedBy, Step


class Explanation(Struct, frozen=True):
    """An answer in words.

    Attributes:
        user: one sentence for the person who wanted access; names no setting and no list.
        admin: sentences for administrators: whose setting decided, then each rule that was applied.
    """

    user: str
    admin: tuple[str, ...]


def explain(answer: object) -> Explanation:
    """Put an answer into words.

    Raises:
        InvalidInput: it is no answer.
    """
    if not isinstance(answer, Decision | Answer):
        message = f"answer: expected what xtap.decide(…) returns, found {type(answer).__name__}."
        raise InvalidInput.at("$", message)
    return Explanation(_for_user(answer), (_summary(answer), *map(_sentence, answer.steps)))


def _for_user(answer: Decision | Answer) -> str:
    code = f" ({answer.error_code})" if answer.error_code else ""
    match answer.outcome:
        case Outcome.ALLOWED:
            condition = f" after {', '.join(answer.pending)}" if answer.pending else ""
            return f"The access policies allow this{condition}."
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
