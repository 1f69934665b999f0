"""Can a person from outside fulfil what Conditional Access demands? Inbound trust against claims of the home session.

Trust switches no policy off; it lets a claim of the home session satisfy it (XT-TRUST-1 to XT-TRUST-10, R6.1 to R6.6).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.semantics.request import Channel, Control

if TYPE_CHECKING:
    from xtap.model.settings import InboundTrust
    from xtap.semantics.request import Access, Claims, Requirements

STRENGTH = "authenticationStrength"
"""What a demanded authentication strength is called among the controls."""

RESOURCE_TENANT_METHODS = frozenset({"sms", "voice", "microsoftAuthenticatorPush", "softwareOath"})
"""Methods that a guest can register in the resource tenant (R6.3)."""


HOME_TENANT_METHODS = RESOURCE_TENANT_METHODS | {
    "deviceBasedPush",
    "hardwareOath",
    "fido2",
    "windowsHelloForBusiness",
    "x509CertificateMultiFactor",
}
"""Methods of the home tenant that a trusting resource tenant accepts (R6.3)."""


class Fulfilment(StrEnum):
    """How a demand is met."""

    SATISFIED = "satisfiedByHomeClaim"
    CHALLENGE_AT_HOME = "challengeInHomeTenant"
    CHALLENGE_AT_RESOURCE = "challengeInResourceTenant"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"


_BEST_FIRST = tuple(Fulfilment)
_CHALLENGES = frozenset({Fulfilment.CHALLENGE_AT_HOME, Fulfilment.CHALLENGE_AT_RESOURCE})


class Demand(Struct, frozen=True, gc=False):
    """One demanded control, how it is met, the rule that says so, and the code a person sees where it is not."""

    control: str
    fulfilment: Fulfilment
    rule: str
    error: str | None = None
    missing: str | None = None


class TrustResult(Struct, frozen=True, gc=False):
    """All demands, and what they amount to.

    Attributes:
        demands: each demanded control.
        decisive: the demand that decides: the worst, or the best where one is enough; None without demands.
    """

    demands: tuple[Demand, ...]
    decisive: Demand | None

    @property
    def pending(self) -> tuple[Demand, ...]:
        """What the person must still do before getting through; empty if nothing, or if nothing helps."""
        if self.decisive is None or self.decisive.fulfilment not in _CHALLENGES:
            return ()
        return tuple(demand for demand in self.demands if demand.fulfilment in _CHALLENGES)

    @property
    def passes(self) -> bool | None:
        """Whether the person gets through, possibly after a challenge; None if a fact is missing."""
        if self.decisive is None:
            return True
        return {Fulfilment.BLOCKED: False, Fulfilment.UNKNOWN: None}.get(self.decisive.fulfilment, True)


def judge(access: Access, requires: Requirements, trust: InboundTrust) -> TrustResult:
    """Say how each demand is met.

    Args:
        access: who comes, through which channel, with which claims.
        requires: what Conditional Access of the resource tenant demands.
        trust: the effective inbound trust of the resource tenant for the home tenant.
    """
    controls = tuple(_control(control, access, trust) for control in Control if control in requires.controls)
    strength: tuple[Demand, ...] = ()
    if requires.authentication_strength is not None:
        strength = (_strength(requires.authentication_strength, access, trust),)
    demands = (*controls, *strength)
    choose = min if requires.any_of else max
    return TrustResult(demands, choose(demands, key=_badness, default=None))


def _badness(demand: Demand) -> int:
    return _BEST_FIRST.index(demand.fulfilment)


def _control(control: Control, access: Access, trust: InboundTrust) -> Demand:
    claims = access.claims
    match control:
        case Control.MFA:
            return _mfa(access, trust)
        case Control.COMPLIANT_DEVICE:
            accepted = bool(trust.is_compliant_device_accepted)
            return _device(control, accepted, claims.compliant_device, "AADSTS53000")
        case Control.HYBRID_JOINED_DEVICE:
            accepted = bool(trust.is_hybrid_azure_ad_joined_device_accepted)
            return _device(control, accepted, claims.hybrid_joined_device, "AADSTS53001")
        case Control.TERMS_OF_USE if access.channel is not Channel.DIRECT_CONNECT:
            return Demand(control, Fulfilment.CHALLENGE_AT_RESOURCE, "XT-TRUST-10")
        case _:
            return Demand(control, Fulfilment.BLOCKED, "XT-TRUST-9", "AADSTS53003")


def _mfa(access: Access, trust: InboundTrust) -> Demand:
    if access.channel is Channel.SERVICE_PROVIDER:
        return _at_home(Control.MFA, access.claims.mfa, "XT-TRUST-7")
    if trust.is_mfa_accepted:
        return _at_home(Control.MFA, access.claims.mfa, "XT-TRUST-1")
    if access.channel is Channel.DIRECT_CONNECT:
        return Demand(Control.MFA, Fulfilment.BLOCKED, "XT-TRUST-4", "AADSTS90071")
    return Demand(Control.MFA, Fulfilment.CHALLENGE_AT_RESOURCE, "XT-TRUST-3")


def _at_home(control: Control, claimed: bool | None, rule: str) -> Demand:  # noqa: FBT001 - a claim, or not known
    """Satisfied by the claim; without it (or if it is not known) the home tenant asks for it."""
    if claimed:
        return Demand(control, Fulfilment.SATISFIED, rule)
    return Demand(control, Fulfilment.CHALLENGE_AT_HOME, "XT-TRUST-2")


def _device(control: Control, accepted: bool, claimed: bool | None, error: str) -> Demand:  # noqa: FBT001 - see _at_home
    if accepted and claimed is None:
        return Demand(control, Fulfilment.UNKNOWN, "XT-TRUST-6", error, missing=f"claims.{control}")
    if accepted and claimed:
        return Demand(control, Fulfilment.SATISFIED, "XT-TRUST-5")
    return Demand(control, Fulfilment.BLOCKED, "XT-TRUST-6", error)


def _strength(methods: frozenset[str], access: Access, trust: InboundTrust) -> Demand:
    if trust.is_mfa_accepted or access.channel is Channel.SERVICE_PROVIDER:
        return _strength_at_home(methods & HOME_TENANT_METHODS, access.claims)
    if access.channel is Channel.DIRECT_CONNECT:
        return Demand(STRENGTH, Fulfilment.BLOCKED, "XT-TRUST-4", "AADSTS90071")
    if methods & RESOURCE_TENANT_METHODS:
        return Demand(STRENGTH, Fulfilment.CHALLENGE_AT_RESOURCE, "XT-TRUST-8")
    return Demand(STRENGTH, Fulfilment.BLOCKED, "XT-TRUST-8", "AADSTS53003")


def _strength_at_home(accepted: frozenset[str], claims: Claims) -> Demand:
    if not accepted:
        return Demand(STRENGTH, Fulfilment.BLOCKED, "XT-TRUST-8", "AADSTS53003")
    used = claims.mfa is not False and claims.methods is not None and bool(accepted & claims.methods)
    return Demand(STRENGTH, Fulfilment.SATISFIED if used else Fulfilment.CHALLENGE_AT_HOME, "XT-TRUST-8")
