"""The partner entries of a tenant: create, read, list, change, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json, structs

from xtap.errors import AlreadyExists, Forbidden, InvalidInput, NotFound, NothingToUpdate, PolicyViolation, Violation
from xtap.model import pristine
from xtap.model.audit import Activity
from xtap.model.editing import edit
from xtap.model.ids import DIRECTORY, MICROSOFT_SUPPORT, TenantId, is_guid, no_partner
from xtap.model.objects import Kind
from xtap.model.policies import BetaDelegatedAdminConstraints, BetaPartner
from xtap.service.audit import Modification, change
from xtap.service.permissions import Operation, require
from xtap.service.recycle_bin import put_away
from xtap.store.protocol import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.schema import Document
    from xtap.service.context import Call, Service
    from xtap.store.snapshot import Snapshot


async def read(service: Service, call: Call, tenant_id: TenantId) -> bytes:
    """Return the stored document of one partner.

    Raises:
        Forbidden: the caller may not read partners.
        NotFound: there is no such partner.
    """
    require(call.caller, Operation.READ_POLICY)
    tenant, store = call.caller.tenant, service.store
    stored = (store.at_hand(tenant) or await store.snapshot(tenant)).get(Kind.PARTNER, tenant_id)
    if stored is None:
        raise no_such_object(tenant_id)
    return stored


async def listing(service: Service, call: Call) -> Snapshot:
    """Return the state of the tenant to list its partners from.

    Raises:
        Forbidden: the caller may not read partners.
    """
    require(call.caller, Operation.READ_POLICY)
    return await service.store.snapshot(call.caller.tenant)


async def create(service: Service, call: Call, body: Document) -> bytes:
    """Add a partner and return its stored document.

    A client that repeats a request whose answer it lost gets the same answer again, if the partner is still as it
    asked for (clients.md section A.5).

    Raises:
        Forbidden: the caller may not write partners.
        InvalidInput: the body breaks rules.
        AlreadyExists: there is such a partner.
    """
    require(call.caller, Operation.WRITE_POLICY)
    tenant_id, problems = _new_partner(call, body)
    blank = pristine.partner(tenant_id)
    rest = {name: value for name, value in body.items() if name != "tenantId"}
    after, violations = edit(blank, rest, call.version.partner, blank, service.strength)
    if problems or violations:
        raise InvalidInput([*problems, *violations])
    service_provider_needs_a_user(call, blank, after)

    def decide(snapshot: Snapshot) -> Change:
        fellow = snapshot.get(Kind.FELLOW, tenant_id) is not None
        made = structs.replace(after, is_in_multi_tenant_organization=fellow)
        stored = snapshot.get(Kind.PARTNER, tenant_id)
        if stored is None:
            return change(service, call, Modification(Activity.ADD_PARTNER, Kind.PARTNER, tenant_id, None, made))
        if call.is_retry and stored == json.encode(made):
            return Change(())
        raise AlreadyExists("Another object with the same value for property tenantId already exists.")

    snapshot = await service.store.change(call.caller.tenant, decide)
    return snapshot.get(Kind.PARTNER, tenant_id) or json.encode(after)


async def update(service: Service, call: Call, tenant_id: TenantId, body: Document) -> None:
    """Change the properties of one partner that the body names.

    Raises:
        Forbidden: the caller may not write partners.
        NothingToUpdate: there is no such partner.
        InvalidInput: the body breaks rules; nothing is changed.
    """
    require(call.caller, Operation.WRITE_POLICY)

    def decide(snapshot: Snapshot) -> Change:
        before = _current(snapshot, tenant_id)
        if before is None:
            raise NothingToUpdate("Unable to read the company information from the directory.")
        blank = structs.replace(
            pristine.partner(tenant_id), is_in_multi_tenant_organization=before.is_in_multi_tenant_organization
        )
        after, violations = edit(before, _folded(body), call.version.partner, blank, service.strength)
        if violations:
            raise InvalidInput(violations)
        service_provider_needs_a_user(call, before, after)
        if after == before:
            return Change(())
        return change(service, call, Modification(Activity.UPDATE_PARTNER, Kind.PARTNER, tenant_id, before, after))

    await service.store.change(call.caller.tenant, decide)


async def delete(service: Service, call: Call, tenant_id: TenantId) -> None:
    """Remove one partner; what it configured falls back to the default policy. It can be restored for 30 days.

    Constraints of a service provider are deleted first, with a record of their own: so the service tells of access that
    is taken from Microsoft Support (page "Understanding Microsoft 365 support case creation and data access").

    Raises:
        Forbidden: the caller may not write partners.
        NotFound: there is no such partner.
        PolicyViolation: it has a synchronization policy, or is a service provider.
    """
    require(call.caller, Operation.WRITE_POLICY)

    def decide(snapshot: Snapshot) -> Change:
        before = _current(snapshot, tenant_id)
        if before is None:
            raise no_such_object(tenant_id)
        if snapshot.get(Kind.IDENTITY_SYNC, tenant_id) is not None:
            raise PolicyViolation.at(
                "$.identitySynchronization",
                "The partner has an identity synchronization policy. Delete identitySynchronization first.",
            )
        if before.is_service_provider and tenant_id != MICROSOFT_SUPPORT:
            raise PolicyViolation.at(
                "$.isServiceProvider",
                "The partner is a service provider and cannot be deleted. Set isServiceProvider to false first.",
            )
        done = change(service, call, Modification(Activity.DELETE_PARTNER, Kind.PARTNER, tenant_id, before, None))
        kept = put_away(snapshot, service.now(), Kind.PARTNER, tenant_id, before)
        ended = without_constraints(service, call, snapshot, tenant_id)
        return Change((*done.writes, *kept, *ended.writes), (*ended.audit, *done.audit))

    await service.store.change(call.caller.tenant, decide)


def without_constraints(service: Service, call: Call, snapshot: Snapshot, tenant_id: TenantId) -> Change:
    """Return the change that deletes the constraints of a service provider; nothing if it has none."""
    stored = snapshot.get(Kind.CONSTRAINTS, tenant_id)
    if stored is None:
        return Change(())
    before = json.decode(stored, type=BetaDelegatedAdminConstraints)
    done = change(service, call, Modification(Activity.DELETE_CONSTRAINTS, Kind.CONSTRAINTS, tenant_id, before, None))
    kept = put_away(snapshot, service.now(), Kind.CONSTRAINTS, tenant_id, before)
    return structs.replace(done, writes=(*done.writes, *kept))


def no_such_object(tenant_id: str) -> NotFound:
    """Build the error for an object that is not there, in the service's words."""
    return NotFound(
        f"Resource '{tenant_id}' does not exist or one of its queried reference-property objects are not present."
    )


