"""What counts between one tenant and another, all of it, one row for each value? Each with its origin and rule.

Rows are in the order of the wire. A setting with two halves has a row for each, because each inherits on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.model.enums import AccessType
from xtap.model.schema import Json
from xtap.semantics import effective
from xtap.semantics.documents import SERVICE_DEFAULT, TargetList
from xtap.semantics.effective import Origin, Property, Sourced
from xtap.semantics.redemption import NAME as REDEMPTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.ids import TenantId
    from xtap.semantics.documents import TenantPolicy

SHOWN_TARGETS = 3
"""Targets of a list that the words name; the value has all."""


class Row(Struct, frozen=True, rename="camel"):
    """One effective value.

    Attributes:
        setting: wire name of the property, with dots.
        words: the value for readers.
        value: the value as JSON; None for tenant restrictions that nobody created.
        origin: who configured it.
        inherited: whether the partner entry leaves it to somebody else, or there is no entry.
        rule: the rule that chose it.
    """

    setting: str
    words: str
    value: Json
    origin: Origin
    inherited: bool
    rule: str


def listing(policy: TenantPolicy, other: TenantId) -> tuple[Row, ...]:
    """List every effective setting of a tenant toward another.

    Args:
        policy: the policy of the tenant whose settings are asked for.
        other: the other tenant; it needs no partner entry.
    """
    return (
        *_trust(policy, other),
        *(
            row
            for name in Property
            if name is not Property.TENANT_RESTRICTIONS
            for row in _setting(policy, other, name)
        ),
        *_consent(policy, other),
        *_setting(policy, other, Property.TENANT_RESTRICTIONS),
        _service_providers(policy, other),
        _redemption(policy),
        _synchronization(policy, other),
    )


def _setting(policy: TenantPolicy, other: TenantId, name: Property) -> Iterator[Row]:
    found = effective.setting(policy, other, name)
    if found is None:
        yield Row(
            str(name), "not created: nothing is enforced", None, Origin.SERVICE_DEFAULT, inherited=True, rule="XT-TR-2"
        )
        return
    for half, sourced in (("usersAndGroups", found.users_and_groups), ("applications", found.applications)):
        yield _row(f"{name}.{half}", _words(sourced.value), sourced)


def _row(setting: str, words: str, found: Sourced[TargetList] | Sourced[bool]) -> Row:
    value: Json = json.decode(json.encode(found.value))
    return Row(setting, words, value, found.origin, found.inherited, found.rule)


def _words(half: TargetList) -> str:
    """Name the access type and the first targets."""
    names = [
        target.target if target.target.startswith("All") else f"{target.target_type} {target.target}"
        for target in half.targets[:SHOWN_TARGETS]
    ]
    more = len(half.targets) - SHOWN_TARGETS
    listed = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    known = half.access_type in {*AccessType}
    return f"{half.access_type}: {listed}" if known else f"'{half.access_type}' is not known and blocks: {listed}"


_TRUST = {
    "isMfaAccepted": "is_mfa_accepted",
    "isCompliantDeviceAccepted": "is_compliant_device_accepted",
    "isHybridAzureADJoinedDeviceAccepted": "is_hybrid_azure_ad_joined_device_accepted",
}


def _trust(policy: TenantPolicy, other: TenantId) -> Iterator[Row]:
    trust = effective.trust(policy, other)
    for wire, name in _TRUST.items():
        flag: bool | None = getattr(trust.value, name)
        found = Sourced(bool(flag), trust.origin, trust.rule)
        yield _row(f"inboundTrust.{wire}", "accepted" if flag else "not accepted", found)


def _consent(policy: TenantPolicy, other: TenantId) -> Iterator[Row]:
    names = ("inboundAllowed", "outboundAllowed")
    for name, found in zip(names, effective.consent(policy, other), strict=True):
        yield _row(f"automaticUserConsentSettings.{name}", "automatic" if found.value else "people are asked", found)


def _service_providers(policy: TenantPolicy, other: TenantId) -> Row:
    found = effective.blocks_service_providers(policy, other)
    return _row("blockServiceProviderOutboundAccess", "blocked" if found.value else "not blocked", found)


def _redemption(policy: TenantPolicy) -> Row:
    """Only the default policy has an order; partners cannot differ."""
    own = policy.default.invitation_redemption_identity_provider_configuration
    found = own or SERVICE_DEFAULT.invitation_redemption_identity_provider_configuration
    if found is None:
        raise AssertionError("the service default has a redemption order")
    configured = own is not None and not policy.default.is_service_default
    origin, rule = (Origin.DEFAULT, "XT-INH-2") if configured else (Origin.SERVICE_DEFAULT, "XT-INH-3")
    order = ", then ".join(found.primary_identity_provider_precedence_order)
    words = f"{order or 'nobody'}; otherwise {found.fallback_identity_provider}"
    value: Json = json.decode(json.encode(found))
    return Row(REDEMPTION, words, value, origin, inherited=True, rule=rule)


def _synchronization(policy: TenantPolicy, other: TenantId) -> Row:
    entry = policy.identity_sync.get(other)
    flag = entry.user_sync_inbound.is_sync_allowed if entry and entry.user_sync_inbound else None
    origin = Origin.SERVICE_DEFAULT if flag is None else Origin.PARTNER
    words = "allowed" if flag else "not allowed"
    return _row(
        "identitySynchronization.userSyncInbound.isSyncAllowed", words, Sourced(bool(flag), origin, "XT-SYNC-3")
    )
