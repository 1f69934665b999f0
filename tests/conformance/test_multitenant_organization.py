"""Several tenants of one server play: they create an organization, join, change roles, leave, and read of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.stage import MTO, POLICY, Stage, ids, opened
from xtap.model.directory import Tenant
from xtap.model.ids import DIRECTORY
from xtap.model.membership import ACTIVE_LIMIT
from xtap.service import tenants

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEMPLATES = f"{POLICY}/templates"
PARTNER_TEMPLATE = f"{TEMPLATES}/multiTenantOrganizationPartnerConfiguration"
SYNC_TEMPLATE = f"{TEMPLATES}/multiTenantOrganizationIdentitySynchronization"
TRUST = {"isMfaAccepted": True, "isCompliantDeviceAccepted": False, "isHybridAzureADJoinedDeviceAccepted": False}
CONSENT = {"inboundAllowed": True, "outboundAllowed": True}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(tmp_path) as made:
        yield made


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on which joining takes two hours."""
    async with opened(tmp_path, timedelta(hours=2)) as made:
        yield made


async def test_a_tenant_that_was_added_joins(stage: Stage):
    await stage.create()
    await stage.add("b")
    assert await stage.members("a") == {"a": ("owner", "active"), "b": ("member", "pending")}
    assert await stage.members("b") == {}
    assert (await stage.ask("b", "GET", MTO))["state"] == "inactive"
    assert (await stage.request_of("b"))["memberState"] is None
    await stage.join("b")
    both = {"a": ("owner", "active"), "b": ("member", "active")}
    assert await stage.members("a") == await stage.members("b") == both
    assert await stage.ask("a", "GET", MTO) == await stage.ask("b", "GET", MTO)
    request = await stage.request_of("b")
    assert (request["addedByTenantId"], request["memberState"], request["role"]) == (ids("a"), "active", "member")
    assert request["transitionDetails"] is None
    joined = await stage.ask("a", "GET", f"{MTO}/tenants/{ids('b')}")
    assert joined["joinedDateTime"] == "2026-11-21T12:00:00Z"


async def test_everybody_becomes_a_partner_of_everybody_else(stage: Stage):
    await stage.gather("b", "c")
    assert await stage.partners("a") == {"b": True, "c": True}
    assert await stage.partners("b") == {"a": True, "c": True}
    assert await stage.partners("c") == {"a": True, "b": True}
    assert await stage.partners("d") == {}


async def test_each_tenant_applies_its_own_templates(stage: Stage):
    await stage.ask("a", "PATCH", PARTNER_TEMPLATE, {"inboundTrust": TRUST, "automaticUserConsentSettings": CONSENT})
    await stage.ask("a", "PATCH", SYNC_TEMPLATE, {"userSyncInbound": {"isSyncAllowed": True}})
    await stage.ask("b", "PATCH", PARTNER_TEMPLATE, {"templateApplicationLevel": "none", "inboundTrust": TRUST})
    await stage.ask("c", "PATCH", PARTNER_TEMPLATE, {"templateApplicationLevel": "newPartners", "inboundTrust": TRUST})
    await stage.ask("c", "POST", f"{POLICY}/partners", {"tenantId": ids("b")})
    await stage.gather("b", "c")
    for other in ("b", "c"):
        partner = await stage.partner("a", other)
        assert (partner["inboundTrust"], partner["automaticUserConsentSettings"]) == (TRUST, CONSENT)
        sync = await stage.ask("a", "GET", f"{POLICY}/partners/{ids(other)}/identitySynchronization")
        assert sync["userSyncInbound"] == {"isSyncAllowed": True}
        assert (await stage.partner("b", "a"))["inboundTrust"] is None
    assert (await stage.partner("c", "a"))["inboundTrust"] == TRUST
    existed = await stage.partner("c", "b")
    assert (existed["inboundTrust"], existed["isInMultiTenantOrganization"]) == (None, True)
    await stage.ask("b", "GET", f"{POLICY}/partners/{ids('a')}/identitySynchronization", status=404)


