"""Stories that chance tells too seldom: each joins areas whose faults showed in changed copies of the code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.laws.plain_bodies import SOMEBODY, TEMPLATE
from tests.laws.test_model import DELETED, IDS, MTO, POLICY, Playing

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B, C = IDS
CONSENT = {"automaticUserConsentSettings": {"inboundAllowed": True}}
PARTNER = f"{POLICY}/partners/{SOMEBODY}"
SYNC = f"{PARTNER}/identitySynchronization"


@pytest.fixture
def played() -> Iterator[Playing]:
    """A world that is empty; at the end it is looked at as a whole, after a restart."""
    playing = Playing()
    playing.open(0)
    yield playing
    playing.teardown()


def put_sync(played: Playing, body: dict[str, Any], version: str) -> None:
    played.both(A, "PUT", SYNC, body, lambda plain: plain.put_sync(SOMEBODY, body, version), version)


def give_role(played: Playing, by: str, tenant: str, role: str) -> None:
    path = f"{MTO}/tenants/{tenant}"
    played.all(by, "PATCH", path, {"role": role}, lambda plain: plain.change_role(by, tenant, role))


def gather(played: Playing, *others: str) -> None:
    played.create(A, {"displayName": "x"})
    for other in others:
        played.add(A, other, {})
        played.ask_to_join(other, A)


def test_a_sync_policy_comes_back_only_while_it_may_exist(played: Playing) -> None:
    played.add_partner(A, SOMEBODY, CONSENT)
    put_sync(played, {"userSyncInbound": {"isSyncAllowed": True}}, "v1.0")
    played.delete(A, "sync", SOMEBODY)
    taken_back = {"automaticUserConsentSettings": {"inboundAllowed": False}}
    played.both(A, "PATCH", PARTNER, taken_back, lambda plain: plain.change_partner(SOMEBODY, taken_back))
    path = f"{DELETED}/crossTenantSyncPolicyPartners/{SOMEBODY}/restore"
    played.both(A, "POST", path, None, lambda plain: plain.restore_sync(SOMEBODY), "beta")
    assert not played.plain.tenants[A].syncs


def test_a_replacement_through_v1_keeps_what_it_does_not_show(played: Playing) -> None:
    played.add_partner(A, SOMEBODY, CONSENT)
    put_sync(played, {"groupSyncInbound": {"isSyncAllowed": True}, "displayName": "x"}, "beta")
    put_sync(played, {"displayName": "y"}, "v1.0")
    assert played.plain.tenants[A].syncs[SOMEBODY]["groupSyncInbound"] == {"isSyncAllowed": True}


def test_a_template_for_new_partners_leaves_those_that_are_there(played: Playing) -> None:
    played.add_partner(A, B, {})
    body = {"templateApplicationLevel": "newPartners", "inboundTrust": {"isMfaAccepted": True}}
    path = f"{POLICY}{TEMPLATE}PartnerConfiguration"
    played.both(A, "PATCH", path, body, lambda plain: plain.change("partner_template", body))
    gather(played, B, C)
    played.look(A)
    trusts = {key: partner["inboundTrust"] for key, partner in played.plain.tenants[A].partners.items()}
    assert trusts[B] is None
    assert trusts[C] is not None


def test_who_created_an_organization_stays_even_when_demoted(played: Playing) -> None:
    gather(played, B)
    give_role(played, A, B, "owner")
    give_role(played, B, A, "member")
    played.all(B, "DELETE", f"{MTO}/tenants/{A}", None, lambda plain: plain.remove(B, A))
    assert played.plain.of(A) is not None


def test_an_invitation_is_of_the_tenant_that_sent_it(played: Playing) -> None:
    gather(played, B)
    give_role(played, A, B, "owner")
    played.add(A, C, {})
    played.ask_to_join(C, B)
    assert played.plain.of(C) is None


def test_a_change_that_changes_nothing_has_no_time(played: Playing) -> None:
    body, name = {"inboundAccess": {"isAllowed": True}}, "crossTenantMailTipsAll"
    path, sent = f"{POLICY}/default/m365Capabilities", {"@odata.type": f"#microsoft.graph.{name}"} | body
    played.both(A, "POST", path, sent, lambda plain: plain.add_capability("default", name, body))
    played.plain.time += timedelta(hours=1)
    played.real.time += timedelta(hours=1)
    played.both(A, "PATCH", f"{path}/{name}", body, lambda plain: plain.change_capability("default", name, body))
    played.look(A)
