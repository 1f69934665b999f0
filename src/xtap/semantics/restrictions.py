"""May a foreign account be used on this network or device? Tenant restrictions v2 (XT-TR-1 to XT-TR-6).

They are a third control beside inbound and outbound settings, which they neither influence nor hear (R1.3, R10.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr

from xtap.model.ids import TenantId
from xtap.semantics import effective
from xtap.semantics.answer import Answer
from xtap.semantics.decision import DecidedBy, Outcome, Step
from xtap.semantics.effective import Property
from xtap.semantics.gate import Verdict, compile_gate
from xtap.semantics.request import Access
from xtap.semantics.trace import missing_of, origin_of, side_steps

if TYPE_CHECKING:
    from xtap.semantics.documents import TenantPolicy
    from xtap.semantics.gate import Gate, Passage

RESTRICTED_CODE = "AADSTS5000211"
NAME = Property.TENANT_RESTRICTIONS


class ForeignAccess(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One use of an account on a network or device of the restricting tenant.

    Attributes:
        policy_tenant: the tenant named in the signal (``sec-Restrict-Tenant-Access-Policy``).
        home: the tenant of the account.
        resource: the tenant of the resource that is opened.
        user: object id of the account's user in its tenant.
        groups: object ids of all its groups there.
        known_groups: the groups of which it is known whether the account belongs to them; None for all.
        client_app: application id of the client.
        resource_app: application id of the resource.
        anonymous: whether no account is used at all.
        signalled: whether a proxy or device sent the signal; without it nothing is enforced.
    """

    policy_tenant: TenantId
    home: TenantId
    resource: TenantId
    user: str | None = None
    groups: frozenset[str] | None = None
    known_groups: frozenset[str] | None = None
    client_app: str | None = None
    resource_app: str | None = None
    anonymous: bool = False
    signalled: bool = True

    def __post_init__(self) -> None:
        """Lower the identifiers, as for every access."""
        for name in ("policy_tenant", "home", "resource"):
            force_setattr(self, name, TenantId(getattr(self, name).lower()))


def restrict(policy: TenantPolicy | None, access: ForeignAccess) -> Answer:
    """Answer one use of a foreign account.

    Args:
        policy: the policy of the restricting tenant; None if it is not known.
        access: the account and what it is used for.
    """
    if not access.signalled:
        return _plain(Outcome.NOT_APPLICABLE, "XT-TR-6", access)
    if policy is None:
        return _plain(Outcome.UNKNOWN, "XT-SCOPE-3", access, f"policy of tenant {access.policy_tenant}")
    if access.anonymous:
        return _anonymous(policy, access)
    if access.home == policy.tenant_id:
        return _plain(Outcome.NOT_APPLICABLE, "XT-TR-1", access)
    keys = (access.home,) if access.home == access.resource else (access.home, access.resource)
    gates = [gate for key in keys if key != policy.tenant_id and (gate := gate_of(policy, key)) is not None]
    if not gates:
        return _plain(Outcome.ALLOWED, "XT-TR-2", access)
    asked = as_access(access)
    return _strictest(asked, [gate.check(asked) for gate in gates])


def gate_of(policy: TenantPolicy, other: TenantId) -> Gate | None:
    """Return the restrictions toward another tenant, compiled; None if nothing was ever created."""
    setting = effective.setting(policy, other, NAME)
    return None if setting is None else compile_gate(policy.tenant_id, NAME, setting)


def as_access(access: ForeignAccess) -> Access:
    """Return the facts about user and applications as the gates read them."""
    return Access(
        home=access.home,
        resource=access.resource,
        user=access.user,
        groups=access.groups,
        known_groups=access.known_groups,
        client_app=access.client_app,
        resource_app=access.resource_app,
    )


def _anonymous(policy: TenantPolicy, access: ForeignAccess) -> Answer:
    """Anonymous access has no home; resources of the restricting tenant itself stay reachable (R10.5)."""
    if access.resource == policy.tenant_id:
        return _plain(Outcome.NOT_APPLICABLE, "XT-TR-1", access)
    if gate_of(policy, access.resource) is None:
        return _plain(Outcome.ALLOWED, "XT-TR-2", access)
    return _plain(Outcome.BLOCKED, "XT-TR-5", access)


_STRICTEST_FIRST = (Verdict.BLOCKS, Verdict.UNKNOWN, Verdict.PASSES)
_OUTCOMES = {Verdict.BLOCKS: Outcome.BLOCKED, Verdict.UNKNOWN: Outcome.UNKNOWN, Verdict.PASSES: Outcome.ALLOWED}


def _strictest(asked: Access, passages: list[Passage]) -> Answer:
    """Where the account's tenant and the resource's differ, the stricter of both counts (XT-TR-4)."""
    passage = min(passages, key=lambda each: _STRICTEST_FIRST.index(each.verdict))
    outcome = _OUTCOMES[passage.verdict]
    tenant = passage.gate.tenant
    steps = tuple(step for each in passages for step in side_steps("XT-TR-3", tenant, each, asked))
    several = (Step("XT-TR-4", tenant, NAME),) if len(passages) > 1 else ()
    return Answer(
        outcome=outcome,
        decided_by=DecidedBy("XT-TR-3", tenant, setting=NAME, origin=origin_of(passage)),
        steps=(*several, *steps),
        error_code=RESTRICTED_CODE if outcome is Outcome.BLOCKED else None,
        missing=tuple(missing_of(passage, asked)) if outcome is Outcome.UNKNOWN else (),
    )


def _plain(outcome: Outcome, rule: str, access: ForeignAccess, *missing: str) -> Answer:
    tenant = access.policy_tenant
    return Answer(
        outcome=outcome,
        decided_by=DecidedBy(rule, tenant, setting=NAME),
        steps=(Step(rule, tenant, NAME, result=outcome),),
        error_code=RESTRICTED_CODE if outcome is Outcome.BLOCKED else None,
        missing=missing,
    )
