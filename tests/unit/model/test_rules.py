"""The rules over one whole document, in both strengths: one row a rule."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from xtap.model import pristine
from xtap.model.ids import TenantId
from xtap.model.policies import BetaDefault, BetaPartner, PartnerTemplate
from xtap.model.rules import FALLBACKS, Strength, check
from xtap.model.settings import Applications, UsersAndGroups
from xtap.model.targets import MAX_TARGETS, check_targets

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
ID = "6f546279-4da5-4b53-a095-09ea0cef9971"
DEFAULT = msgspec.to_builtins(pristine.default(TENANT))
PARTNER = {"tenantId": ID}


def half(access: str, *targets: str, kind: str = "user") -> dict[str, Any]:
    return {"accessType": access, "targets": [{"target": target, "targetType": kind} for target in targets]}


def both(people: tuple[str, ...], apps: tuple[str, ...]) -> dict[str, Any]:
    return {"usersAndGroups": half(*people), "applications": half(*apps, kind="application")}


ALL_BLOCKED = both(("blocked", "AllUsers"), ("blocked", "AllApplications"))
EVERYBODY, SOME = ("allowed", "AllUsers"), ("allowed", ID)
ROWS: tuple[tuple[str, Any, str, dict[str, Any], list[str]], ...] = (
    ("everything blocked", BetaPartner, "b2bCollaborationInbound", ALL_BLOCKED, []),
    ("some and some", BetaPartner, "b2bCollaborationInbound", both(SOME, SOME), []),
    ("people only", BetaPartner, "b2bCollaborationInbound", {"usersAndGroups": half(*SOME)}, [""]),
    ("applications only", BetaPartner, "tenantRestrictions", {"applications": half(*SOME, kind="application")}, [""]),
    ("nothing", BetaPartner, "b2bCollaborationOutbound", {}, ["", ""]),
    (
        *("all users and one more", BetaPartner, "b2bCollaborationInbound", both((*EVERYBODY, ID), SOME)),
        [".usersAndGroups.targets"],
    ),
    (
        *("all applications and one more", BetaPartner, "b2bCollaborationOutbound"),
        *(both(EVERYBODY, ("allowed", ID, "AllApplications")), [".applications.targets"]),
    ),
    (
        *(
            "the 2021 keyword",
            BetaPartner,
            "b2bCollaborationOutbound",
            both(EVERYBODY, ("allowed", "AllMicrosoftApps")),
        ),
        [".applications.targets"],
    ),
    (
        *("nobody but some application", BetaPartner, "b2bCollaborationInbound"),
        *(both(("blocked", "AllUsers"), ("allowed", ID)), [".applications"]),
    ),
    (
        *("nobody and one application blocked", BetaPartner, "b2bCollaborationInbound"),
        *(both(("blocked", "AllUsers"), ("blocked", ID)), [".applications"]),
    ),
    (
        *("somebody but no application", BetaPartner, "tenantRestrictions"),
        *(both(EVERYBODY, ("blocked", "AllApplications")), [".usersAndGroups"]),
    ),
    (
        *("one blocked and no application", BetaPartner, "b2bDirectConnectOutbound"),
        *(both(("blocked", ID), ("blocked", "AllApplications")), [".usersAndGroups"]),
    ),
    (
        *("foreign ids in direct connect inbound", BetaPartner, "b2bDirectConnectInbound", both(SOME, SOME)),
        [".usersAndGroups.targets"],
    ),
    ("own ids in direct connect outbound", BetaPartner, "b2bDirectConnectOutbound", both(SOME, SOME), []),
    *(
        (f"foreign ids in the default {name}", BetaDefault, name, both(SOME, SOME), [".usersAndGroups.targets"])
        for name in ("b2bCollaborationInbound", "b2bDirectConnectInbound", "tenantRestrictions")
    ),
    *(
        (f"own ids in the default {name}", BetaDefault, name, both(SOME, SOME), [])
        for name in ("b2bCollaborationOutbound", "b2bDirectConnectOutbound")
    ),
    ("foreign ids in the template", PartnerTemplate, "b2bCollaborationInbound", both(SOME, SOME), []),
)


@pytest.mark.parametrize(("kind", "name", "value", "broken"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_strict_is_the_admin_center(kind: Any, name: str, value: dict[str, Any], broken: list[str]) -> None:
    bases: dict[Any, dict[str, Any]] = {BetaDefault: DEFAULT, BetaPartner: PARTNER, PartnerTemplate: {"id": ID}}
    base = bases[kind]
    document: Struct = msgspec.convert(base | {name: value}, kind)
    found = list(check(document, {name}, Strength.STRICT))
    assert [violation.path for violation in found] == [f"$.{name}{path}" for path in broken]
    assert {violation.code for violation in found} <= {"PortalRule"}
    assert list(check(document, {name}, Strength.COMPATIBLE)) == []
    assert list(check(document, set(), Strength.STRICT)) == []


PRIMARY = ("azureActiveDirectory", "externalFederation", "socialIdentityProviders")
REDEMPTIONS: tuple[tuple[tuple[str, ...], str, list[str]], ...] = (
    ((), "defaultConfiguredIdp", []),
    (PRIMARY, "emailOneTimePasscode", []),
    (PRIMARY[::-1], "microsoftAccount", []),
    ((*PRIMARY, PRIMARY[0]), "defaultConfiguredIdp", ["primaryIdentityProviderPrecedenceOrder"]),
    ((*PRIMARY, "microsoftAccount"), "defaultConfiguredIdp", ["primaryIdentityProviderPrecedenceOrder"]),
    (PRIMARY, "externalFederation", ["fallbackIdentityProvider"]),
    (
        ("microsoftAccount",) * 2,
        PRIMARY[0],
        ["primaryIdentityProviderPrecedenceOrder"] * 2 + ["fallbackIdentityProvider"],
    ),
)


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize(("primary", "fallback", "broken"), REDEMPTIONS)
def test_redemption_has_three_primary_and_three_fallback_providers(
    primary: tuple[str, ...], fallback: str, broken: list[str], strength: Strength
) -> None:
    name = "invitationRedemptionIdentityProviderConfiguration"
    value = {"primaryIdentityProviderPrecedenceOrder": primary, "fallbackIdentityProvider": fallback}
    document = msgspec.convert(DEFAULT | {name: value}, BetaDefault)
    found = [violation.path for violation in check(document, {name}, strength)]
    assert found == [f"$.{name}.{path}" for path in broken]


def test_three_providers_are_fallbacks():
    assert sorted(FALLBACKS) == ["defaultConfiguredIdp", "emailOneTimePasscode", "microsoftAccount"]


@pytest.mark.parametrize("count", [1, MAX_TARGETS, MAX_TARGETS + 1])
def test_the_number_of_targets_is_bounded(count: int) -> None:
    value = half("allowed", *[ID] * count)
    found = list(check_targets(value, UsersAndGroups, "$.x"))
    assert [violation.path for violation in found] == (["$.x.targets"] if count > MAX_TARGETS else [])


def test_other_types_have_no_targets():
    assert list(check_targets({"targets": "x"}, Applications, "$")) == []
    assert list(check_targets({}, Applications, "$")) == []
