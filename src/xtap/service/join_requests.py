"""The caller's tenant accepts an invitation into an organization, sees how far that is, or takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

from xtap.errors import InvalidInput, PolicyViolation
from xtap.model import pristine
from xtap.model.editing import edit
from xtap.model.enums import MemberState, ProcessingStatus
from xtap.model.ids import DIRECTORY, TenantId, parse_tenant_id
from xtap.model.objects import Kind
from xtap.model.organizations import JoinRequest, JoinTransition
from xtap.service.audit import author_of
from xtap.service.organization_draft import Draft, StoredJoin, join_of, organization_of
from xtap.service.permissions import Operation, require
from xtap.service.settling import moment

if TYPE_CHECKING:
    from xtap.model.schema import Document
    from xtap.service.context import Call, Service
    from xtap.store.protocol import Change
    from xtap.store.snapshot import Snapshot


async def read(service: Service, call: Call) -> bytes:
    """Return the join request of the caller's tenant; it is there from the beginning.

    Raises:
        Forbidden: the caller may not read it.
    """
    require(call.caller, Operation.READ_JOIN_REQUEST)
    return json.encode(_current(await service.store.snapshot(DIRECTORY), call.caller.tenant))


async def update(service: Service, call: Call, body: Document) -> None:
    """Ask to join the organization of the tenant that added the caller's; the nil GUID takes the request back.

    Whether the tenant can join is seen when it does: an answer without error is no promise (R9.1).

    Raises:
        Forbidden: the caller may not.
        InvalidInput: the body breaks rules.
        PolicyViolation: the tenant is in an organization, or another request is in the way.
    """
    require(call.caller, Operation.WRITE_MULTITENANT)
    tenant = call.caller.tenant
    given = body.get("addedByTenantId")
    folded: Document = body | {"addedByTenantId": given.lower()} if isinstance(given, str) else body

    def decide(directory: Snapshot) -> Change:
        before = _current(directory, tenant)
        after, violations = edit(before, folded, JoinRequest, pristine.join_request(tenant), service.strength)
        if violations:
            raise InvalidInput(violations)
        added_by = parse_tenant_id(after.added_by_tenant_id or DIRECTORY, "$.addedByTenantId")
        draft = Draft(directory)
        if "addedByTenantId" in body:
            _ask(service, call, draft, added_by)
        return draft.change()

    await service.store.change(DIRECTORY, decide)


def _ask(service: Service, call: Call, draft: Draft, added_by: TenantId) -> None:
    tenant = call.caller.tenant
    wish = join_of(draft.state, tenant)
    if organization_of(draft.state, tenant) is not None:
        if added_by != _current(draft.state, tenant).added_by_tenant_id:
            raise PolicyViolation.at(
                "$.addedByTenantId",
                f"The tenant is active in a multitenant organization. Leave it first: DELETE tenants/{tenant}.",
            )
    elif added_by == DIRECTORY:
        if wish is not None:
            draft.put(Kind.JOIN_REQUEST, tenant, None)
            draft.put(Kind.DUE_JOIN, wish.due_key(tenant), None)
    elif wish is None:
        made = StoredJoin(added_by, moment(service.now() + service.join_delay), author_of(call))
        draft.put(Kind.JOIN_REQUEST, tenant, made)
        draft.put(Kind.DUE_JOIN, made.due_key(tenant), tenant)
    elif wish.failure is not None or wish.added_by != added_by:
        state = "failed" if wish.failure is not None else "is not done"
        raise PolicyViolation.at(
            "$.addedByTenantId",
            f"The join request with {wish.added_by} {state}. Reset it first: set addedByTenantId to {DIRECTORY}.",
        )


def _current(directory: Snapshot, tenant: TenantId) -> JoinRequest:
    blank = pristine.join_request(tenant)
    organization = organization_of(directory, tenant)
    member = None if organization is None else organization.member(tenant)
    if member is not None:
        return JoinRequest(
            id=blank.id, added_by_tenant_id=member.added_by_tenant_id, member_state=member.state, role=member.role
        )
    wish = join_of(directory, tenant)
    if wish is None:
        return blank
    transition = JoinTransition(
        desired_member_state=MemberState.ACTIVE,
        status=ProcessingStatus.NOT_STARTED if wish.failure is None else ProcessingStatus.FAILED,
        details=wish.failure or "",
    )
    return JoinRequest(
        id=blank.id,
        added_by_tenant_id=wish.added_by,
        member_state=MemberState.PENDING,
        transition_details=transition,
    )
