"""Who must change what, so that a blocked access is allowed? The fewest requests to Graph, none wider than needed.

A change is written into the partner entry, never into the default policy, so that it concerns one pair of tenants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, json, to_builtins

from xtap.model.ids import TenantId
from xtap.model.schema import Document
from xtap.model.settings import InboundTrust
from xtap.semantics.decision import Outcome
from xtap.semantics.effective import EffectiveSetting, Origin, Sourced
from xtap.semantics.gate import Gate, Verdict, compile_gate
from xtap.semantics.opening import opened
from xtap.semantics.request import Control
from xtap.semantics.trace import missing_of
from xtap.semantics.trust import STRENGTH, Fulfilment, TrustResult, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xtap.model.schema import Json
    from xtap.semantics.crossing import Decision
    from xtap.semantics.documents import Setting, TenantPolicy

POLICY = "/policies/crossTenantAccessPolicy"


class Change(Struct, frozen=True, rename="camel"):
    """One request to Graph.

    Attributes:
        tenant: the tenant whose administrator sends it.
        method: of HTTP.
        path: below the version.
        body: the JSON body.
        version: of the API.
    """

    tenant: TenantId
    method: str
    path: str
    body: Document
    version: str = "v1.0"


class Repair(Struct, frozen=True):
    """What to change; or why no change of these policies helps.

    Attributes:
        changes: the requests, the home tenant's first; empty if nothing needs to, or can, be changed.
        impossible: the reason, None if the changes are enough.
    """

    changes: tuple[Change, ...] = ()
    impossible: str | None = None


class _Impossible(Exception):
    """No change of the two policies allows the access."""


def repair(decision: Decision, home: TenantPolicy | None, resource: TenantPolicy | None) -> Repair:
    """Return the changes that allow a blocked access.

    Args:
        decision: the answer that is to be changed.
        home: the home tenant's policy, as the decision saw it.
        resource: the resource tenant's policy, as the decision saw it.
    """
    if decision.outcome is not Outcome.BLOCKED:
        reason = None if decision.allowed else f"The access is not blocked, its outcome is '{decision.outcome}'."
        return Repair(impossible=reason)
    if home is None or resource is None:
        return Repair(impossible="The policies of both tenants must be known to say which change would help.")
    try:
        return Repair(tuple(_changes(decision, home, resource)))
    except _Impossible as why:
        return Repair(impossible=str(why))


def _changes(decision: Decision, home: TenantPolicy, resource: TenantPolicy) -> Iterable[Change]:
    crossing, access = decision.crossing, decision.access
    wanted: dict[TenantId, Document] = {home.tenant_id: {}, resource.tenant_id: {}}
    if crossing.barrier is not None and crossing.barrier.rule == "XT-GDAP-2":
        yield _on_partner(home, resource.tenant_id, {"blockServiceProviderOutboundAccess": False}, "beta")
        return
    if crossing.barrier is not None:
        yield from _clouds(crossing.barrier.rule, home, resource)
    for policy, gate in ((home, crossing.outbound), (resource, crossing.inbound)):
        wanted[policy.tenant_id] |= _gate(gate, decision)
    if access.requires is not None and crossing.trust is not None:
        wanted[resource.tenant_id] |= _trust(decision)
    foreign = home.cloud != resource.cloud
    for policy, other in ((home, resource.tenant_id), (resource, home.tenant_id)):
        body = wanted[policy.tenant_id]
        if body or (foreign and other not in policy.partners):
            yield _on_partner(policy, other, body)


def _on_partner(policy: TenantPolicy, other: TenantId, body: Document, version: str = "v1.0") -> Change:
    if other in policy.partners:
        return Change(policy.tenant_id, "PATCH", f"{POLICY}/partners/{other}", body, version)
    return Change(policy.tenant_id, "POST", f"{POLICY}/partners", {"tenantId": other} | body, version)


def _clouds(rule: str, home: TenantPolicy, resource: TenantPolicy) -> Iterable[Change]:
    if rule in {"XT-CLOUD-1", "XT-CLOUD-4"}:
        raise _Impossible("The service does not support this between these two clouds; no setting changes that.")
    for mine, other in ((home, resource), (resource, home)):
        if other.cloud not in mine.allowed_clouds:
            clouds: list[Json] = [*sorted({*mine.allowed_clouds, other.cloud})]
            yield Change(mine.tenant_id, "PATCH", POLICY, {"allowedCloudEndpoints": clouds})


def _gate(gate: Gate | None, decision: Decision) -> Document:
    """Return the property that opens one side, nothing if it is open."""
    if gate is None:
        raise _Impossible("The policies of both tenants must be known to say which change would help.")
    passage = gate.check(decision.access)
    if passage.verdict is Verdict.PASSES:
        return {}
    if passage.verdict is Verdict.UNKNOWN:
        raise _not_known(missing_of(passage, decision.access))
    wider = opened(gate, decision.access)
    if wider is None:
        raise _Impossible("The user id and an application id must be known to say whom to let pass.")
    passage = _replaced(gate, wider).check(decision.access)
    if passage.verdict is not Verdict.PASSES:
        raise _not_known(missing_of(passage, decision.access))
    body: Document = {str(gate.name): json.decode(json.encode(wider))}
    return body


def _not_known(facts: Iterable[str]) -> _Impossible:
    return _Impossible(f"Whether the access would pass is not known without these facts: {', '.join(facts)}.")


def _replaced(gate: Gate, wider: Setting) -> Gate:
    """Return the gate that a partner entry with this setting makes."""
    people, apps = wider.users_and_groups, wider.applications
    if people is None or apps is None:
        raise AssertionError("a setting that opens a gate has both halves")
    setting = EffectiveSetting(*(Sourced(half, Origin.PARTNER, "XT-INH-1") for half in (people, apps)))
    return compile_gate(gate.tenant, gate.name, setting)


_FLAGS = {
    Control.MFA: "is_mfa_accepted",
    Control.COMPLIANT_DEVICE: "is_compliant_device_accepted",
    Control.HYBRID_JOINED_DEVICE: "is_hybrid_azure_ad_joined_device_accepted",
    STRENGTH: "is_mfa_accepted",
}

_FAILURES = frozenset({Fulfilment.BLOCKED, Fulfilment.UNKNOWN})


def _trust(decision: Decision) -> Document:
    """Return the trust that fulfils the demands, nothing if they are fulfilled."""
    access, trust = decision.access, decision.crossing.trust
    if access.requires is None or trust is None:
        return {}
    result = judge(access, access.requires, trust.value)
    if result.passes:
        return {}
    failing = [demand.control for demand in result.demands if demand.fulfilment in _FAILURES]
    flags = [_FLAGS[control] for control in failing if control in _FLAGS]
    for accepted in [[flag] for flag in flags] if access.requires.any_of else [flags]:
        wider = _accepting(trust.value, accepted)
        if judge(access, access.requires, wider).passes:
            return {"inboundTrust": to_builtins(wider)}
    raise _hopeless(judge(access, access.requires, _accepting(trust.value, flags)))


def _accepting(trust: InboundTrust, flags: Iterable[str]) -> InboundTrust:
    known = {name: bool(getattr(trust, name)) for name in trust.__struct_fields__}
    return InboundTrust(**known | dict.fromkeys(flags, True))


def _hopeless(result: TrustResult) -> _Impossible:
    """Say why not even every trust is enough."""
    if result.decisive is None:
        raise AssertionError("nothing is demanded, so nothing fails")
    if result.decisive.missing is not None:
        return _not_known([result.decisive.missing])
    return _Impossible(
        f"No trust setting fulfils '{result.decisive.control}': the claim must come from the home tenant."
    )
