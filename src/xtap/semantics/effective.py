"""Which value counts for one partner, and where does it come from? Rules XT-INH-1 to XT-INH-6.

The unit of inheritance is one property of the partner entry (R2.2). Two properties are finer: each boolean of the
consent settings inherits on its own (XT-INH-5), and a half of a setting that was left out inherits (XT-INH-4).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from xtap.model.settings import AutomaticUserConsent, InboundTrust
from xtap.semantics.documents import CREATED_TENANT_RESTRICTIONS, SERVICE_DEFAULT, Setting, TargetList

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.model.ids import TenantId
    from xtap.semantics.documents import Configuration, TenantPolicy

T = TypeVar("T")


class Origin(StrEnum):
    """Where a value comes from. A template's value is the partner's own once a join has written it (R9.6)."""

    PARTNER = "partner"
    DEFAULT = "default"
    SERVICE_DEFAULT = "serviceDefault"


class Property(StrEnum):
    """The settings with two halves, by their wire names."""

    COLLABORATION_INBOUND = "b2bCollaborationInbound"
    COLLABORATION_OUTBOUND = "b2bCollaborationOutbound"
    DIRECT_CONNECT_INBOUND = "b2bDirectConnectInbound"
    DIRECT_CONNECT_OUTBOUND = "b2bDirectConnectOutbound"
    TENANT_RESTRICTIONS = "tenantRestrictions"


class Sourced(Struct, Generic[T], frozen=True, gc=False):
    """A value with its origin.

    Attributes:
        value: what counts.
        origin: who configured it.
        rule: the rule that chose it.
    """

    value: T
    origin: Origin
    rule: str

    @property
    def inherited(self) -> bool:
        """Whether the partner entry leaves it to somebody else, or there is no entry."""
        return self.origin is not Origin.PARTNER


class EffectiveSetting(Struct, frozen=True, gc=False):
    """A setting as it counts for one partner: both halves, each with its origin."""

    users_and_groups: Sourced[TargetList]
    applications: Sourced[TargetList]


READ: dict[Property, Callable[[Configuration], Setting | None]] = {
    Property.COLLABORATION_INBOUND: lambda found: found.b2b_collaboration_inbound,
    Property.COLLABORATION_OUTBOUND: lambda found: found.b2b_collaboration_outbound,
    Property.DIRECT_CONNECT_INBOUND: lambda found: found.b2b_direct_connect_inbound,
    Property.DIRECT_CONNECT_OUTBOUND: lambda found: found.b2b_direct_connect_outbound,
    Property.TENANT_RESTRICTIONS: lambda found: found.tenant_restrictions,
}
"""What a partner entry or a default policy itself configures, None if it leaves the setting open."""


def setting(policy: TenantPolicy, other: TenantId, name: Property) -> EffectiveSetting | None:
    """Return a setting of a tenant as it counts for another tenant.

    Args:
        policy: the policy of the tenant whose setting it is.
        other: the partner.
        name: which setting.

    Returns:
        None only for tenant restrictions that nobody created: nothing is enforced then (XT-TR-2).
    """
    read = READ[name]
    sources = _sources(policy, other, read)
    if name is Property.TENANT_RESTRICTIONS:
        if len(sources) == 1:
            return None
        sources[-1] = (CREATED_TENANT_RESTRICTIONS, Origin.SERVICE_DEFAULT)
    return EffectiveSetting(
        _half(sources, lambda found: found.users_and_groups), _half(sources, lambda found: found.applications)
    )


def trust(policy: TenantPolicy, other: TenantId) -> Sourced[InboundTrust]:
    """Return which claims of the other tenant are accepted; a partner's trust replaces the default's whole."""
    found = _sources(policy, other, lambda found: found.inbound_trust)[0]
    rule = "XT-INH-6" if found[1] is Origin.PARTNER else _RULES[found[1]]
    return Sourced(found[0] or InboundTrust(), found[1], rule)


def consent(policy: TenantPolicy, other: TenantId) -> tuple[Sourced[bool], Sourced[bool]]:
    """Return whether consent is automatic (inbound, outbound); only a partner entry can say yes (XT-INH-5)."""
    partner = policy.partners.get(other)
    own = (partner and partner.automatic_user_consent_settings) or AutomaticUserConsent()
    return _flag(own.inbound_allowed), _flag(own.outbound_allowed)


def blocks_service_providers(policy: TenantPolicy, other: TenantId) -> Sourced[bool]:
    """Return whether the tenant's people are kept from acting as service providers in the other tenant."""
    found = _sources(policy, other, lambda found: found.block_service_provider_outbound_access)[0]
    return Sourced(bool(found[0]), found[1], _RULES[found[1]])


_RULES = {Origin.PARTNER: "XT-INH-1", Origin.DEFAULT: "XT-INH-2", Origin.SERVICE_DEFAULT: "XT-INH-3"}


def _flag(value: bool | None) -> Sourced[bool]:  # noqa: FBT001 - it is the value itself
    if value is None:
        return Sourced(False, Origin.SERVICE_DEFAULT, "XT-INH-5")  # noqa: FBT003 - see above
    return Sourced(value, Origin.PARTNER, "XT-INH-5")


def _sources(
    policy: TenantPolicy, other: TenantId, read: Callable[[Configuration], T | None]
) -> list[tuple[T | None, Origin]]:
    """Return who configured a property, strongest first; the service default always stands at the end."""
    partner = policy.partners.get(other)
    default = Origin.SERVICE_DEFAULT if policy.default.is_service_default else Origin.DEFAULT
    candidates: list[tuple[T | None, Origin]] = [(read(policy.default), default)]
    if partner is not None:
        candidates.insert(0, (read(partner), Origin.PARTNER))
    configured = [candidate for candidate in candidates if candidate[0] is not None]
    return [*configured, (read(SERVICE_DEFAULT), Origin.SERVICE_DEFAULT)]


def _half(
    sources: list[tuple[Setting | None, Origin]], read: Callable[[Setting], TargetList | None]
) -> Sourced[TargetList]:
    """Return the first half that somebody configured; the service default has both."""
    for place, (found, origin) in enumerate(sources):
        half = None if found is None else read(found)
        if half is not None:
            return Sourced(half, origin, "XT-INH-4" if place else _RULES[origin])
    raise AssertionError("the service default has both halves")
