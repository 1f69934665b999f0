"""May this person of one tenant use this application of another? Both tenants' policies, compiled for one channel.

    same tenant, other accounts          not applicable   XT-SCOPE-1, XT-SCOPE-2
    service providers                    not governed     XT-GDAP-1, XT-GDAP-2
    different clouds                     both must agree  XT-CLOUD-1 to XT-CLOUD-4
    home outbound and resource inbound   both must pass   XT-ACC-1 to XT-ACC-3, XT-CELL-1 to XT-CELL-5
    Conditional Access                   after that       XT-ACC-4, XT-TRUST-1 to XT-TRUST-10

What decides before users and applications are asked is compiled into a barrier (``xtap.semantics.compiling``).
"""

from __future__ import annotations

from typing import NoReturn

from msgspec import Struct, field

from xtap.model.ids import TenantId
from xtap.model.settings import InboundTrust
from xtap.semantics import trace
from xtap.semantics.decision import ConsentPrompt, DecidedBy, Outcome, Step
from xtap.semantics.effective import Property, Sourced
from xtap.semantics.gate import Gate, Passage, Verdict
from xtap.semantics.matching import NO_NUMBER, Listed, number
from xtap.semantics.request import Access, Channel
from xtap.semantics.trust import TrustResult, judge

OUTBOUND_CODE, INBOUND_CODE = "AADSTS500212", "AADSTS500213"
_OUTBOUND = frozenset({Property.COLLABORATION_OUTBOUND, Property.DIRECT_CONNECT_OUTBOUND})


class Barrier(Struct, frozen=True, gc=False):
    """What decides before any setting for users and applications is asked.

    Attributes:
        outcome: the answer.
        rule: why.
        tenants: whose settings stand in the way, home before resource.
        setting: the wire name of that setting.
    """

    outcome: Outcome
    rule: str
    tenants: tuple[TenantId, ...] = ()
    setting: str | None = None


class Finding(Struct, eq=False, gc=False):
    """What the policies say of an access, and of every other one that matches the same targets.

    Attributes:
        outcome: the answer; only ``allowed`` lets anybody in.
        outbound: what the home tenant's settings said; None if they were not asked.
        inbound: what the resource tenant's settings said; None if they were not asked.
        trust: how Conditional Access is met; None if nothing was demanded, or access was blocked before.
        steps: every applied rule, once somebody asked (``xtap.semantics.trace``).
    """

    outcome: Outcome
    outbound: Passage | None = None
    inbound: Passage | None = None
    trust: TrustResult | None = None
    steps: tuple[Step, ...] | None = None


