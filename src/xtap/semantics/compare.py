"""Who gains and who loses access when one policy becomes another? Every difference, each with an access that shows it.

The answer is complete: without a difference for a tenant, direction and channel, each access is allowed after if it was
allowed before, and only then. Whether one that is not allowed is blocked or not known is not compared. It looks from
one tenant; what the other tenant allows is not its business (a witness passes if the other side is open). "Any other
tenant" is one without an entry of its own, before and after.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.model.enums import CloudEndpoint
from xtap.model.ids import PERSONAL_ACCOUNTS, TenantId
from xtap.semantics import effective
from xtap.semantics.documents import SERVICE_DEFAULT, Partner, TenantPolicy
from xtap.semantics.effective import Property
from xtap.semantics.gate import Gate, compile_gate
from xtap.semantics.request import NO_CLAIMS_KNOWN, Access, Channel, Claims, Control, Requirements
from xtap.semantics.restrictions import ForeignAccess
from xtap.semantics.trust import HOME_TENANT_METHODS, RESOURCE_TENANT_METHODS
from xtap.semantics.witness import STRANGER, Witness, differences, passing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.semantics.effective import EffectiveSetting


class Effect(StrEnum):
    """What a change does."""

    NEWLY_ALLOWED = "newlyAllowed"
    NEWLY_BLOCKED = "newlyBlocked"
    DIFFERENT = "different"


class Difference(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One difference.

    Attributes:
        effect: who gains or loses; ``different`` where nobody does, but something else happens.
        setting: wire name of the property that makes it.
        other: the other tenant; None for any tenant without an entry of its own.
        witness: an access that shows it; None for redemption and synchronization, which are no accesses.
        cloud: where the other tenant lives, if it must live in another cloud.
    """

    effect: Effect
    setting: str
    other: TenantId | None
    witness: Access | ForeignAccess | None = None
    cloud: str | None = None


class Comparison(Struct, frozen=True):
    """All differences between two policies of one tenant."""

    differences: tuple[Difference, ...]

    @property
    def equivalent(self) -> bool:
        """Whether the same accesses are allowed; ``blocked`` may have become ``unknown``, or the other way round."""
        return not self.differences

    @property
    def no_new_access(self) -> bool:
        """Whether nobody gains anything."""
        return all(difference.effect is not Effect.NEWLY_ALLOWED for difference in self.differences)


_NO_ENTRY = Partner(tenant_id=TenantId(""))


class _Pair(Struct, frozen=True, gc=False):
    """The two policies as they count for one other tenant (None: any other), and their entries for it."""

    before: TenantPolicy
    after: TenantPolicy
    other: TenantId | None
    key: TenantId
    same_default: bool
    was: Partner = _NO_ENTRY
    now: Partner = _NO_ENTRY

    @property
    def tenant(self) -> TenantId:
        return self.after.tenant_id


def compare(before: TenantPolicy, after: TenantPolicy) -> Comparison:
    """Compare two policies of one tenant.

    Args:
        before: the first one.
        after: the second one.

    Raises:
        ValueError: they are of different tenants or clouds.
    """
    if (before.tenant_id, before.cloud) != (after.tenant_id, after.cloud):
        raise ValueError(f"Cannot compare policies of tenants {before.tenant_id} and {after.tenant_id}.")
    named = sorted(before.partners.keys() | after.partners.keys())
    same_default = before.default == after.default
    same_clouds = before.allowed_clouds == after.allowed_clouds
    found = [*_redemption(before, after)]
    for other in named:
        was, now = before.partners.get(other), after.partners.get(other)
        if same_default and same_clouds and was == now:
            continue
        pair = _Pair(before, after, other, other, same_default, was or _NO_ENTRY, now or _NO_ENTRY)
        if not same_default or was != now:
            found += _settings(pair)
        if not same_clouds or (was is None) != (now is None):
            found += _clouds(pair)
    if not same_default:
        found += _settings(_Pair(before, after, None, _unnamed(named), same_default))
    found += _syncs(before, after)
    return Comparison(tuple(found))


