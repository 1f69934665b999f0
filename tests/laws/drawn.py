"""Random tenants and accesses from a small world, so that lists and accesses meet often; JSON as clients write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from xtap.model.ids import TenantId
from xtap.semantics.request import Access, Channel, Claims, Control, Requirements

if TYPE_CHECKING:
    from random import Random

HOME = TenantId("22222222-2222-4222-8222-222222222222")
RESOURCE = TenantId("11111111-1111-4111-8111-111111111111")
THIRD = TenantId("33333333-3333-4333-8333-333333333333")
USERS = [f"bbbbbbbb-0000-4000-8000-0000000000b{n}" for n in range(4)]
GROUPS = [f"aaaaaaaa-0000-4000-8000-0000000000a{n}" for n in range(4)]
TEAMS, SHAREPOINT = "1fec8e78-bce4-4aaf-ab1b-5451cc387264", "00000003-0000-0ff1-ce00-000000000000"
APPS = [TEAMS, SHAREPOINT, *(f"cccccccc-0000-4000-8000-0000000000c{n}" for n in range(4))]
STRANGE_PEOPLE = (("AllManagers", "user"), ("AllUsers", "group"), ("x", "device"), (USERS[0], "device"))
STRANGE_APPS = (("AllOfTomorrow", "application"), ("AllApplications", "suite"), (APPS[2], "suite"))
METHODS = ("sms", "fido2", "windowsHelloForBusiness", "methodOfTomorrow")
COMMERCIAL, GOVERNMENT = "microsoftonline.com", "microsoftonline.us"
SETTINGS = (
    "b2bCollaborationInbound",
    "b2bCollaborationOutbound",
    "b2bDirectConnectInbound",
    "b2bDirectConnectOutbound",
)


def people(rng: Random) -> dict[str, Any]:
    if rng.random() < 0.3:
        targets = [("AllUsers", "user")]
    else:
        users = [(user, "user") for user in rng.sample(USERS, rng.randint(0, 2))]
        targets = users + [(group, "group") for group in rng.sample(GROUPS, rng.randint(0, 2))]
    if rng.random() < 0.08:
        targets.append(rng.choice(STRANGE_PEOPLE))
    return half(rng, targets or [(rng.choice(USERS), "user")])


def apps(rng: Random) -> dict[str, Any]:
    if rng.random() < 0.3:
        targets = [("AllApplications", "application")]
    else:
        listed = rng.sample([*APPS, "Office365", "AllMicrosoftApps"], rng.randint(1, 3))
        targets = [(app, "application") for app in listed]
    if rng.random() < 0.08:
        targets.append(rng.choice(STRANGE_APPS))
    return half(rng, targets)


def half(rng: Random, targets: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "accessType": "allowedLater" if rng.random() < 0.02 else rng.choice(["allowed", "blocked"]),
        "targets": [{"target": target, "targetType": kind} for target, kind in targets],
    }


def setting(rng: Random) -> dict[str, Any]:
    whole = {"usersAndGroups": people(rng), "applications": apps(rng)}
    if rng.random() < 0.1:
        whole.pop(rng.choice([*whole]))
    return whole


def configuration(rng: Random, chance: float) -> dict[str, Any]:
    found: dict[str, Any] = {name: setting(rng) for name in SETTINGS if rng.random() < chance}
    if rng.random() < chance:
        found["tenantRestrictions"] = setting(rng)
    if rng.random() < chance:
        flags = ("isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted")
        found["inboundTrust"] = {flag: rng.random() < 0.5 for flag in flags}
    return found


def tenant(rng: Random, own: str, others: tuple[str, ...], *, clouds: bool = False) -> dict[str, Any]:
    """Draw the document of one tenant; with ``clouds`` it may live in another cloud, and name others."""
    partners = []
    for other in others:
        if rng.random() < 0.7:
            consent = {"inboundAllowed": rng.random() < 0.5, "outboundAllowed": rng.choice([True, False, None])}
            partners.append({"tenantId": other, "automaticUserConsentSettings": consent} | configuration(rng, 0.4))
    document: dict[str, Any] = {"tenantId": own, "default": configuration(rng, 0.4), "partners": partners}
    if clouds and rng.random() < 0.3:
        document["cloud"] = rng.choice([COMMERCIAL, GOVERNMENT])
        document["policy"] = {"allowedCloudEndpoints": rng.choice([[], [COMMERCIAL], [GOVERNMENT]])}
    return document


def requirements(rng: Random) -> Requirements:
    """Draw demands, mostly of claims: of all controls together hardly one access gets through."""
    claims = (Control.MFA, Control.COMPLIANT_DEVICE, Control.HYBRID_JOINED_DEVICE)
    controls = rng.sample([*Control] if rng.random() < 0.3 else claims, rng.randint(0, 2))
    strength = frozenset(rng.sample(METHODS, rng.randint(0, 2))) if rng.random() < 0.4 else None
    return Requirements(controls=frozenset(controls), any_of=rng.random() < 0.5, authentication_strength=strength)


def access(rng: Random, home: TenantId = HOME, resource: TenantId = RESOURCE) -> Access:
    """Draw an access with every fact known, a third of them with demands of Conditional Access."""
    return Access(
        home=home,
        resource=resource,
        channel=rng.choice([Channel.COLLABORATION, Channel.DIRECT_CONNECT]),
        user=rng.choice([*USERS, "bbbbbbbb-0000-4000-8000-0000000000ff"]),
        groups=frozenset(rng.sample(GROUPS, rng.randint(0, 2))),
        client_app=rng.choice(APPS),
        resource_app=rng.choice([*APPS, "cccccccc-0000-4000-8000-0000000000ff"]),
        claims=Claims(
            mfa=rng.random() < 0.5,
            compliant_device=rng.random() < 0.5,
            hybrid_joined_device=rng.random() < 0.5,
            methods=frozenset(rng.sample(METHODS, rng.randint(0, 2))),
        ),
        requires=requirements(rng) if rng.random() < 0.3 else None,
    )


def vague(rng: Random, asked: Access) -> Access:
    """Leave out facts, so that some answers are not known."""
    if rng.random() < 0.3:
        asked = replace(asked, groups=None)
    if rng.random() < 0.2:
        asked = replace(asked, user=None)
    if rng.random() < 0.2:
        asked = replace(asked, client_app=None)
    if rng.random() < 0.2:
        claims = {name: None for name in asked.claims.__struct_fields__ if rng.random() < 0.5}
        asked = replace(asked, claims=replace(asked.claims, **claims))
    return replace(asked, is_entra_account=rng.random() < 0.95)
