"""The tenants of the caller's organization, as they are listed; and what a new one begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import json, structs

from xtap.errors import InvalidInput, NothingToUpdate, Violation
from xtap.model.editing import edit
from xtap.model.enums import MemberState, ProcessingStatus
from xtap.model.ids import DIRECTORY, TenantId, is_guid
from xtap.model.objects import Kind
from xtap.model.organizations import Member, MemberTransition
from xtap.service.organization_draft import join_of, organization_of
from xtap.service.permissions import DIRECTORY_READ, MTO_READ, MTO_READ_WRITE, Operation, require
from xtap.store.protocol import Change, Write
from xtap.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.schema import Document
    from xtap.service.caller import Caller
    from xtap.service.context import Call, Service

_SHOWS_ALL: Final = frozenset({MTO_READ, MTO_READ_WRITE, DIRECTORY_READ})


def sees_only_names(caller: Caller) -> bool:
    """Say whether the caller may see nothing of a tenant but its id and name (MultiTenantOrganization.ReadBasic)."""
    return caller.permissions.isdisjoint(_SHOWS_ALL)


async def listing(service: Service, call: Call) -> Snapshot:
    """Return a state whose members are the tenants of the caller's organization; it is empty if there is none.

    Raises:
        Forbidden: the caller may not read them.
    """
    require(call.caller, Operation.READ_MULTITENANT)
    return await _members(service, call)


async def read(service: Service, call: Call, tenant: TenantId) -> bytes:
    """Return one tenant of the caller's organization.

    Raises:
        Forbidden: the caller may not read it.
        NothingToUpdate: there is no such tenant in it.
    """
    require(call.caller, Operation.READ_MULTITENANT_MEMBER)
    stored = (await _members(service, call)).get(Kind.MEMBER, tenant)
    if stored is None:
        raise NothingToUpdate("Unable to read the company information from the directory.")
    return stored


def new_member(service: Service, call: Call, body: Document) -> Member:
    """Read the body that adds a tenant.

    Raises:
        InvalidInput: it breaks rules.
    """
    given, name = body.get("tenantId"), body.get("displayName")
    problems = list(_key_problems(given))
    blank = Member(
        tenant_id=DIRECTORY if problems else str(given).lower(),
        display_name=name if isinstance(name, str) else None,
        added_date_time=service.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        added_by_tenant_id=call.caller.tenant,
    )
    rest = {name: value for name, value in body.items() if name != "tenantId"}
    after, violations = edit(blank, rest, Member, blank, service.strength)
    if problems or violations:
        raise InvalidInput([*problems, *violations])
    return after


async def _members(service: Service, call: Call) -> Snapshot:
    directory = await service.store.snapshot(DIRECTORY)
    organization = organization_of(directory, call.caller.tenant)
    members = () if organization is None else organization.members
    writes = (Write(Kind.MEMBER, each.tenant_id, json.encode(_shown(directory, each))) for each in members)
    return Snapshot(call.caller.tenant).apply(Change(tuple(writes)))


def _shown(directory: Snapshot, member: Member) -> Member:
    """Return a tenant with the join that it has asked for, if that is not done yet."""
    wish = join_of(directory, member.tenant_id)
    if wish is None or wish.added_by != member.added_by_tenant_id or member.state is MemberState.ACTIVE:
        return member
    transition = MemberTransition(
        desired_state=MemberState.ACTIVE,
        desired_role=member.role,
        status=ProcessingStatus.NOT_STARTED if wish.failure is None else ProcessingStatus.FAILED,
        details=wish.failure,
    )
    return structs.replace(member, transition_details=transition)


def _key_problems(given: object) -> Iterator[Violation]:
    if given is None:
        yield Violation("$.tenantId", "'tenantId' is missing. Name the tenant by its GUID.", "MissingProperty")
    elif not isinstance(given, str) or not is_guid(given):
        yield Violation("$.tenantId", f"Invalid object identifier '{str(given)[:64]}'. Expected a tenant id (GUID).")
    elif given == DIRECTORY:
        yield Violation("$.tenantId", f"'{given}' is no tenant. Name the tenant by its id.")