async def test_templates_are_applied_once(stage: Stage):
    await stage.ask("a", "PATCH", PARTNER_TEMPLATE, {"inboundTrust": TRUST})
    await stage.gather("b")
    await stage.ask("a", "PATCH", PARTNER_TEMPLATE, {"inboundTrust": {"isMfaAccepted": False}})
    await stage.ask("a", "PATCH", f"{POLICY}/partners/{ids('b')}", {"inboundTrust": None})
    await stage.add("c")
    await stage.join("c")
    assert (await stage.partner("a", "b"))["inboundTrust"] is None
    assert (await stage.partner("a", "c"))["inboundTrust"]["isMfaAccepted"] is False


async def test_leaving_undoes_nothing(stage: Stage):
    await stage.ask("a", "PATCH", PARTNER_TEMPLATE, {"inboundTrust": TRUST, "automaticUserConsentSettings": CONSENT})
    await stage.gather("b", "c")
    before = await stage.partner("a", "b")
    await stage.ask("b", "DELETE", f"{MTO}/tenants/{ids('b')}")
    assert await stage.partner("a", "b") == before | {"isInMultiTenantOrganization": False}
    assert await stage.partners("b") == {"a": False, "c": False}
    assert await stage.partners("a") == {"b": False, "c": True}
    assert (await stage.ask("b", "GET", MTO))["state"] == "inactive"
    assert (await stage.request_of("b"))["addedByTenantId"] == DIRECTORY
    assert await stage.members("a") == {"a": ("owner", "active"), "c": ("member", "active")}


async def test_who_left_may_be_added_again(stage: Stage):
    await stage.gather("b")
    await stage.ask("a", "DELETE", f"{MTO}/tenants/{ids('b')}")
    await stage.add("b", role="owner")
    await stage.join("b")
    assert await stage.partners("a") == {"b": True}
    assert (await stage.members("a"))["b"] == ("owner", "active")


async def test_a_partner_that_is_added_again_is_marked(stage: Stage):
    await stage.gather("b")
    await stage.ask("a", "DELETE", f"{POLICY}/partners/{ids('b')}")
    made = await stage.ask("a", "POST", f"{POLICY}/partners", {"tenantId": ids("b")})
    assert made["isInMultiTenantOrganization"] is True
    await stage.ask("a", "DELETE", f"{POLICY}/partners/{ids('b')}")
    await stage.ask("b", "DELETE", f"{MTO}/tenants/{ids('b')}")
    made = await stage.ask("a", "POST", f"{POLICY}/partners", {"tenantId": ids("b")})
    assert made["isInMultiTenantOrganization"] is False


async def _delete_partner(stage: Stage, tenant: str, other: str) -> None:
    """Delete a partner with its synchronization policy, if it has one."""
    partner = f"{POLICY}/partners/{ids(other)}"
    if (await stage.ask(tenant, "GET", f"{partner}?$expand=identitySynchronization"))["identitySynchronization"]:
        await stage.ask(tenant, "DELETE", f"{partner}/identitySynchronization", status=204)
    await stage.ask(tenant, "DELETE", partner, status=204)


async def _restore_partner(stage: Stage, tenant: str, other: str, status: int) -> dict[str, Any]:
    path = f"/policies/deletedItems/crossTenantPartners/{ids(other)}/restore"
    restored: dict[str, Any] = await stage.ask(tenant, "POST", path, status=status, version="beta")
    return restored


async def test_a_partner_that_left_while_it_was_deleted_is_restored_without_the_mark(stage: Stage):
    await stage.gather("b")
    await _delete_partner(stage, "a", "b")
    await stage.ask("b", "DELETE", f"{MTO}/tenants/{ids('b')}", status=204)
    assert (await _restore_partner(stage, "a", "b", 200))["isInMultiTenantOrganization"] is False
    assert await stage.partners("a") == {"b": False}


async def test_a_partner_that_is_still_there_is_restored_with_the_mark(stage: Stage):
    await stage.gather("b")
    await _delete_partner(stage, "a", "b")
    assert (await _restore_partner(stage, "a", "b", 200))["isInMultiTenantOrganization"] is True
    assert await stage.partners("a") == {"b": True}