def _settings(pair: _Pair) -> Iterator[Difference]:
    for name, read in effective.READ.items():
        if pair.same_default and read(pair.was) == read(pair.now):
            continue
        before, after = (effective.setting(policy, pair.key, name) for policy in (pair.before, pair.after))
        if _same(before, after) or (name in _INBOUND and pair.key == PERSONAL_ACCOUNTS):
            continue
        gates = _gate(pair, name, before), _gate(pair, name, after)
        if name is Property.TENANT_RESTRICTIONS:
            yield from _restrictions(pair, *gates)
            continue
        for gains, witness in differences(*gates).items():
            yield Difference(_effect(gains), name, pair.other, _access(pair, name, witness))
    for wire, differing in _OTHERS.items():
        if not pair.same_default or getattr(pair.was, wire) != getattr(pair.now, wire):
            yield from differing(pair)


_CHANNELS = {
    Property.COLLABORATION_INBOUND: Channel.COLLABORATION,
    Property.COLLABORATION_OUTBOUND: Channel.COLLABORATION,
    Property.DIRECT_CONNECT_INBOUND: Channel.DIRECT_CONNECT,
    Property.DIRECT_CONNECT_OUTBOUND: Channel.DIRECT_CONNECT,
}
_INBOUND = frozenset({Property.COLLABORATION_INBOUND, Property.DIRECT_CONNECT_INBOUND})


def _effect(gains: bool) -> Effect:  # noqa: FBT001 - it is the key of what ``differences`` found
    return Effect.NEWLY_ALLOWED if gains else Effect.NEWLY_BLOCKED


def _gates(pair: _Pair, name: Property) -> tuple[Gate | None, Gate | None]:
    """Compile a setting before and after."""
    before, after = (effective.setting(policy, pair.key, name) for policy in (pair.before, pair.after))
    return _gate(pair, name, before), _gate(pair, name, after)


def _gate(pair: _Pair, name: Property, setting: EffectiveSetting | None) -> Gate | None:
    return None if setting is None else compile_gate(pair.tenant, name, setting)


def _same(one: EffectiveSetting | None, two: EffectiveSetting | None) -> bool:
    if one is None or two is None:
        return one is two
    people = one.users_and_groups.value == two.users_and_groups.value
    return people and one.applications.value == two.applications.value


_EVERY_CLAIM = Claims(mfa=True, compliant_device=True, hybrid_joined_device=True, methods=HOME_TENANT_METHODS)


def _access(pair: _Pair, name: Property, witness: Witness, requires: Requirements | None = None) -> Access:
    inbound = name in _INBOUND
    claims = NO_CLAIMS_KNOWN if requires is None else _EVERY_CLAIM
    return Access(
        home=pair.key if inbound else pair.tenant,
        resource=pair.tenant if inbound else pair.key,
        channel=_CHANNELS[name],
        user=witness.user,
        groups=witness.groups,
        client_app=witness.client_app,
        resource_app=witness.resource_app,
        claims=claims,
        requires=requires,
    )


def _restrictions(pair: _Pair, before: Gate | None, after: Gate | None) -> Iterator[Difference]:
    if (before is None) != (after is None):
        anonymous = ForeignAccess(policy_tenant=pair.tenant, home=pair.key, resource=pair.key, anonymous=True)
        yield Difference(_effect(after is None), Property.TENANT_RESTRICTIONS, pair.other, anonymous)
    for gains, witness in differences(before, after).items():
        used = ForeignAccess(
            policy_tenant=pair.tenant,
            home=pair.key,
            resource=pair.key,
            user=witness.user,
            groups=witness.groups,
            client_app=witness.client_app,
            resource_app=witness.resource_app,
        )
        yield Difference(_effect(gains), Property.TENANT_RESTRICTIONS, pair.other, used)


_HOME_ONLY = frozenset({min(HOME_TENANT_METHODS - RESOURCE_TENANT_METHODS)})
"""Methods of a strength that a guest reaches in the home tenant only, so that trust decides (XT-TRUST-8)."""

_FLAGS = (
    (
        "is_mfa_accepted",
        "inboundTrust.isMfaAccepted",
        Requirements(authentication_strength=_HOME_ONLY),
    ),
    (
        "is_compliant_device_accepted",
        "inboundTrust.isCompliantDeviceAccepted",
        Requirements(controls=frozenset({Control.COMPLIANT_DEVICE})),
    ),
    (
        "is_hybrid_azure_ad_joined_device_accepted",
        "inboundTrust.isHybridAzureADJoinedDeviceAccepted",
        Requirements(controls=frozenset({Control.HYBRID_JOINED_DEVICE})),
    ),
)
"""Each flag of trust, and a demand that is fulfilled with it and blocks without it, through either channel."""


