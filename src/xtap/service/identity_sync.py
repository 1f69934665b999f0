"""The identity synchronization policy of a partner: at most one, created or replaced by PUT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json, structs

from xtap.errors import InvalidInput, NotFound, NothingToUpdate, PolicyViolation
from xtap.model import pristine
from xtap.model.audit import Activity
from xtap.model.editing import edit
from xtap.model.objects import Kind
from xtap.model.policies import BetaIdentitySync, BetaPartner, IdentitySync
from xtap.service.audit import Modification, change
from xtap.service.partners import no_such_object
from xtap.service.permissions import Operation, require
from xtap.service.recycle_bin import put_away
from xtap.store.protocol import Change

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.service.context import Call, Service
    from xtap.store.snapshot import Snapshot


async def read(service: Service, call: Call, tenant_id: TenantId) -> bytes:
    """Return the stored synchronization policy of one partner.

    Raises:
        Forbidden: the caller may not read it; reading partners is not enough.
        NotFound: the partner has none, or is not there.
    """
    require(call.caller, Operation.READ_IDENTITY_SYNC)
    snapshot = await service.store.snapshot(call.caller.tenant)
    stored = snapshot.get(Kind.IDENTITY_SYNC, tenant_id)
    if stored is None:
        raise no_such_object(tenant_id)
    return stored


async def put(service: Service, call: Call, tenant_id: TenantId, body: Document) -> None:
    """Create the synchronization policy, or replace it whole.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: there is no such partner.
        InvalidInput: the body breaks rules.
        PolicyViolation: inbound synchronization without automatic redemption.
    """
    await _write(service, call, tenant_id, body, replace=True)


async def update(service: Service, call: Call, tenant_id: TenantId, body: Document) -> None:
    """Change the properties of the synchronization policy that the body names.

    Raises:
        Forbidden: the caller may not write it.
        NothingToUpdate: the partner has none, or is not there.
        InvalidInput: the body breaks rules.
        PolicyViolation: inbound synchronization without automatic redemption.
    """
    await _write(service, call, tenant_id, body, replace=False)


async def delete(service: Service, call: Call, tenant_id: TenantId) -> None:
    """Remove the synchronization policy. It can be restored for 30 days.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: the partner has none, or is not there.
    """
    require(call.caller, Operation.WRITE_IDENTITY_SYNC)

    def decide(snapshot: Snapshot) -> Change:
        before = _current(snapshot, tenant_id)
        if before is None:
            raise no_such_object(tenant_id)
        done = change(service, call, Modification(Activity.DELETE_SYNC, Kind.IDENTITY_SYNC, tenant_id, before, None))
        kept = put_away(snapshot, service.now(), Kind.IDENTITY_SYNC, tenant_id, before)
        return structs.replace(done, writes=(*done.writes, *kept))

    await service.store.change(call.caller.tenant, decide)


async def _write(service: Service, call: Call, tenant_id: TenantId, body: Document, *, replace: bool) -> None:
    require(call.caller, Operation.WRITE_IDENTITY_SYNC)
    given = body.get("tenantId")
    folded: Document = body | {"tenantId": given.lower()} if isinstance(given, str) else body

    def decide(snapshot: Snapshot) -> Change:
        partner = snapshot.get(Kind.PARTNER, tenant_id)
        before = _current(snapshot, tenant_id)
        if partner is None or (before is None and not replace):
            raise _nothing_there(tenant_id, replace=replace)
        blank = pristine.identity_sync(tenant_id)
        start = before if before is not None and not replace else _replaced(before, blank, call)
        after, violations = edit(start, folded, call.version.identity_sync, blank, service.strength)
        if violations:
            raise InvalidInput(violations)
        needs_automatic_redemption(json.decode(partner, type=BetaPartner), after)
        if after == before:
            return Change(())
        activity = Activity.CREATE_SYNC if before is None else Activity.UPDATE_SYNC
        return change(service, call, Modification(activity, Kind.IDENTITY_SYNC, tenant_id, before, after))

    await service.store.change(call.caller.tenant, decide)


def _current(snapshot: Snapshot, tenant_id: TenantId) -> BetaIdentitySync | None:
    stored = snapshot.get(Kind.IDENTITY_SYNC, tenant_id)
    return None if stored is None else json.decode(stored, type=BetaIdentitySync)


def _replaced(before: BetaIdentitySync | None, blank: BetaIdentitySync, call: Call) -> BetaIdentitySync:
    """Return what a PUT starts from: nothing, but for what the caller's version cannot see and so did not mean."""
    if before is None or call.version.identity_sync is BetaIdentitySync:
        return blank
    hidden = set(BetaIdentitySync.__struct_fields__) - set(IdentitySync.__struct_fields__)
    return structs.replace(blank, **{name: getattr(before, name) for name in hidden})


def _nothing_there(tenant_id: TenantId, *, replace: bool) -> NotFound:
    if replace:
        return no_such_object(tenant_id)
    return NothingToUpdate("Unable to read the company information from the directory.")


def needs_automatic_redemption(partner: BetaPartner, after: BetaIdentitySync) -> None:
    """Refuse what was observed: inbound user synchronization before the partner's invitations redeem themselves.

    Raises:
        PolicyViolation: they do not.
    """
    wanted = after.user_sync_inbound is not None and after.user_sync_inbound.is_sync_allowed
    if wanted and not partner.automatic_user_consent_settings.inbound_allowed:
        raise PolicyViolation.at(
            "$.userSyncInbound.isSyncAllowed",
            "Inbound synchronization needs automatic redemption: "
            "set automaticUserConsentSettings.inboundAllowed of the partner to true first.",
        )
