"""What may this caller learn of an answer? All about its own tenant; of another one only what a sign-in would show.

Of a tenant that the caller does not belong to, an answer keeps the outcome, the error code, and on which side it was
decided; settings, targets, rules, origins and versions behind it are left out (docs/adr/0008-what-a-caller-learns.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.errors import Forbidden
from xtap.model.ids import TenantId
from xtap.semantics.answer import Answer
from xtap.semantics.decision import DecidedBy, Direction, Outcome
from xtap.semantics.gate import Verdict
from xtap.semantics.trace import missing_of
from xtap.service.permissions import Operation, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xtap.semantics.crossing import Decision
    from xtap.semantics.gate import Passage
    from xtap.service.caller import Caller


class View(Struct, frozen=True):
    """Whose settings a caller may see; None for those of every tenant."""

    tenant: TenantId | None

    def shows(self, tenant: str | None) -> bool:
        """Say whether the settings of a tenant may be shown; what belongs to no tenant always may."""
        return self.tenant is None or tenant is None or tenant == self.tenant


def view_of(caller: Caller, operator: TenantId | None) -> View:
    """Let a caller ask for decisions, and say whose settings it may see.

    Raises:
        Forbidden: it lacks the permission.
    """
    require(caller, Operation.EVALUATE)
    return View(None if caller.tenant == operator else caller.tenant)


def require_part(view: View, tenants: Sequence[TenantId | None]) -> None:
    """Refuse questions about other tenants only.

    Raises:
        Forbidden: the caller's tenant is none of those that the question is about.
    """
    if view.tenant is not None and view.tenant not in tenants:
        raise Forbidden(
            "A caller may ask about accesses that its own tenant is a part of.",
            (f"Name tenant {view.tenant} as home or resource tenant, or ask from the operator's tenant.",),
        )


def disclosed(answer: Decision | Answer, view: View) -> Answer:
    """Return the answer with what this caller may learn."""
    whole = view.tenant is None
    return Answer(
        outcome=answer.outcome,
        decided_by=_decided_by(answer.decided_by, view),
        steps=tuple(step for step in answer.steps if view.shows(step.tenant) and (whole or step.rule not in _JOINT)),
        error_code=answer.error_code,
        message=answer.message if isinstance(answer, Answer) else None,
        missing=tuple(dict.fromkeys(_missing(answer, view))),
        pending=answer.pending,
    )


_SIDES = {Direction.OUTBOUND: "XT-ACC-1", Direction.INBOUND: "XT-ACC-2"}
_JOINT = frozenset({"XT-ACC-3"})
"""Rules that tell of both sides at once."""

_OF_OTHERS = frozenset({"XT-SCOPE-3", "XT-GDAP-2", "XT-CLOUD-2", "XT-CLOUD-3", "XT-TR-6"})
"""Rules that say no more than the outcome and the code do."""


def _decided_by(by: DecidedBy, view: View) -> DecidedBy:
    if view.shows(by.tenant):
        return by
    if by.direction is not None:
        return DecidedBy(_SIDES[by.direction], by.tenant, by.direction)
    told = by.rule if by.rule in _OF_OTHERS or by.rule.startswith("XT-TRUST") else "XT-ACC-2"
    return DecidedBy(told, by.tenant)


def _missing(answer: Decision | Answer, view: View) -> Iterator[str]:
    if isinstance(answer, Answer):
        seen = view.shows(answer.decided_by.tenant)
        yield from (fact if seen or fact.startswith(_POLICY) else _SOMETHING for fact in answer.missing)
        return
    if answer.outcome is not Outcome.UNKNOWN:
        return
    sides = (answer.outbound, answer.inbound)
    hidden = [side for side in sides if _undecided(side) and side is not None and not view.shows(side.gate.tenant)]
    if not hidden:
        yield from answer.missing
        return
    for side in sides:
        if side is not None and _undecided(side) and side not in hidden:
            yield from missing_of(side, answer.access)
    yield from _absent(answer)


def _undecided(side: Passage | None) -> bool:
    return side is not None and side.verdict is Verdict.UNKNOWN


def _absent(decision: Decision) -> Iterator[str]:
    """Name every fact that was left out: which of them counts would tell what the other tenant lists."""
    facts = {"user": "user", "groups": "groups", "client_app": "clientApp", "resource_app": "resourceApp"}
    absent = [name for field, name in facts.items() if getattr(decision.access, field) is None]
    yield from absent or [_SOMETHING]


_POLICY = "policy of tenant "
_SOMETHING = "a fact that the other tenant's settings ask for"