async def test_a_join_does_not_take_a_partner_out_of_the_bin(stage: Stage):
    await stage.ask("a", "POST", f"{POLICY}/partners", {"tenantId": ids("b"), "inboundTrust": TRUST})
    await _delete_partner(stage, "a", "b")
    await stage.gather("b")
    joined = await stage.partner("a", "b")
    assert (joined["isInMultiTenantOrganization"], joined["inboundTrust"]) == (True, None)
    await _restore_partner(stage, "a", "b", 409)
    await stage.ask("a", "DELETE", f"/directory/deletedItems/{ids('b')}", status=204)
    assert await stage.partner("a", "b") == joined


async def test_a_partner_deleted_before_a_join_is_restored_with_the_mark(slow: Stage):
    await slow.create()
    await slow.ask("a", "POST", f"{POLICY}/partners", {"tenantId": ids("b"), "inboundTrust": TRUST})
    await _delete_partner(slow, "a", "b")
    await slow.add("b")
    await slow.join("b")
    slow.time += timedelta(hours=2)
    await slow.ask("a", "DELETE", f"{POLICY}/partners/{ids('b')}", status=204)
    assert (await _restore_partner(slow, "a", "b", 200))["isInMultiTenantOrganization"] is True


async def test_a_time_may_be_sent_back_in_another_spelling(stage: Stage):
    """The Python SDK writes ``+00:00`` for ``Z``."""
    await stage.create()
    before = await stage.ask("a", "GET", MTO)
    assert before["createdDateTime"] == "2026-11-21T12:00:00Z"
    for same in ("2026-11-21T12:00:00+00:00", "2026-11-21T13:00:00.000+01:00"):
        await stage.ask("a", "PATCH", MTO, {"createdDateTime": same})
    for other in ("2026-11-21T12:00:00", "2026-11-21T12:00:01Z", "now"):
        await stage.ask("a", "PATCH", MTO, {"createdDateTime": other}, status=400)
    assert await stage.ask("a", "GET", MTO) == before


async def test_only_owners_change_the_organization(stage: Stage):
    await stage.gather("b", "c")
    for method, path, body in (
        ("PATCH", MTO, {"displayName": "x"}),
        ("POST", f"{MTO}/tenants", {"tenantId": ids("d")}),
        ("PATCH", f"{MTO}/tenants/{ids('b')}", {"role": "owner"}),
        ("DELETE", f"{MTO}/tenants/{ids('c')}", None),
    ):
        answer = await stage.ask("b", method, path, body, status=403)
        assert answer["error"]["code"] == "Authorization_RequestDenied"
    await stage.ask("a", "PATCH", f"{MTO}/tenants/{ids('b')}", {"role": "owner"})
    await stage.ask("b", "PATCH", MTO, {"displayName": "renamed"})
    assert (await stage.ask("c", "GET", MTO))["displayName"] == "renamed"
    assert (await stage.request_of("b"))["role"] == "owner"


async def test_a_pending_owner_is_no_owner_yet(stage: Stage):
    await stage.create()
    await stage.add("b", role="owner")
    await stage.ask("b", "PATCH", MTO, {"displayName": "x"}, status=404)
    await stage.ask("a", "PATCH", f"{MTO}/tenants/{ids('a')}", {"role": "member"}, status=400)
    await stage.join("b")
    await stage.ask("a", "PATCH", f"{MTO}/tenants/{ids('a')}", {"role": "member"})
    assert await stage.members("b") == {"a": ("member", "active"), "b": ("owner", "active")}


async def test_owners_and_the_creator_are_not_removed(stage: Stage):
    await stage.gather("b", role="owner")
    for by, whom in (("a", "b"), ("b", "b"), ("b", "a"), ("a", "a")):
        await stage.ask(by, "DELETE", f"{MTO}/tenants/{ids(whom)}", status=400)
    await stage.ask("b", "PATCH", f"{MTO}/tenants/{ids('a')}", {"role": "member"})
    for by in ("a", "b"):
        answer = await stage.ask(by, "DELETE", f"{MTO}/tenants/{ids('a')}", status=400)
        assert "created the organization" in answer["error"]["message"]
    assert set(await stage.members("a")) == {"a", "b"}


