"""What can be done with what was deleted, and its capabilities: read, list, restore, and remove for good.

Partners, synchronization policies and constraints of service providers wait here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec import Raw, json, structs

from xtap.errors import AlreadyExists, Conflict
from xtap.model import pristine
from xtap.model.audit import Activity
from xtap.model.objects import Kind
from xtap.model.policies import BetaDelegatedAdminConstraints, BetaIdentitySync, BetaPartner
from xtap.service.audit import Modification, change
from xtap.service.identity_sync import needs_automatic_redemption
from xtap.service.partners import no_such_object, service_provider_needs_a_user
from xtap.service.permissions import Operation, require
from xtap.service.recycle_bin import BINS, bring_back, take_out, without_expired

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.service.context import Call, Service
    from xtap.service.recycle_bin import Deletable
    from xtap.store.protocol import Change
    from xtap.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Deleted:
    """Deleted objects of one kind: who may touch them, and what is recorded.

    Attributes:
        kind: of the objects before they were deleted, and after they are restored.
        shape: the type in which they are stored.
        reads: the operation that reading them is.
        writes: the operation that restoring and removing them is.
        restored: what a restore is called in the audit log.
        removed: what a permanent delete is called there.
        key: the wire name of what tells the objects apart.
    """

    kind: Kind
    shape: type[Deletable]
    reads: Operation
    writes: Operation
    restored: Activity
    removed: Activity
    key: str = "tenantId"


PARTNERS: Final = Deleted(
    kind=Kind.PARTNER,
    shape=BetaPartner,
    reads=Operation.READ_POLICY,
    writes=Operation.WRITE_POLICY,
    restored=Activity.RESTORE_PARTNER,
    removed=Activity.PURGE_PARTNER,
)
SYNC_POLICIES: Final = Deleted(
    kind=Kind.IDENTITY_SYNC,
    shape=BetaIdentitySync,
    reads=Operation.READ_IDENTITY_SYNC,
    writes=Operation.WRITE_IDENTITY_SYNC,
    restored=Activity.RESTORE_SYNC,
    removed=Activity.PURGE_SYNC,
)
CONSTRAINTS: Final = Deleted(
    kind=Kind.CONSTRAINTS,
    shape=BetaDelegatedAdminConstraints,
    reads=Operation.READ_POLICY,
    writes=Operation.WRITE_POLICY,
    restored=Activity.RESTORE_CONSTRAINTS,
    removed=Activity.PURGE_CONSTRAINTS,
    key="id",
)


def read_root(call: Call) -> bytes:
    """Return the container of deleted items: it has an id and nothing else, and is never stored.

    Raises:
        Forbidden: the caller may not read deleted partners.
    """
    require(call.caller, Operation.READ_POLICY)
    return json.encode(pristine.deleted_items(call.caller.tenant))


async def listing(service: Service, call: Call, deleted: Deleted) -> Snapshot:
    """Return the state of the tenant to list deleted objects from.

    Raises:
        Forbidden: the caller may not read them.
    """
    require(call.caller, deleted.reads)
    return without_expired(await service.store.snapshot(call.caller.tenant), service.now())


async def read(service: Service, call: Call, deleted: Deleted, tenant_id: TenantId) -> bytes:
    """Return one deleted object.

    Raises:
        Forbidden: the caller may not read it.
        NotFound: it was not deleted within the last 30 days, or is back.
    """
    return in_bin(service, await listing(service, call, deleted), deleted, tenant_id)


async def restore(service: Service, call: Call, deleted: Deleted, tenant_id: TenantId) -> bytes:
    """Bring a deleted object back as it was, and return it so, with the time of its deletion.

    Whether a partner is in the multitenant organization is as of now: tenants join and leave meanwhile.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: it was not deleted within the last 30 days, or is back.
        AlreadyExists: another one was created meanwhile.
        Conflict: a synchronization policy, or constraints, without the partner.
        PolicyViolation: a synchronization policy that the partner does not allow any more.
    """
    require(call.caller, deleted.writes)
    found: list[bytes] = []

    def decide(snapshot: Snapshot) -> Change:
        stored = in_bin(service, snapshot, deleted, tenant_id)
        kept = _as_of_now(snapshot, tenant_id, json.decode(stored, type=deleted.shape))
        found[:] = [json.encode(kept)]
        if snapshot.get(deleted.kind, tenant_id) is not None:
            raise AlreadyExists(f"Another object with the same value for property {deleted.key} already exists.")
        restored = structs.replace(kept, deleted_date_time=None)
        _require_place(call, snapshot, tenant_id, restored)
        done = change(service, call, Modification(deleted.restored, deleted.kind, tenant_id, None, restored))
        back = bring_back(snapshot, service.now(), deleted.kind, tenant_id)
        return structs.replace(done, writes=(*back, *done.writes))

    await service.store.change(call.caller.tenant, decide)
    return found[0]


async def remove(service: Service, call: Call, deleted: Deleted, tenant_id: TenantId) -> None:
    """Remove a deleted object for good.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: it was not deleted within the last 30 days, or is back.
    """
    require(call.caller, deleted.writes)

    def decide(snapshot: Snapshot) -> Change:
        before = Raw(in_bin(service, snapshot, deleted, tenant_id))
        done = change(service, call, Modification(deleted.removed, BINS[deleted.kind], tenant_id, before, None))
        return structs.replace(done, writes=take_out(snapshot, service.now(), deleted.kind, tenant_id))

    await service.store.change(call.caller.tenant, decide)


def in_bin(service: Service, snapshot: Snapshot, deleted: Deleted, tenant_id: TenantId) -> bytes:
    """Return what waits of one kind and key.

    Raises:
        NotFound: it was not deleted within the last 30 days, or is back.
    """
    stored = without_expired(snapshot, service.now()).get(BINS[deleted.kind], tenant_id)
    if stored is None:
        raise no_such_object(tenant_id)
    return stored


def _as_of_now(snapshot: Snapshot, tenant_id: TenantId, kept: Deletable) -> Deletable:
    if not isinstance(kept, BetaPartner):
        return kept
    return structs.replace(kept, is_in_multi_tenant_organization=snapshot.get(Kind.FELLOW, tenant_id) is not None)


def _require_place(call: Call, snapshot: Snapshot, tenant_id: TenantId, restored: Deletable) -> None:
    """Hold a restored object to the rules that its creation would be held to."""
    if isinstance(restored, BetaPartner):
        if restored.is_service_provider:
            service_provider_needs_a_user(call, pristine.partner(tenant_id), restored)
        return
    partner = snapshot.get(Kind.PARTNER, tenant_id)
    if partner is None:
        raise Conflict(f"There is no partner '{tenant_id}' that this is of. Restore or create the partner first.")
    if isinstance(restored, BetaIdentitySync):
        needs_automatic_redemption(json.decode(partner, type=BetaPartner), restored)
