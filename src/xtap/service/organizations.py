"""The multitenant organization of the caller's tenant: create, read, change it and its tenants, leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json, structs

from xtap.errors import Forbidden, InvalidInput, NothingToUpdate, PolicyViolation, Violation
from xtap.model.audit import Activity
from xtap.model.editing import edit
from xtap.model.enums import MemberRole, MemberState, OrganizationState
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.membership import Organization, check_removal, check_role
from xtap.model.objects import Kind
from xtap.model.organizations import Member, MultiTenantOrganization
from xtap.service import tenants
from xtap.service.audit import Modification, author_of, event_of
from xtap.service.organization_draft import Draft, organization_of
from xtap.service.organization_members import new_member
from xtap.service.permissions import Operation, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.model.schema import Document
    from xtap.service.context import Call, Service
    from xtap.store.protocol import Change
    from xtap.store.snapshot import Snapshot


async def read(service: Service, call: Call) -> bytes:
    """Return the organization of the caller's tenant; the inactive one if it is in none.

    Raises:
        Forbidden: the caller may not read it.
    """
    require(call.caller, Operation.READ_MULTITENANT)
    organization = organization_of(await service.store.snapshot(DIRECTORY), call.caller.tenant)
    return json.encode(MultiTenantOrganization() if organization is None else organization.shown())


async def create(service: Service, call: Call, body: Document) -> bytes:
    """Create an organization, of which the caller's tenant is the first owner, and return it.

    Raises:
        Forbidden: the caller may not.
        InvalidInput: the body breaks rules.
        PolicyViolation: the tenant is in an organization, or about to join one.
    """
    require(call.caller, Operation.WRITE_MULTITENANT)
    tenant, now = call.caller.tenant, service.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    blank = MultiTenantOrganization(id=service.new_id(), created_date_time=now, state=OrganizationState.ACTIVE)
    after = _edited(service, blank, body, blank)
    registered = await tenants.find(service.store, tenant)
    member = Member(
        tenant_id=tenant,
        display_name=None if registered is None else registered.display_name,
        added_date_time=now,
        added_by_tenant_id=tenant,
        role=MemberRole.OWNER,
        state=MemberState.ACTIVE,
    )
    created = _renamed(Organization(str(blank.id), now, tenant, "", None, (member,)), after)

    def decide(directory: Snapshot) -> Change:
        if organization_of(directory, tenant) is not None:
            raise PolicyViolation.at("$", "Method not supported for update operation.")
        if directory.get(Kind.JOIN_REQUEST, tenant) is not None:
            raise PolicyViolation.at(
                "$",
                "The tenant has a join request. Set addedByTenantId of joinRequest to the zero GUID first.",
            )
        draft = Draft(directory)
        draft.put(Kind.ORGANIZATION, created.id, created)
        done = event_of(
            Modification(Activity.CREATE_ORGANIZATION, Kind.ORGANIZATION, created.id, None, created.shown())
        )
        draft.tell(author_of(call), tenant, created.active(), done)
        draft.join(created, tenant, author_of(call))
        return draft.change()

    await service.store.change(DIRECTORY, decide)
    return json.encode(created.shown())


async def update(service: Service, call: Call, body: Document) -> None:
    """Change name and description of the organization.

    Raises:
        Forbidden: the caller may not, or its tenant is no owner.
        NothingToUpdate: its tenant is in no organization.
        InvalidInput: the body breaks rules; nothing is changed.
    """

    def decide(draft: Draft, organization: Organization) -> None:
        before = organization.shown()
        blank = structs.replace(before, display_name=None, description=None)
        after = _edited(service, before, body, blank)
        if after == before:
            return
        draft.put(Kind.ORGANIZATION, organization.id, _renamed(organization, after))
        done = event_of(Modification(Activity.UPDATE_ORGANIZATION, Kind.ORGANIZATION, organization.id, before, after))
        draft.tell(author_of(call), call.caller.tenant, organization.active(), done)

    await _change(service, call, decide)


async def add_member(service: Service, call: Call, body: Document) -> bytes:
    """Add a tenant, which may join from now on, and return it.

    Raises:
        Forbidden: the caller may not, or its tenant is no owner.
        NothingToUpdate: its tenant is in no organization.
        InvalidInput: the body breaks rules.
        PolicyViolation: the tenant was added already.
    """
    require(call.caller, Operation.WRITE_MULTITENANT)
    after = new_member(service, call, body)

    def decide(draft: Draft, organization: Organization) -> None:
        before = organization.member(after.tenant_id)
        if before is not None:
            if call.is_retry and structs.replace(before, added_date_time=after.added_date_time) == after:
                return
            raise PolicyViolation.at("$.tenantId", "Tenant is already being added in Multi-Tenant Organization.")
        draft.put(Kind.ORGANIZATION, organization.id, organization.with_member(after))
        done = event_of(Modification(Activity.ADD_MEMBER, Kind.MEMBER, after.tenant_id, None, after))
        draft.tell(author_of(call), call.caller.tenant, organization.active(), done)

    directory = await _change(service, call, decide)
    organization = organization_of(directory, call.caller.tenant)
    stored = None if organization is None else organization.member(after.tenant_id)
    return json.encode(after if stored is None else stored)


async def update_member(service: Service, call: Call, tenant: TenantId, body: Document) -> None:
    """Change the role of a tenant.

    Raises:
        Forbidden: the caller may not, or its tenant is no owner.
        NothingToUpdate: its tenant is in no organization, or the other is not in it.
        InvalidInput: the body breaks rules; nothing is changed.
        PolicyViolation: the organization would be without an owner.
    """
    folded: Document = {
        name: value.lower() if name.endswith("TenantId") and isinstance(value, str) else value
        for name, value in body.items()
    }

    def decide(draft: Draft, organization: Organization) -> None:
        before = _member(organization, tenant)
        blank = structs.replace(before, role=MemberRole.MEMBER)
        after, violations = edit(before, folded, Member, blank, service.strength)
        if violations:
            raise InvalidInput(violations)
        if after == before:
            return
        check_role(organization, before, after)
        draft.put(Kind.ORGANIZATION, organization.id, organization.with_member(after))
        done = event_of(Modification(Activity.UPDATE_MEMBER, Kind.MEMBER, tenant, before, after))
        draft.tell(author_of(call), call.caller.tenant, organization.active(), done)

    await _change(service, call, decide)


async def remove_member(service: Service, call: Call, tenant: TenantId) -> None:
    """Remove a tenant, or leave; if the last owner leaves, the organization ends.

    Raises:
        Forbidden: the caller may not, or its tenant is no owner and the other is not itself.
        NothingToUpdate: its tenant is in no organization, or the other is not in it.
        PolicyViolation: the other tenant is an owner, or created the organization.
    """
    by = call.caller.tenant

    def decide(draft: Draft, organization: Organization) -> None:
        before = _member(organization, tenant)
        check_removal(organization, before)
        author = author_of(call)
        if organization.is_last_owner(tenant):
            draft.put(Kind.ORGANIZATION, organization.id, None)
            shown = organization.shown()
            done = event_of(Modification(Activity.DELETE_ORGANIZATION, Kind.ORGANIZATION, organization.id, shown, None))
            draft.tell(author, by, organization.active(), done)
            left = organization
            for member in organization.active():
                draft.leave(left, TenantId(member.tenant_id), author, by)
                left = left.without(member.tenant_id)
            return
        draft.put(Kind.ORGANIZATION, organization.id, organization.without(tenant))
        done = event_of(Modification(Activity.DELETE_MEMBER, Kind.MEMBER, tenant, before, None))
        draft.tell(author, by, organization.active(), done)
        if before.state is MemberState.ACTIVE:
            draft.leave(organization, tenant, author, by)

    await _change(service, call, decide, also=tenant)


async def _change(
    service: Service, call: Call, decide: Callable[[Draft, Organization], None], also: str = ""
) -> Snapshot:
    """Change the organization of the caller's tenant, which must be an owner of it, or the tenant ``also``."""
    require(call.caller, Operation.WRITE_MULTITENANT)
    tenant = call.caller.tenant

    def change(directory: Snapshot) -> Change:
        organization = organization_of(directory, tenant)
        if organization is None:
            raise not_there()
        if not organization.is_owner(tenant) and tenant != also:
            raise Forbidden(
                "Insufficient privileges to complete the operation.",
                ("Only an owner tenant changes the organization and its tenants; this tenant is a member.",),
            )
        draft = Draft(directory)
        decide(draft, organization)
        return draft.change()

    return await service.store.change(DIRECTORY, change)


def not_there() -> NothingToUpdate:
    """Build the error for a tenant that is in no organization, or not in this one, in the service's words."""
    return NothingToUpdate("Unable to read the company information from the directory.")


def _member(organization: Organization, tenant: TenantId) -> Member:
    found = organization.member(tenant)
    if found is None:
        raise not_there()
    return found


def _edited(
    service: Service, before: MultiTenantOrganization, body: Document, blank: MultiTenantOrganization
) -> MultiTenantOrganization:
    after, violations = edit(before, body, MultiTenantOrganization, blank, service.strength)
    if not after.display_name and not any(each.path == "$.displayName" for each in violations):
        message = "'displayName' is missing. Name the organization: all its tenants see the name."
        violations = [*violations, Violation("$.displayName", message, "MissingProperty")]
    if violations:
        raise InvalidInput(violations)
    return after


def _renamed(organization: Organization, after: MultiTenantOrganization) -> Organization:
    return structs.replace(organization, display_name=after.display_name or "", description=after.description)