async def test_an_owner_that_became_a_member_may_leave(stage: Stage):
    await stage.gather("b", role="owner")
    await stage.ask("b", "PATCH", f"{MTO}/tenants/{ids('b')}", {"role": "member"})
    await stage.ask("b", "DELETE", f"{MTO}/tenants/{ids('b')}")
    assert set(await stage.members("a")) == {"a"}


@pytest.mark.parametrize("last", ["a", "b"])
async def test_the_last_owner_ends_the_organization_for_all(stage: Stage, last: str):
    await stage.gather("b", "c", role="owner")
    for each in sorted({"a", "b", "c"} - {last}):
        await stage.ask(last, "PATCH", f"{MTO}/tenants/{ids(each)}", {"role": "member"})
    await stage.add("d", by=last)
    await stage.ask(last, "DELETE", f"{MTO}/tenants/{ids(last)}")
    for each in ("a", "b", "c"):
        assert (await stage.ask(each, "GET", MTO))["state"] == "inactive"
        assert await stage.partners(each) == dict.fromkeys(sorted({"a", "b", "c"} - {each}), False)
    await stage.join("d", by=last)
    assert (await stage.request_of("d"))["transitionDetails"]["status"] == "failed"


async def test_a_tenant_is_in_one_organization(stage: Stage):
    await stage.create("a")
    await stage.create("b")
    for owner in ("a", "b"):
        await stage.add("c", by=owner)
        await stage.ask(owner, "POST", f"{MTO}/tenants", {"tenantId": ids({"a": "b", "b": "a"}[owner])})
    await stage.join("c", by="a")
    for tenant, by in (("c", "b"), ("a", "b"), ("b", "a")):
        await stage.ask(tenant, "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": ids(by)}, status=400)
    await stage.ask("c", "PUT", MTO, {"displayName": "own"}, status=400)
    await stage.ask("c", "DELETE", f"{MTO}/tenants/{ids('c')}")
    await stage.join("c", by="b")
    assert (await stage.members("b"))["c"] == ("member", "active")
    assert "c" not in await stage.members("a")


async def test_an_invitation_counts_by_the_tenant_that_made_it(stage: Stage):
    await stage.gather("b", role="owner")
    await stage.add("c", by="b")
    await stage.join("c", by="a")
    assert (await stage.request_of("c"))["transitionDetails"]["status"] == "failed"
    assert (await stage.ask("b", "GET", f"{MTO}/tenants/{ids('c')}"))["transitionDetails"] is None
    await stage.ask("c", "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": DIRECTORY})
    await stage.join("c", by="b")
    assert (await stage.members("c"))["c"] == ("member", "active")


async def test_not_invited_and_no_organization_look_alike(stage: Stage):
    await stage.create("a")
    details = set()
    for by in ("a", "b"):
        await stage.join("c", by=by)
        details.add((await stage.request_of("c"))["transitionDetails"]["details"].replace(ids(by), "<tenant>"))
        await stage.ask("c", "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": DIRECTORY})
    assert len(details) == 1


async def test_a_hundred_tenants_are_active_and_more_may_wait(stage: Stage):
    await stage.create()
    others = [f"tenant {number}" for number in range(ACTIVE_LIMIT)]
    for each in others:
        await tenants.add(stage.store, Tenant(id=ids(each), display_name=each))
        await stage.add(each)
    for each in others[:-1]:
        await stage.join(each)
    states = [state for _, state in (await stage.members("a")).values()]
    assert len(states) == 100, "one page, and the last tenant is on the next"
    await stage.join(others[-1])
    request = await stage.request_of(others[-1])
    assert request["transitionDetails"]["status"] == "failed"
    assert "100 active tenants" in request["transitionDetails"]["details"]
    assert (await stage.ask("a", "GET", f"{MTO}/tenants/{ids(others[-1])}"))["state"] == "pending"
    await stage.ask("a", "DELETE", f"{MTO}/tenants/{ids(others[0])}")
    await stage.ask(others[-1], "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": DIRECTORY})
    await stage.join(others[-1])
    assert (await stage.request_of(others[-1]))["memberState"] == "active"
    assert len((await stage.ask(others[-1], "GET", f"{POLICY}/partners?$top=999"))["value"]) == 99


