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
    from xtap.semantics.repair import Repair


class Telling(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An answer with its reasons; members without a value are left out of its JSON.

    Attributes:
        outcome: the answer.
        decision: whether a server lets the person in now; None where no server was asked.
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
    decision: bool | None = None
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

    def permits(self, home: TenantId, resource: TenantId) -> bool:
        """Say whether it is allowed, or inside one tenant, where no border is and a server has nothing against it."""
        inside = self.outcome is Outcome.NOT_APPLICABLE and home == resource and self.decision is not False
        return self.outcome is Outcome.ALLOWED or inside


def tell(decision: Decision, repair: Repair | None = None) -> Telling:
    """Tell a decision, with the fix if it was looked for."""
    words = explain(decision)
    demands = () if decision.trust is None else decision.trust.demands
    return Telling(
        outcome=decision.outcome,
        pending=decision.pending,
        reason_user=words.user,
        reason_admin=words.admin,
        error_code=decision.error_code,
        decided_by=decision.decided_by,
        steps=decision.steps,
        missing=decision.missing,
        consent_prompt=decision.consent_prompt if decision.allowed else None,
        trust={str(demand.control): str(demand.fulfilment) for demand in demands},
        fix=() if repair is None else repair.changes,
        fix_impossible=None if repair is None else repair.impossible,
    )