def _trust(pair: _Pair) -> Iterator[Difference]:
    """A changed flag matters where somebody comes in before and after, and Conditional Access demands the claim."""
    before, after = effective.trust(pair.before, pair.key).value, effective.trust(pair.after, pair.key).value
    for flag, setting, requires in _FLAGS:
        accepted = bool(getattr(after, flag))
        if bool(getattr(before, flag)) == accepted:
            continue
        for name in (Property.DIRECT_CONNECT_INBOUND, Property.COLLABORATION_INBOUND):
            witness = passing(*_gates(pair, name))
            if witness is not None and pair.key != PERSONAL_ACCOUNTS:
                yield Difference(_effect(accepted), setting, pair.other, _access(pair, name, witness, requires))
                break


def _consent(pair: _Pair) -> Iterator[Difference]:
    before, after = effective.consent(pair.before, pair.key), effective.consent(pair.after, pair.key)
    for name, one, two in zip(("inboundAllowed", "outboundAllowed"), before, after, strict=True):
        if one.value != two.value:
            yield Difference(Effect.DIFFERENT, f"automaticUserConsentSettings.{name}", pair.other)


def _service_providers(pair: _Pair) -> Iterator[Difference]:
    before = effective.blocks_service_providers(pair.before, pair.key).value
    after = effective.blocks_service_providers(pair.after, pair.key).value
    if before != after:
        access = Access(home=pair.tenant, resource=pair.key, channel=Channel.SERVICE_PROVIDER)
        yield Difference(_effect(before), "blockServiceProviderOutboundAccess", pair.other, access)


_OTHERS = {
    "inbound_trust": _trust,
    "automatic_user_consent_settings": _consent,
    "block_service_provider_outbound_access": _service_providers,
}
"""What else a partner entry configures, and how its differences are found."""


def _clouds(pair: _Pair) -> Iterator[Difference]:
    """Between clouds a partner counts only where both its entry and its cloud are there (XT-CLOUD-2, XT-CLOUD-3)."""
    for cloud in sorted(pair.before.allowed_clouds | pair.after.allowed_clouds):
        if cloud == pair.after.cloud or CloudEndpoint.COMMERCIAL not in {cloud, pair.after.cloud}:
            continue
        was, now = _reachable(pair.before, pair.key, cloud), _reachable(pair.after, pair.key, cloud)
        for name in (Property.COLLABORATION_INBOUND, Property.COLLABORATION_OUTBOUND):
            witness = passing(_gates(pair, name)[now]) if was != now else None
            if witness is not None:
                yield Difference(_effect(now), name, pair.other, _access(pair, name, witness), cloud)


def _reachable(policy: TenantPolicy, other: TenantId, cloud: str) -> bool:
    return cloud in policy.allowed_clouds and other in policy.partners


def _syncs(before: TenantPolicy, after: TenantPolicy) -> Iterator[Difference]:
    for other in sorted(before.identity_sync.keys() | after.identity_sync.keys()):
        was, now = _is_sync_allowed(before, other), _is_sync_allowed(after, other)
        if was != now:
            yield Difference(_effect(now), "identitySynchronization.userSyncInbound", other)


def _is_sync_allowed(policy: TenantPolicy, source: TenantId) -> bool:
    found = policy.identity_sync.get(source)
    return bool(found and found.user_sync_inbound and found.user_sync_inbound.is_sync_allowed)


def _redemption(before: TenantPolicy, after: TenantPolicy) -> Iterator[Difference]:
    name = "invitationRedemptionIdentityProviderConfiguration"
    values = [
        policy.default.invitation_redemption_identity_provider_configuration
        or SERVICE_DEFAULT.invitation_redemption_identity_provider_configuration
        for policy in (before, after)
    ]
    if values[0] != values[1]:
        yield Difference(Effect.DIFFERENT, name, None)


def _unnamed(named: list[TenantId]) -> TenantId:
    """Return the id of a tenant without an entry."""
    number = 1
    while (name := TenantId(f"{number:08x}{STRANGER[8:]}")) in named:
        number += 1
    return name