async def test_joining_takes_time(slow: Stage):
    await slow.create()
    await slow.add("b", role="owner")
    await slow.join("b")
    slow.time += timedelta(hours=2, microseconds=-1)
    request = await slow.request_of("b")
    assert (request["memberState"], request["role"]) == ("pending", None)
    assert request["transitionDetails"] == {"desiredMemberState": "active", "status": "notStarted", "details": ""}
    member = await slow.ask("a", "GET", f"{MTO}/tenants/{ids('b')}")
    waiting = {"desiredState": "active", "desiredRole": "owner", "status": "notStarted", "details": None}
    assert (member["state"], member["transitionDetails"]) == ("pending", waiting)
    assert await slow.partners("a") == {}
    await slow.join("b")
    slow.time += timedelta(days=3)
    assert await slow.partners("a") == {"b": True}
    member = await slow.ask("a", "GET", f"{MTO}/tenants/{ids('b')}")
    assert (member["state"], member["transitionDetails"]) == ("active", None)
    assert member["joinedDateTime"] == "2026-11-21T14:00:00Z"


async def test_a_join_that_waits_is_taken_back(slow: Stage):
    await slow.create()
    await slow.add("b")
    await slow.join("b")
    await slow.ask("b", "PUT", MTO, {"displayName": "own"}, status=400)
    await slow.ask("b", "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": ids("c")}, status=400)
    await slow.ask("b", "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": DIRECTORY})
    slow.time += timedelta(hours=3)
    assert (await slow.members("a"))["b"] == ("member", "pending")
    assert (await slow.request_of("b"))["memberState"] is None


async def test_whether_a_tenant_can_join_is_seen_when_it_does(slow: Stage):
    await slow.create()
    await slow.add("b")
    await slow.join("b")
    await slow.join("c")
    slow.time += timedelta(hours=1)
    await slow.ask("a", "DELETE", f"{MTO}/tenants/{ids('b')}")
    await slow.add("c")
    slow.time += timedelta(hours=1)
    assert (await slow.request_of("b"))["transitionDetails"]["status"] == "failed"
    assert await slow.members("a") == {"a": ("owner", "active"), "c": ("member", "active")}


async def test_every_tenant_reads_of_changes_and_only_the_authors_of_their_names(stage: Stage):
    await stage.gather("b")
    await stage.ask("a", "PATCH", f"{MTO}/tenants/{ids('b')}", {"role": "owner"})
    await stage.ask("b", "PATCH", MTO, {"displayName": "renamed"})
    await stage.ask("a", "PATCH", f"{MTO}/tenants/{ids('b')}", {"role": "member"})
    await stage.ask("a", "PATCH", f"{MTO}/tenants/{ids('b')}", {"role": "member"})
    await stage.ask("b", "DELETE", f"{MTO}/tenants/{ids('b')}")
    await stage.ask("a", "DELETE", f"{MTO}/tenants/{ids('a')}")
    organization = (await stage.told("a"))[0][1]
    a, b, other = "app of a", "app of b", "Multitenant organization"
    entry, update = "Add a partner to cross-tenant access setting", "Update a partner cross-tenant access setting"
    assert await stage.told("a") == [
        ("Create a MultiTenantOrg", organization, a),
        ("Add MultiTenantOrg tenant", ids("b"), a),
        ("Tenant joining MultiTenantOrg tenant", ids("b"), other),
        (entry, ids("b"), other),
        ("Update MultiTenantOrg tenant", ids("b"), a),
        ("Update a MultiTenantOrg", organization, other),
        ("Update MultiTenantOrg tenant", ids("b"), a),
        ("Delete MultiTenantOrg tenant", ids("b"), other),
        (update, ids("b"), other),
        ("Hard Delete MultiTenantOrg", organization, a),
    ]
    assert await stage.told("b") == [
        ("Tenant joining MultiTenantOrg tenant", ids("b"), b),
        (entry, ids("a"), b),
        ("Update MultiTenantOrg tenant", ids("b"), other),
        ("Update a MultiTenantOrg", organization, b),
        ("Update MultiTenantOrg tenant", ids("b"), other),
        ("Delete MultiTenantOrg tenant", ids("b"), b),
        (update, ids("a"), b),
    ]