def _current(snapshot: Snapshot, tenant_id: TenantId) -> BetaPartner | None:
    stored = snapshot.get(Kind.PARTNER, tenant_id)
    return None if stored is None else json.decode(stored, type=BetaPartner)


def _new_partner(call: Call, body: Document) -> tuple[TenantId, list[Violation]]:
    """Read the key of a new partner; the nil GUID stands in for one that cannot be used."""
    given = body.get("tenantId")
    problems = list(_key_problems(call, given))
    return (DIRECTORY if problems else TenantId(str(given).lower())), problems


def _key_problems(call: Call, given: object) -> Iterator[Violation]:
    if given is None:
        yield Violation(
            "$.tenantId", "'tenantId' is missing. Name the partner's tenant by its GUID.", "MissingProperty"
        )
    elif not isinstance(given, str) or not is_guid(given):
        yield Violation("$.tenantId", f"Invalid object identifier '{str(given)[:64]}'. Expected a tenant id (GUID).")
    elif given.lower() in {call.caller.tenant, DIRECTORY}:
        yield Violation("$.tenantId", no_partner(given))


def _folded(body: Document) -> Document:
    """Tenant ids are compared without regard to case."""
    given = body.get("tenantId")
    return body | {"tenantId": given.lower()} if isinstance(given, str) else body


def service_provider_needs_a_user(call: Call, before: BetaPartner, after: BetaPartner) -> None:
    """Refuse what was observed: an app-only caller that changes ``isServiceProvider``; an echo is no change.

    Raises:
        Forbidden: the caller is an application.
    """
    if call.caller.is_application and before.is_service_provider != after.is_service_provider:
        raise Forbidden(
            "Insufficient privileges to complete the operation.",
            ("Property 'isServiceProvider' can only be changed in a delegated call.",),
        )
