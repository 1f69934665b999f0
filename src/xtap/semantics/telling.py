"""In which members is the answer to one access told to programs, with the fix? The same wherever it was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.model.ids import TenantId
from xtap.semantics.decision import ConsentPrompt, DecidedBy, Outcome, Step
from xtap.semantics.explain import explain
from xtap.semantics.repair import Change

if TYPE_CHECKING:
    from xtap.semantics.crossing import Decision
    from xtap.semantics.policies import Policies
    from xtap.semantics.repair import Repair
    from xtap.semantics.request import Access


class Telling(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An answer with its reasons; members without a value are left out of its JSON.

    Attributes:
        outcome: the answer.
        decision: whether the person is let in now: allowed without anything pending, or inside one known tenant.
        pending: what the person must do before an ``allowed`` access is let in.
        reason_user: one sentence for the person.
        reason_admin: sentences for administrators, the summary first.
        error_code: what the person would see.
        decided_by: whose setting decided.
        steps: every applied rule, in order.
        missing: facts that would have decided.
        consent_prompt: whether the person is asked to consent, if the access is allowed.
        trust: how each demanded control is met.
        fix: the requests that would allow a blocked access.
        fix_withheld: tenants that must change something too, but tell only their own people what.
        fix_impossible: why no change helps.
        policy_versions: which policies answered, by tenant; files have no versions.
    """

    outcome: Outcome
    decision: bool
    pending: tuple[str, ...] = ()
    reason_user: str
    reason_admin: tuple[str, ...]
    error_code: str | None = None
    decided_by: DecidedBy | None = None
    steps: tuple[Step, ...] = ()
    missing: tuple[str, ...] = ()
    consent_prompt: ConsentPrompt | None = None
    trust: dict[str, str] = {}
    fix: tuple[Change, ...] = ()
    fix_withheld: tuple[TenantId, ...] = ()
    fix_impossible: str | None = None
    policy_versions: dict[TenantId, int] = {}


def lets_in(outcome: Outcome, access: Access, pending: tuple[str, ...]) -> bool:
    """Say whether an access is let in now: nothing must be done first; inside one tenant there is no border."""
    return (outcome is Outcome.ALLOWED and not pending) or (_inside(outcome, access) and access.requires is None)


def _inside(outcome: Outcome, access: Access) -> bool:
    return outcome is Outcome.NOT_APPLICABLE and access.home == access.resource


def tell(decision: Decision, policies: Policies, repair: Repair | None = None) -> Telling:
    """Tell a decision.

    Args:
        decision: the answer.
        policies: those that decided; inside a tenant whose policy is not among them nobody is let in (ADR 0009).
        repair: the fix, if it was looked for.
    """
    words = explain(decision)
    access = decision.access
    stranger = _inside(decision.outcome, access) and policies.get(access.resource) is None
    demands = () if decision.trust is None else decision.trust.demands
    return Telling(
        outcome=decision.outcome,
        decision=lets_in(decision.outcome, access, decision.pending) and not stranger,
        pending=decision.pending,
        reason_user=words.user,
        reason_admin=words.admin,
        error_code=decision.error_code,
        decided_by=decision.decided_by,
        steps=decision.steps,
        missing=(f"policy of tenant {access.resource}",) if stranger else decision.missing,
        consent_prompt=decision.consent_prompt if decision.allowed else None,
        trust={str(demand.control): str(demand.fulfilment) for demand in demands},
        fix=() if repair is None else repair.changes,
        fix_impossible=None if repair is None else repair.impossible,
    )
