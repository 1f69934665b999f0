"""What nobody configured: data that a reader can check against the sources it names."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from xtap.model import pristine
from xtap.model.ids import TenantId
from xtap.model.rules import Strength, check
from xtap.model.schema import properties

A, B = (TenantId(f"{digit * 8}-0000-4000-8000-000000000000") for digit in "ab")
PARTNER = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
REFERENCE = Path(__file__).parents[4] / "shared" / "data" / "service_default.json"
BOTH_ALL = {
    "usersAndGroups": [("AllUsers", "user")],
    "applications": [("AllApplications", "application")],
}
SINGLETONS = (
    *(pristine.policy, pristine.default, pristine.partner_template, pristine.sync_template, pristine.templates),
)


def _default() -> dict[str, object]:
    shown: dict[str, object] = json.loads(msgspec.json.encode(pristine.default(A)))
    return shown


def test_collaboration_is_allowed_and_direct_connect_blocked():
    wanted = {"b2bCollaboration": "allowed", "b2bDirectConnect": "blocked"}
    for channel, access in wanted.items():
        for way in ("Inbound", "Outbound"):
            setting = _default()[f"{channel}{way}"]
            assert isinstance(setting, dict)
            for half, targets in BOTH_ALL.items():
                found = [(each["target"], each["targetType"]) for each in setting[half]["targets"]]
                assert (setting[half]["accessType"], found) == (access, targets)


def test_nothing_is_trusted_and_nobody_redeems_by_himself():
    default = _default()
    assert set(_values(default["inboundTrust"])) == {False}
    assert default["automaticUserConsentSettings"] == {"inboundAllowed": False, "outboundAllowed": False}
    assert default["isServiceDefault"] is True
    assert default["tenantRestrictions"] is None
    assert default["blockServiceProviderOutboundAccess"] is False


def _values(value: object) -> list[object]:
    assert isinstance(value, dict)
    return list(value.values())


def test_the_service_default_breaks_no_rule():
    default = pristine.default(A)
    assert list(check(default, properties(type(default)), Strength.STRICT)) == []


def test_created_tenant_restrictions_block_everything():
    shown = json.loads(msgspec.json.encode(pristine.CREATED_TENANT_RESTRICTIONS))
    assert shown.pop("devices") is None
    assert {half: each["accessType"] for half, each in shown.items()} == dict.fromkeys(BOTH_ALL, "blocked")


def test_the_data_says_when_and_from_where():
    data = json.loads(files("xtap.model").joinpath("service_default.json").read_bytes())
    assert re.fullmatch(r"20\d\d-\d\d", pristine.SERVICE_DEFAULT_AS_OF)
    assert data["asOf"] == pristine.SERVICE_DEFAULT_AS_OF
    assert all(source.startswith("https://") for source in data["sources"])


def test_a_new_partner_configures_nothing():
    shown = json.loads(msgspec.json.encode(pristine.partner(PARTNER)))
    assert shown.pop("tenantId") == PARTNER
    assert shown.pop("automaticUserConsentSettings") == {"inboundAllowed": None, "outboundAllowed": None}
    assert set(shown.values()) == {None, False}
    assert {name for name, value in shown.items() if value is False} == {
        "isInMultiTenantOrganization",
    }


def test_ids_of_singletons_are_guids_that_stay_and_differ():
    ids = [make(tenant).id for tenant in (A, B) for make in SINGLETONS]
    assert ids == [make(tenant).id for tenant in (A, B) for make in SINGLETONS]
    assert pristine.default(A).id == pristine.policy(A).id  # one object, as captured from the service
    assert len(set(ids)) == 2 * (len(SINGLETONS) - 1)
    assert {UUID(each).version for each in ids} == {5}
    assert all(each == str(UUID(each)) for each in ids)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the collected service default is not in this checkout")
def test_every_property_is_that_of_the_collected_data():
    text = REFERENCE.read_text()
    default = _default()
    for name in ("b2bCollaborationInbound", "inboundTrust", "invitationRedemptionIdentityProviderConfiguration"):
        assert name in text
        assert name in default
    shown = json.loads(text)
    known = next(value for value in _objects(shown) if "b2bCollaborationInbound" in value and "inboundTrust" in value)
    for name in known.keys() & default.keys() - {"id", "tenantRestrictions"}:
        assert default[name] == known[name], name


def _objects(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [value, *(found for each in value.values() for found in _objects(each))]
    if isinstance(value, list):
        return [found for each in value for found in _objects(each)]
    return []
