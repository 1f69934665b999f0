"""What is recorded of each change: names of the audit reference, and old and new values as detections read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from xtap.errors import XtapError
from xtap.model import pristine
from xtap.model.audit import AuditRecord
from xtap.model.directory_audit import directory_audit
from xtap.model.ids import TenantId
from xtap.model.versions import BETA
from xtap.service import identity_sync, partners, singletons
from xtap.service.caller import Caller
from xtap.service.context import Call, Service
from xtap.service.permissions import PERMISSIONS
from xtap.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from xtap.model.schema import Document
    from xtap.service.singletons import Singleton

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
POLICY_ID = pristine.policy_id(TENANT)
PARTNER = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
APP = Caller(TENANT, "object", "client", "Our app", is_application=True, permissions=frozenset(PERMISSIONS))
TRUST: Document = {"isMfaAccepted": True}
CONSENT: Document = {"automaticUserConsentSettings": {"inboundAllowed": True}}


class Audited:
    """A service in memory whose clock and ids are known, and what it recorded."""

    def __init__(self) -> None:
        ids = count(1)
        now = datetime(2026, 11, 21, 13, 14, 15, 123_456, tzinfo=UTC)
        self.service = Service(MemoryStore(), now=lambda: now, new_id=lambda: f"record-{next(ids)}")
        self.call = Call(APP, BETA, "request-1")

    async def records(self) -> list[dict[str, Any]]:
        """Return what a client would read, oldest first."""
        entries = await self.service.store.audit(TENANT)
        made = [directory_audit(msgspec.json.decode(each.document, type=AuditRecord), TENANT) for _, each in entries]
        found: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(made))
        return sorted(found, key=lambda record: int(str(record["id"]).removeprefix("record-")))

    async def last(self, *steps: Awaitable[object]) -> dict[str, Any]:
        """Do some steps and return the record of the last one."""
        for step in steps:
            await step
        return (await self.records())[-1]


@pytest.fixture
def audited() -> Audited:
    return Audited()


def _modified(record: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    (target,) = record["targetResources"]
    return {each["displayName"]: (each["oldValue"], each["newValue"]) for each in target["modifiedProperties"]}


async def test_a_new_partner(audited: Audited) -> None:
    create = partners.create(audited.service, audited.call, {"tenantId": PARTNER, "inboundTrust": TRUST})
    record = await audited.last(create)
    (target,) = record.pop("targetResources")
    assert record == {
        "id": "record-1",
        "category": "CrossTenantAccessSettings",
        "correlationId": "request-1",
        "result": "success",
        "resultReason": "",
        "activityDisplayName": "Add a partner to cross-tenant access setting",
        "activityDateTime": "2026-11-21T13:14:15.123456Z",
        "loggedByService": "Core Directory",
        "operationType": "Add",
        "initiatedBy": {
            "app": {
                "appId": "client",
                "displayName": "Our app",
                "servicePrincipalId": "object",
                "servicePrincipalName": None,
            },
            "user": None,
        },
        "additionalDetails": [],
        "userAgent": None,
    }
    modified = target.pop("modifiedProperties")
    assert target == {
        "id": pristine.policy_id(TENANT),
        "displayName": f"CrossTenantAccessPolicy for {TENANT}",
        "type": "Policy",
        "userPrincipalName": None,
        "groupType": None,
    }
    assert modified[0] == {"displayName": "tenantId", "oldValue": None, "newValue": f'"{PARTNER}"'}
    trust = next(each for each in modified if each["displayName"] == "inboundTrust")
    assert json.loads(trust["newValue"])["isMfaAccepted"] is True


async def test_a_user_is_named_by_principal_name(audited: Audited) -> None:
    caller = Caller(
        TENANT,
        "user-object",
        "client",
        "admin@contoso.example",
        is_application=False,
        permissions=frozenset(PERMISSIONS),
        directory_roles=frozenset({"62e90394-69f5-4237-9190-012177145e10"}),
    )
    call = Call(caller, BETA, "request-1")
    record = await audited.last(singletons.update(audited.service, call, singletons.POLICY, {"displayName": "x"}))
    assert record["initiatedBy"] == {
        "app": None,
        "user": {
            "id": "user-object",
            "displayName": None,
            "userPrincipalName": "admin@contoso.example",
            "ipAddress": None,
        },
    }


SYNC_OFF: Document = {"userSyncInbound": {"isSyncAllowed": False}}
ROWS = {
    "Update a partner cross-tenant access setting": ("CrossTenantAccessSettings", "Update", POLICY_ID),
    "Delete partner specific cross-tenant access setting": ("CrossTenantAccessSettings", "Delete", POLICY_ID),
    "Create a partner cross-tenant identity sync setting": ("CrossTenantIdentitySyncSettings", "Add", PARTNER),
    "Update a partner cross-tenant identity sync setting": ("CrossTenantIdentitySyncSettings", "Update", PARTNER),
    "Delete a partner cross-tenant identity sync setting": ("CrossTenantIdentitySyncSettings", "Delete", PARTNER),
    "Update the company default cross-tenant access setting": ("CrossTenantAccessSettings", "Update", POLICY_ID),
    "Reset the cross-tenant access default setting": ("CrossTenantAccessSettings", "Update", POLICY_ID),
    "Update the company cross-tenant access setting": ("CrossTenantAccessSettings", "Update", POLICY_ID),
    "Update a multi tenant org partner configuration template": (
        *("MultiTenantOrgPartnerConfigurationTemplate", "Update"),
        None,
    ),
    "Reset a multi tenant org partner configuration template": (
        *("MultiTenantOrgPartnerConfigurationTemplate", "Update"),
        None,
    ),
    "Update a multi tenant org identity sync policy template": (
        *("MultiTenantOrgIdentitySyncPolicyUpdate", "Update"),
        None,
    ),
    "Reset a multi tenant org identity sync policy template": (
        *("MultiTenantOrgIdentitySyncPolicyUpdate", "Update"),
        None,
    ),
}


async def test_every_activity_has_the_name_and_category_of_the_reference(audited: Audited) -> None:
    service, call = audited.service, audited.call
    await partners.create(service, call, {"tenantId": PARTNER, **CONSENT})
    await partners.update(service, call, PARTNER, {"inboundTrust": TRUST})
    await identity_sync.put(service, call, PARTNER, SYNC_OFF)
    await identity_sync.put(service, call, PARTNER, {"displayName": "x"})
    await identity_sync.update(service, call, PARTNER, {"displayName": "y"})
    await identity_sync.delete(service, call, PARTNER)
    await partners.delete(service, call, PARTNER)
    resettable: tuple[Singleton[Any], ...] = (
        *(singletons.DEFAULT, singletons.PARTNER_TEMPLATE, singletons.SYNC_TEMPLATE),
    )
    for singleton in resettable:
        await singletons.update(service, call, singleton, {})
        await singletons.reset(service, call, singleton)
    await singletons.update(service, call, singletons.POLICY, {"displayName": "x"})
    found = {
        record["activityDisplayName"]: (
            *(record["category"], record["operationType"]),
            record["targetResources"][0]["id"],
        )
        for record in (await audited.records())[1:]
    }
    # an update that changes nothing may stay unrecorded; everything that is recorded has its name
    optional = {name for name in ROWS if "template" in name}
    assert {name: ROWS[name] for name in found} == found
    assert found.keys() >= ROWS.keys() - optional


async def test_old_and_new_values_are_json_texts(audited: Audited) -> None:
    add = partners.create(audited.service, audited.call, {"tenantId": PARTNER, "inboundTrust": TRUST})
    update = partners.update(audited.service, audited.call, PARTNER, {"inboundTrust": None, **CONSENT})
    modified = _modified(await audited.last(add, update))
    modified.pop("tenantId", None)
    old, new = modified.pop("inboundTrust")
    assert old is not None
    assert json.loads(old)["isMfaAccepted"] is True
    assert new in {None, "null"}
    old, new = modified.pop("automaticUserConsentSettings")
    assert old is not None
    assert new is not None
    assert json.loads(old) == {"inboundAllowed": None, "outboundAllowed": None}
    assert json.loads(new) == {"inboundAllowed": True, "outboundAllowed": None}
    assert modified == {}


async def test_texts_are_quoted(audited: Audited) -> None:
    rename = singletons.update(audited.service, audited.call, singletons.POLICY, {"displayName": 'a "b"'})
    assert _modified(await audited.last(rename)) == {
        "displayName": (f'"CrossTenantAccessPolicy for {TENANT}"', '"a \\"b\\""')
    }


async def test_what_is_deleted_is_in_the_old_values(audited: Audited) -> None:
    add = partners.create(audited.service, audited.call, {"tenantId": PARTNER, "inboundTrust": TRUST})
    modified = _modified(await audited.last(add, partners.delete(audited.service, audited.call, PARTNER)))
    assert modified["tenantId"] == (f'"{PARTNER}"', None)
    assert modified["inboundTrust"][0] is not None
    assert {new for _, new in modified.values()} == {None}


async def test_what_is_refused_is_not_recorded(audited: Audited) -> None:
    service, call = audited.service, audited.call
    for step in (
        partners.create(service, call, {"tenantId": "x"}),
        partners.update(service, call, PARTNER, {}),
        partners.delete(service, call, PARTNER),
        identity_sync.put(service, call, PARTNER, {}),
        singletons.update(service, call, singletons.DEFAULT, {"nope": 1}),
    ):
        with pytest.raises(XtapError):
            await step
    assert await audited.records() == []


async def test_what_changes_nothing_about_a_partner_is_not_recorded(audited: Audited) -> None:
    await partners.create(audited.service, audited.call, {"tenantId": PARTNER, "inboundTrust": TRUST})
    await partners.update(audited.service, audited.call, PARTNER, {})
    await partners.update(audited.service, audited.call, PARTNER, {"inboundTrust": TRUST, "tenantId": PARTNER})
    assert len(await audited.records()) == 1
