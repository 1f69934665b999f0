"""Every effective value has a row, and each row agrees with what the engine decides by."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import json

from tests.laws import drawn
from xtap.semantics import effective
from xtap.semantics.effective import Property
from xtap.semantics.listing import Row, listing
from xtap.semantics.loading import tenant_policy
from xtap.semantics.rules import RULES

if TYPE_CHECKING:
    from xtap.semantics.documents import TenantPolicy

USER = "bbbbbbbb-0000-4000-8000-0000000000b1"
REDEMPTION = "invitationRedemptionIdentityProviderConfiguration"


def policy(partner: dict[str, Any] | None = None, default: dict[str, Any] | None = None) -> TenantPolicy:
    partners: list[Any] = [{"tenantId": drawn.HOME} | partner] if partner is not None else []
    return tenant_policy({"tenantId": drawn.RESOURCE, "default": default, "partners": partners})


def rows(found: TenantPolicy) -> dict[str, Row]:
    listed = listing(found, drawn.HOME)
    assert len({row.setting for row in listed}) == len(listed)
    return {row.setting: row for row in listed}


def origin(found: TenantPolicy, setting: str) -> tuple[Any, str, bool, str]:
    row = rows(found)[setting]
    return row.value, row.origin, row.inherited, row.rule


@pytest.mark.parametrize("seed", range(200))
def test_rows_of_random_policies_are_the_effective_settings(seed: int):
    found = tenant_policy(drawn.tenant(Random(seed), drawn.RESOURCE, (drawn.HOME, drawn.THIRD)))
    listed = rows(found)
    assert {row.rule for row in listed.values()} <= {*RULES}
    assert all(row.inherited == (row.origin != "partner") for row in listed.values())
    for name in Property:
        setting = effective.setting(found, drawn.HOME, name)
        if setting is None:
            assert listed[name].value is None
            continue
        for half, sourced in (("usersAndGroups", setting.users_and_groups), ("applications", setting.applications)):
            row = listed[f"{name}.{half}"]
            assert (row.value, row.origin, row.rule) == (
                json.decode(json.encode(sourced.value)),
                sourced.origin,
                sourced.rule,
            )


def test_each_flag_has_the_origin_of_who_set_it():
    flag = "inboundTrust.isMfaAccepted"
    on = {"inboundTrust": {"isMfaAccepted": True}}
    assert origin(policy(on), flag) == (True, "partner", False, "XT-INH-6")
    assert origin(policy({}, on), flag) == (True, "default", True, "XT-INH-2")
    assert origin(policy(), flag) == (False, "serviceDefault", True, "XT-INH-3")
    other = {"inboundTrust": {"isCompliantDeviceAccepted": True}}
    assert origin(policy(other, on), flag) == (False, "partner", False, "XT-INH-6")


def test_consent_stands_in_partner_entries_only():
    flag = "automaticUserConsentSettings.outboundAllowed"
    mine = {"automaticUserConsentSettings": {"outboundAllowed": True}}
    assert origin(policy(mine), flag) == (True, "partner", False, "XT-INH-5")
    assert origin(policy({}, mine), flag) == (False, "serviceDefault", True, "XT-INH-5")


def test_service_providers_and_synchronization():
    blocked = "blockServiceProviderOutboundAccess"
    assert origin(policy({blocked: True}), blocked) == (True, "partner", False, "XT-INH-1")
    assert origin(policy({}, {blocked: True}), blocked) == (True, "default", True, "XT-INH-2")
    sync = "identitySynchronization.userSyncInbound.isSyncAllowed"
    entry = {"identitySynchronization": {"userSyncInbound": {"isSyncAllowed": True}}}
    assert origin(policy(entry), sync) == (True, "partner", False, "XT-SYNC-3")
    assert origin(policy({"identitySynchronization": {}}), sync) == (False, "serviceDefault", True, "XT-SYNC-3")


def test_the_redemption_order_is_the_default_policys():
    order = {
        "primaryIdentityProviderPrecedenceOrder": ["externalFederation"],
        "fallbackIdentityProvider": "microsoftAccount",
    }
    own = policy({}, {REDEMPTION: order})
    assert origin(own, REDEMPTION) == (order, "default", True, "XT-INH-2")
    assert rows(own)[REDEMPTION].words == "externalFederation; otherwise microsoftAccount"
    assert origin(policy(), REDEMPTION)[1:] == ("serviceDefault", True, "XT-INH-3")
    assert rows(policy())[REDEMPTION].words.startswith("azureActiveDirectory, then externalFederation, then ")


def test_restrictions_that_nobody_created_are_told():
    row = rows(policy())["tenantRestrictions"]
    assert (row.words, row.value, row.rule) == ("not created: nothing is enforced", None, "XT-TR-2")
    created = rows(policy({}, {"tenantRestrictions": {}}))
    assert "tenantRestrictions" not in created
    assert created["tenantRestrictions.applications"].words == "blocked: AllApplications"


def test_long_lists_are_shortened_in_words_only():
    users = [{"target": f"bbbbbbbb-0000-4000-8000-0000000000b{n}", "targetType": "user"} for n in range(5)]
    half = {"usersAndGroups": {"accessType": "blocked", "targets": users}}
    row = rows(policy({"b2bCollaborationInbound": half}))["b2bCollaborationInbound.usersAndGroups"]
    assert row.words.endswith(f"user {users[2]['target']} and 2 more")
    assert row.value == half["usersAndGroups"]


def test_an_access_type_that_no_rule_knows_is_told_to_block():
    half = {"usersAndGroups": {"accessType": "welcome", "targets": [{"target": "AllUsers", "targetType": "user"}]}}
    row = rows(policy({"b2bCollaborationInbound": half}))["b2bCollaborationInbound.usersAndGroups"]
    assert row.words == "'welcome' is not known and blocks: AllUsers"