class Decision(Struct, frozen=True, gc=False):
    """The answer to one access.

    Attributes:
        access: the question.
        crossing: the compiled policies that answered.
        finding: what they said.
    """

    access: Access
    crossing: Crossing
    finding: Finding

    def __bool__(self) -> NoReturn:
        """Refuse: every decision is an object, also one that lets nobody in."""
        raise TypeError("Ask a decision for 'allowed' (and 'pending'), not for its truth.")

    @property
    def outcome(self) -> Outcome:
        """The answer; only ``allowed`` lets anybody in."""
        return self.finding.outcome

    @property
    def allowed(self) -> bool:
        """Whether the access is allowed for certain."""
        return self.finding.outcome is _A

    @property
    def outbound(self) -> Passage | None:
        """What the home tenant's settings said; None if they were not asked."""
        return self.finding.outbound

    @property
    def inbound(self) -> Passage | None:
        """What the resource tenant's settings said; None if they were not asked."""
        return self.finding.inbound

    @property
    def trust(self) -> TrustResult | None:
        """How Conditional Access is met; None if nothing was demanded, or access was blocked before."""
        return self.finding.trust

    @property
    def decisive(self) -> Passage | None:
        """The side that blocked; the outbound one if both did (XT-ACC-3)."""
        for passage in (self.outbound, self.inbound):
            if passage is not None and passage.verdict is Verdict.BLOCKS:
                return passage
        return None

    @property
    def decided_by(self) -> DecidedBy:
        """Whose setting decided."""
        return trace.decided_by(self)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every applied rule, in order."""
        return self.finding.steps or trace.steps(self)

    @property
    def missing(self) -> tuple[str, ...]:
        """The facts that an ``unknown`` decision lacks; empty for the others."""
        return trace.missing(self) if self.outcome is Outcome.UNKNOWN else ()

    @property
    def error_code(self) -> str | None:
        """The code that the person would see, such as ``AADSTS500213``; None if there is none or it is not known."""
        if self.outcome is not Outcome.BLOCKED:
            return None
        passage = self.decisive
        if passage is not None:
            return OUTBOUND_CODE if passage.gate.name in _OUTBOUND else INBOUND_CODE
        return self.trust.decisive.error if self.trust is not None and self.trust.decisive is not None else None

    @property
    def pending(self) -> tuple[str, ...]:
        """What Conditional Access still asks of the person, whose access is allowed once that is done."""
        if self.trust is None or self.outcome is not _A:
            return ()
        return tuple(f"{demand.control} ({demand.fulfilment})" for demand in self.trust.pending)

    @property
    def consent_prompt(self) -> ConsentPrompt:
        """Whether the person is asked to consent; meant for accesses that are allowed."""
        return self.crossing.consent


class Crossing(Struct, frozen=True, eq=False, gc=False):
    """One channel from one home tenant into one resource tenant.

    Attributes:
        home: the tenant that people come from.
        resource: the tenant that they want to use.
        channel: how they come.
        barrier: what decides for everybody; None if users and applications are asked.
        outbound: the home tenant's gate; None if its policy is not known.
        inbound: the resource tenant's gate; None if its policy is not known.
        trust: the resource tenant's effective trust; None if its policy is not known.
        consent: whether a prompt is shown.
        listed: what the gates list; None if not everything in it has an id.
        findings: what was found, by the number of what an access matches (``xtap.semantics.matching``).
    """

    home: TenantId
    resource: TenantId
    channel: Channel
    barrier: Barrier | None
    outbound: Gate | None
    inbound: Gate | None
    trust: Sourced[InboundTrust] | None
    consent: ConsentPrompt
    listed: tuple[Listed, ...] | None = None
    findings: dict[int, Finding] = field(default_factory=dict)

    def decide(self, access: Access) -> Decision:
        """Answer one access of this channel between these tenants."""
        listed = self.listed
        if listed is None or access.requires is not None or not access.is_entra_account:
            return Decision(access, self, self._demand(access, self._ask(access)))
        found = number(listed, access) if listed else 0
        try:
            return Decision(access, self, self.findings[found])
        except KeyError:
            finding = self._ask(access)
            if found != NO_NUMBER:
                _shelf.keep(self.findings, found, finding)
            return Decision(access, self, finding)

    def _ask(self, access: Access) -> Finding:
        """Say what both sides' settings say."""
        if not access.is_entra_account:
            return Finding(Outcome.NOT_APPLICABLE)
        if self.barrier is not None:
            return Finding(self.barrier.outcome)
        outbound = None if self.outbound is None else self.outbound.check(access)
        inbound = None if self.inbound is None else self.inbound.check(access)
        if outbound is None or inbound is None:
            blocks = any(side is not None and side.verdict is Verdict.BLOCKS for side in (outbound, inbound))
            return Finding(_B if blocks else _U, outbound, inbound)
        return Finding(_JOINT[outbound.verdict * 3 + inbound.verdict], outbound, inbound)

    def _demand(self, access: Access, finding: Finding) -> Finding:
        """Add what Conditional Access demands of those who are not blocked before (XT-ACC-4)."""
        asked = finding.outbound is not None and finding.inbound is not None
        if access.requires is None or self.trust is None or finding.outcome is _B:
            return finding
        if not asked and self.channel is not Channel.SERVICE_PROVIDER:
            return finding
        trust = judge(access, access.requires, self.trust.value)
        outcome = _after(finding.outcome, trust.passes) if asked else finding.outcome
        return Finding(outcome, finding.outbound, finding.inbound, trust)


class _Shelf:
    """Counts the findings of all crossings, so that no tenant fills the memory by what it lists."""

    def __init__(self) -> None:
        self._count = 0
        self._filled: list[dict[int, Finding]] = []

    def keep(self, findings: dict[int, Finding], found: int, finding: Finding) -> None:
        """Keep a finding for the next access that matches the same; everything kept before may be dropped for it."""
        if self._count >= KEPT:
            for each in self._filled:
                each.clear()
            self._filled, self._count = [], 0
        if not findings:
            self._filled.append(findings)
        findings[found] = finding
        self._count += 1


KEPT = 65_536
"""Findings that are kept; with their steps each takes about 2 kB."""

_shelf = _Shelf()

_B, _A, _U = Outcome.BLOCKED, Outcome.ALLOWED, Outcome.UNKNOWN
_JOINT = (_B, _B, _B, _B, _A, _U, _B, _U, _U)
"""Outcomes at ``3 * outbound + inbound`` of the verdicts blocks, passes, unknown."""


def _after(outcome: Outcome, passes: bool | None) -> Outcome:  # noqa: FBT001 - three-valued
    if passes is False:
        return Outcome.BLOCKED
    return Outcome.UNKNOWN if passes is None else outcome
