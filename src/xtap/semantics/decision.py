"""In which words is a question answered? Outcomes, sides, steps: the vocabulary of every decision."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from xtap.model.ids import TenantId
from xtap.semantics.effective import Origin


class Outcome(StrEnum):
    """The answer to one access."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    NOT_APPLICABLE = "notApplicable"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Which side of the border decides."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class ConsentPrompt(StrEnum):
    """Whether the person is asked to consent at first access."""

    SUPPRESSED = "suppressed"
    SHOWN = "shown"
    UNKNOWN = "unknown"


class Step(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One applied rule.

    Attributes:
        rule: its id.
        tenant: the tenant whose setting it was applied to.
        setting: that setting's wire name.
        origin: who configured it.
        target: the listed target that matched, or the demanded control.
        result: what came out, where the rule gives an answer.
    """

    rule: str
    tenant: str | None = None
    setting: str | None = None
    origin: Origin | None = None
    target: str | None = None
    result: str | None = None


class DecidedBy(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Whose setting decided, and by which rule: who can change the answer.

    Attributes:
        rule: the rule that gave the answer.
        tenant: whose setting it is; None if no setting of anybody decided.
        direction: of the access, seen from that tenant; None for clouds, trust and scope.
        setting: wire name of the property.
        origin: who configured it: the partner entry, the default policy, or nobody.
    """

    rule: str
    tenant: TenantId | None = None
    direction: Direction | None = None
    setting: str | None = None
    origin: Origin | None = None
