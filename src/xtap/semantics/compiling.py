"""How do two tenants' policies become one crossing? Settings are looked up once, so that decisions only match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.enums import CloudEndpoint
from xtap.model.ids import PERSONAL_ACCOUNTS
from xtap.semantics import effective
from xtap.semantics.crossing import Barrier, Crossing
from xtap.semantics.decision import ConsentPrompt, Outcome
from xtap.semantics.effective import Property
from xtap.semantics.gate import Gate, compile_gate
from xtap.semantics.matching import listed
from xtap.semantics.request import Channel

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.semantics.documents import TenantPolicy

_PROPERTIES = {
    Channel.COLLABORATION: (Property.COLLABORATION_OUTBOUND, Property.COLLABORATION_INBOUND),
    Channel.DIRECT_CONNECT: (Property.DIRECT_CONNECT_OUTBOUND, Property.DIRECT_CONNECT_INBOUND),
}


def compile_crossing(
    home: TenantPolicy | None, resource: TenantPolicy | None, ids: tuple[TenantId, TenantId], channel: Channel
) -> Crossing:
    """Compile the policies of two tenants for one channel.

    Args:
        home: the home tenant's policy; None if it is not known (XT-SCOPE-3).
        resource: the resource tenant's policy; None if it is not known.
        ids: of the home and the resource tenant.
        channel: how people come.
    """
    home_id, resource_id = ids
    outbound_name, inbound_name = _PROPERTIES.get(channel, (None, None))
    outbound, inbound = _gate(home, resource_id, outbound_name), _gate(resource, home_id, inbound_name)
    barrier = _barrier(home, resource, ids, channel)
    return Crossing(
        home=home_id,
        resource=resource_id,
        channel=channel,
        barrier=barrier,
        outbound=outbound,
        inbound=inbound,
        trust=None if resource is None else effective.trust(resource, home_id),
        consent=_consent(home, resource, ids),
        listed=() if barrier is not None else listed(gate for gate in (outbound, inbound) if gate is not None),
    )


def _gate(policy: TenantPolicy | None, other: TenantId, name: Property | None) -> Gate | None:
    if policy is None or name is None:
        return None
    setting = effective.setting(policy, other, name)
    return None if setting is None else compile_gate(policy.tenant_id, name, setting)


def _barrier(
    home: TenantPolicy | None, resource: TenantPolicy | None, ids: tuple[TenantId, TenantId], channel: Channel
) -> Barrier | None:
    home_id, resource_id = ids
    if home_id == resource_id:
        return Barrier(Outcome.NOT_APPLICABLE, "XT-SCOPE-1")
    if home_id == PERSONAL_ACCOUNTS:
        return Barrier(Outcome.NOT_APPLICABLE, "XT-SCOPE-2")
    if channel is Channel.SERVICE_PROVIDER:
        return _service_provider(home, resource_id)
    return None if home is None or resource is None else cloud_barrier(home, resource, channel)


def _service_provider(home: TenantPolicy | None, resource: TenantId) -> Barrier:
    if home is None:
        return Barrier(Outcome.UNKNOWN, "XT-SCOPE-3")
    if effective.blocks_service_providers(home, resource).value:
        name = "blockServiceProviderOutboundAccess"
        return Barrier(Outcome.BLOCKED, "XT-GDAP-2", (home.tenant_id,), name)
    return Barrier(Outcome.NOT_APPLICABLE, "XT-GDAP-1")


def cloud_barrier(home: TenantPolicy, resource: TenantPolicy, channel: Channel) -> Barrier | None:
    """Return what keeps two tenants of different clouds apart, None if nothing does or there is one cloud."""
    if home.cloud == resource.cloud:
        return None
    if channel is Channel.DIRECT_CONNECT:
        return Barrier(Outcome.BLOCKED, "XT-CLOUD-1")
    if CloudEndpoint.COMMERCIAL not in {home.cloud, resource.cloud}:
        return Barrier(Outcome.BLOCKED, "XT-CLOUD-4")
    sides = ((home, resource), (resource, home))
    closed = tuple(mine.tenant_id for mine, other in sides if other.cloud not in mine.allowed_clouds)
    if closed:
        return Barrier(Outcome.BLOCKED, "XT-CLOUD-2", closed, "allowedCloudEndpoints")
    strange = tuple(mine.tenant_id for mine, other in sides if other.tenant_id not in mine.partners)
    if strange:
        return Barrier(Outcome.BLOCKED, "XT-CLOUD-3", strange, "partners")
    return None


def _consent(home: TenantPolicy | None, resource: TenantPolicy | None, ids: tuple[TenantId, TenantId]) -> ConsentPrompt:
    """Automatic only if the home says so outbound and the resource inbound (XT-CONS-1, XT-CONS-2)."""
    out = None if home is None else effective.consent(home, ids[1])[1].value
    into = None if resource is None else effective.consent(resource, ids[0])[0].value
    if out is False or into is False:
        return ConsentPrompt.SHOWN
    return ConsentPrompt.UNKNOWN if out is None or into is None else ConsentPrompt.SUPPRESSED
