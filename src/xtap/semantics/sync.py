"""May one tenant push its users into another? The three settings of cross-tenant synchronization (XT-SYNC-1 to -3).

Between clouds both tenants must first have opened themselves to each other, as for guests (XT-CLOUD-2 to XT-CLOUD-4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.semantics import effective
from xtap.semantics.answer import Answer
from xtap.semantics.compiling import cloud_barrier
from xtap.semantics.decision import DecidedBy, Outcome, Step
from xtap.semantics.request import Channel

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.semantics.documents import TenantPolicy

SYNC_CODE = "AzureActiveDirectoryCrossTenantSyncPolicyCheckFailure"
CONSENT, SYNC = "automaticUserConsentSettings", "identitySynchronization"
_MESSAGES = {
    "XT-SYNC-1": (
        "The source tenant has not enabled automatic user consent with the target tenant. Please enable the outbound "
        "cross-tenant access policy for automatic user consent in the source tenant."
    ),
    "XT-SYNC-3": "The target tenant has not enabled inbound synchronization with this tenant.",
}
"""The service's words, where they are documented."""


def synchronize(source: TenantPolicy | None, target: TenantPolicy | None, ids: tuple[TenantId, TenantId]) -> Answer:
    """Answer whether the source may synchronize users into the target; the first unmet need decides.

    Args:
        source: the policy of the tenant that pushes; None if it is not known.
        target: the policy of the tenant that receives; None if it is not known.
        ids: of the source and the target.
    """
    source_id, target_id = ids
    closed = cloud_barrier(source, target, Channel.COLLABORATION) if source is not None and target is not None else None
    if closed is not None:
        by = DecidedBy(closed.rule, closed.tenants[0] if closed.tenants else None, setting=closed.setting)
        steps = tuple(Step(closed.rule, each, closed.setting, result="blocks") for each in closed.tenants)
        return Answer(outcome=Outcome.BLOCKED, decided_by=by, steps=steps)
    needs = (
        ("XT-SYNC-1", source_id, CONSENT, None if source is None else effective.consent(source, target_id)[1].value),
        ("XT-SYNC-2", target_id, CONSENT, None if target is None else effective.consent(target, source_id)[0].value),
        ("XT-SYNC-3", target_id, SYNC, None if target is None else _is_sync_allowed(target, source_id)),
    )
    steps = tuple(Step(rule, tenant, setting, result=_RESULT[met]) for rule, tenant, setting, met in needs)
    unmet = next((need for need in needs if need[3] is False), None)
    if unmet is not None:
        rule, tenant, setting, _ = unmet
        by = DecidedBy(rule, tenant, setting=setting)
        message = _MESSAGES.get(rule)
        return Answer(outcome=Outcome.BLOCKED, decided_by=by, steps=steps, error_code=SYNC_CODE, message=message)
    unknown = [tenant for _, tenant, _, met in needs if met is None]
    if unknown:
        missing = tuple(f"policy of tenant {tenant}" for tenant in dict.fromkeys(unknown))
        return Answer(outcome=Outcome.UNKNOWN, decided_by=DecidedBy("XT-SCOPE-3"), steps=steps, missing=missing)
    return Answer(outcome=Outcome.ALLOWED, decided_by=DecidedBy("XT-SYNC-3", target_id, setting=SYNC), steps=steps)


_RESULT = {True: "passes", False: "blocks", None: "unknown"}


def _is_sync_allowed(target: TenantPolicy, source: TenantId) -> bool:
    policy = target.identity_sync.get(source)
    return bool(policy and policy.user_sync_inbound and policy.user_sync_inbound.is_sync_allowed)
