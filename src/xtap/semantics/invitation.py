"""May somebody of that domain be invited? Domain lists first, then whether anybody could come in (XT-INV-1 to -5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr

from xtap.model.ids import PERSONAL_ACCOUNTS, TenantId
from xtap.semantics.answer import Answer
from xtap.semantics.compiling import compile_crossing
from xtap.semantics.decision import DecidedBy, Direction, Outcome, Step
from xtap.semantics.gate import Verdict
from xtap.semantics.request import Channel
from xtap.semantics.trace import meanings

if TYPE_CHECKING:
    from xtap.semantics.crossing import Crossing
    from xtap.semantics.documents import TenantPolicy
    from xtap.semantics.gate import Gate

BLOCKED_INVITATION = (
    "This invitation is blocked by cross-tenant access settings. Admins in both your organization and the invited "
    "user's organization must configure cross-tenant access settings to allow the invitation."
)
"""The service's words (Entra: troubleshoot B2B collaboration)."""

LISTED = "externalCollaborationSettings"
"""Where the domain lists stand; not a part of the cross-tenant access policy."""


class Invitation(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One invitation, before anything is known of the user's object id or applications (R4.8).

    Attributes:
        resource: the tenant that invites.
        domain: the domain of the invited address.
        home: the tenant of the invitee's Microsoft Entra account; None if there is none, or it is not known.
        is_entra_account: whether the invitee has such an account; None if that is not known.
        allowed_domains: the allow list of the inviting tenant; None if it has none.
        blocked_domains: its block list; None if it has none.
    """

    resource: TenantId
    domain: str
    home: TenantId | None = None
    is_entra_account: bool | None = None
    allowed_domains: frozenset[str] | None = None
    blocked_domains: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Lower the identifiers, as for every access."""
        force_setattr(self, "resource", TenantId(self.resource.lower()))
        force_setattr(self, "home", None if self.home is None else TenantId(self.home.lower()))

    @property
    def contradicts_itself(self) -> bool:
        """Whether it names the Microsoft Entra tenant of somebody who has no account there: one of both is wrong."""
        return self.is_entra_account is False and self.home not in {None, PERSONAL_ACCOUNTS}


def invite(home: TenantPolicy | None, resource: TenantPolicy | None, invitation: Invitation) -> Answer:
    """Answer one invitation.

    Args:
        home: the policy of the invitee's tenant; None if it is not known or there is none.
        resource: the policy of the inviting tenant; None if it is not known.
        invitation: who is invited by whom.
    """
    listed = _by_domain(invitation)
    if listed is not None:
        return listed
    if invitation.contradicts_itself:
        return _answer(Outcome.UNKNOWN, DecidedBy("XT-SCOPE-3"), ("home", "isEntraAccount"))
    if invitation.is_entra_account is False or invitation.home == PERSONAL_ACCOUNTS:
        return _answer(Outcome.ALLOWED, DecidedBy("XT-INV-3", invitation.resource))
    if invitation.home is None:
        return _answer(Outcome.UNKNOWN, DecidedBy("XT-SCOPE-3"), ("home",))
    ids = (invitation.home, invitation.resource)
    return _by_policy(compile_crossing(home, resource, ids, Channel.COLLABORATION))


def _by_policy(crossing: Crossing) -> Answer:
    """Ask both sides whether anybody could pass."""
    barrier, inbound, outbound = crossing.barrier, crossing.inbound, crossing.outbound
    if barrier is not None:
        tenant = barrier.tenants[0] if barrier.tenants else None
        return _answer(barrier.outcome, DecidedBy(barrier.rule, tenant, setting=barrier.setting))
    gates = (("XT-INV-4", Direction.INBOUND, inbound), ("XT-INV-5", Direction.OUTBOUND, outbound))
    asked = [(gate.anybody, _side(rule, direction, gate), gate) for rule, direction, gate in gates if gate is not None]
    for verdict, side, _ in asked:
        if verdict is Verdict.BLOCKS:
            return _answer(Outcome.BLOCKED, side)
    sides = ((crossing.home, outbound), (crossing.resource, inbound))
    missing = tuple(f"policy of tenant {tenant}" for tenant, gate in sides if gate is None)
    if missing:
        return _answer(Outcome.UNKNOWN, DecidedBy("XT-SCOPE-3"), missing)
    for verdict, side, gate in asked:
        if verdict is Verdict.UNKNOWN:
            return _answer(Outcome.UNKNOWN, side, tuple(meanings(gate)))
    return _answer(Outcome.ALLOWED, DecidedBy("XT-INV-4", crossing.resource, Direction.INBOUND))


def _by_domain(invitation: Invitation) -> Answer | None:
    domain = invitation.domain.lower()
    if domain in {each.lower() for each in invitation.blocked_domains or ()}:
        return _answer(Outcome.BLOCKED, DecidedBy("XT-INV-1", invitation.resource, setting=LISTED))
    if invitation.allowed_domains is not None and domain not in {each.lower() for each in invitation.allowed_domains}:
        return _answer(Outcome.BLOCKED, DecidedBy("XT-INV-2", invitation.resource, setting=LISTED))
    return None


def _side(rule: str, direction: Direction, gate: Gate) -> DecidedBy:
    return DecidedBy(rule, gate.tenant, direction, gate.name, gate.setting.users_and_groups.origin)


def _answer(outcome: Outcome, decided_by: DecidedBy, missing: tuple[str, ...] = ()) -> Answer:
    by_policy = outcome is Outcome.BLOCKED and decided_by.setting != LISTED
    return Answer(
        outcome=outcome,
        decided_by=decided_by,
        steps=(Step(decided_by.rule, decided_by.tenant, decided_by.setting, decided_by.origin, result=outcome),),
        message=BLOCKED_INVITATION if by_policy else None,
        missing=missing,
    )
