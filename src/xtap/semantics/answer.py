"""What do the smaller questions answer? One shape for tenant restrictions, invitations, synchronization, redemption."""

from __future__ import annotations

from msgspec import Struct

from xtap.semantics.decision import DecidedBy, Outcome, Step


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """The answer to one question that concerns no single sign-in.

    Attributes:
        outcome: the answer; only ``allowed`` permits anything.
        decided_by: whose setting decided, and by which rule.
        steps: the rules that the answer follows from, in order.
        error_code: the code that a person or the service sees, None if there is none.
        message: the service's words where they are known.
        missing: facts that an ``unknown`` answer lacks.
        pending: what must still be done before an ``allowed`` answer holds.
    """

    outcome: Outcome
    decided_by: DecidedBy
    steps: tuple[Step, ...]
    error_code: str | None = None
    message: str | None = None
    missing: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it is permitted for certain."""
        return self.outcome == "allowed"
