"""What may the people of a service provider be made here? One set of constraints of each partner.

The metadata has the operations, and no page says what they do: docs/adr/0016.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

from msgspec import json, structs

from xtap.errors import InvalidInput, NothingToUpdate, Violation
from xtap.model import pristine
from xtap.model.audit import Activity
from xtap.model.editing import edit
from xtap.model.objects import Kind
from xtap.model.policies import BetaDelegatedAdminConstraints
from xtap.service.audit import Modification, change
from xtap.service.deleted_items import CONSTRAINTS, in_bin
from xtap.service.partners import no_such_object, without_constraints
from xtap.service.permissions import Operation, require
from xtap.service.recycle_bin import BINS
from xtap.store.protocol import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.service.context import Call, Service
    from xtap.store.snapshot import Snapshot

_KINDS: Final = ("serviceProviderConstraints", "delegatedAdminServiceProviderConstraints")
"""The types that a body may say it is of: SDKs send the one or the other."""


async def read(service: Service, call: Call, tenant_id: TenantId) -> bytes:
    """Return the stored constraints of one partner.

    Raises:
        Forbidden: the caller may not read partners.
        NotFound: the partner has none, or is not there.
    """
    require(call.caller, Operation.READ_POLICY)
    stored = (await service.store.snapshot(call.caller.tenant)).get(Kind.CONSTRAINTS, tenant_id)
    if stored is None:
        raise no_such_object(tenant_id)
    return stored


async def update(service: Service, call: Call, tenant_id: TenantId, body: Document) -> None:
    """Change what the body names, or create the constraints: nothing else in the API does (OData 4.01, 11.4.4).

    Raises:
        Forbidden: the caller may not write partners.
        NothingToUpdate: there is no such partner.
        InvalidInput: the body breaks rules; nothing is changed.
    """
    require(call.caller, Operation.WRITE_POLICY)

    def decide(snapshot: Snapshot) -> Change:
        if snapshot.get(Kind.PARTNER, tenant_id) is None:
            raise NothingToUpdate("Unable to read the company information from the directory.")
        stored = snapshot.get(Kind.CONSTRAINTS, tenant_id)
        before = None if stored is None else json.decode(stored, type=BetaDelegatedAdminConstraints)
        blank = pristine.constraints(call.caller.tenant, tenant_id, _now(service))
        after = _edited(service, call, before or blank, body)
        if after == before:
            return Change(())
        activity = Activity.ADD_CONSTRAINTS if before is None else Activity.UPDATE_CONSTRAINTS
        return change(service, call, Modification(activity, Kind.CONSTRAINTS, tenant_id, before, after))

    await service.store.change(call.caller.tenant, decide)


async def update_deleted(service: Service, call: Call, tenant_id: TenantId, body: Document) -> None:
    """Change what the body names in constraints that wait to be restored.

    Raises:
        Forbidden: the caller may not write partners.
        NotFound: none were deleted within the last 30 days, or they are back.
        InvalidInput: the body breaks rules; nothing is changed.
    """
    require(call.caller, Operation.WRITE_POLICY)

    def decide(snapshot: Snapshot) -> Change:
        stored = in_bin(service, snapshot, CONSTRAINTS, tenant_id)
        before = json.decode(stored, type=BetaDelegatedAdminConstraints)
        after = _edited(service, call, before, body)
        if after == before:
            return Change(())
        bin_kind = BINS[Kind.CONSTRAINTS]
        return change(service, call, Modification(Activity.UPDATE_CONSTRAINTS, bin_kind, tenant_id, before, after))

    await service.store.change(call.caller.tenant, decide)


async def delete(service: Service, call: Call, tenant_id: TenantId) -> None:
    """Remove the constraints. They can be restored for 30 days.

    Raises:
        Forbidden: the caller may not write partners.
        NotFound: the partner has none, or is not there.
    """
    require(call.caller, Operation.WRITE_POLICY)

    def decide(snapshot: Snapshot) -> Change:
        if snapshot.get(Kind.CONSTRAINTS, tenant_id) is None:
            raise no_such_object(tenant_id)
        return without_constraints(service, call, snapshot, tenant_id)

    await service.store.change(call.caller.tenant, decide)


def _edited(
    service: Service, call: Call, before: BetaDelegatedAdminConstraints, body: Document
) -> BetaDelegatedAdminConstraints:
    after, violations = edit(before, body, call.version.constraints, before, service.strength)
    problems = [*_kind_problems(body), *violations]
    if problems:
        raise InvalidInput(problems)
    return after if after == before else structs.replace(after, last_modified_date_time=_now(service))


def _kind_problems(body: Document) -> Iterator[Violation]:
    given = body.get("@odata.type", _KINDS[0])
    if str(given).removeprefix("#").removeprefix("microsoft.graph.") not in _KINDS:
        message = f"'@odata.type' is '{str(given)[:128]}'. Expected '#microsoft.graph.' and one of {', '.join(_KINDS)}."
        yield Violation("$['@odata.type']", message)


def _now(service: Service) -> str:
    return service.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
