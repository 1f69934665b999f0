"""The Microsoft 365 capabilities of the default policy, of partners and deleted partners: at most one of each type."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

from msgspec import Struct, json, structs

from xtap.errors import AlreadyExists, InvalidInput, Violation
from xtap.model.audit import Activity
from xtap.model.capabilities import EXCHANGE, ON_DEFAULT, ON_PARTNERS, Capability, InboundAccess
from xtap.model.editing import edit
from xtap.model.objects import Kind
from xtap.service.audit import Modification, change
from xtap.service.partners import no_such_object
from xtap.service.permissions import Operation, require
from xtap.service.recycle_bin import DEFAULT_OWNER, owned_key, waiting, without_expired
from xtap.store.protocol import Change
from xtap.store.snapshot import Snapshot
from xtap.store.sorted_map import SortedMap

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.service.context import Call, Service

_ODATA: Final = "#microsoft.graph."


class Owner(Struct, frozen=True):
    """Whose capabilities they are.

    Attributes:
        key: under which the store has them.
        kind: of the object that must be there, None for the default policy, which always is.
        tenant_id: its key; empty for the default policy.
    """

    key: str
    kind: Kind | None = None
    tenant_id: str = ""


DEFAULT: Final = Owner(DEFAULT_OWNER)


def partner(tenant_id: TenantId) -> Owner:
    """Return a partner as an owner."""
    return Owner(tenant_id, Kind.PARTNER, tenant_id)


def deleted_partner(tenant_id: TenantId) -> Owner:
    """Return a partner that waits to be restored as an owner."""
    return Owner(waiting(tenant_id), Kind.DELETED_PARTNER, tenant_id)


async def listing(service: Service, call: Call, owner: Owner) -> Snapshot:
    """Return a state whose capabilities are those of one owner, by name.

    Raises:
        Forbidden: the caller may not read them.
        NotFound: there is no such partner.
    """
    require(call.caller, Operation.READ_CAPABILITIES)
    snapshot = await service.store.snapshot(call.caller.tenant)
    _require_owner(service, snapshot, owner)
    prefix = owned_key(owner.key, "")
    own = []
    for key, document in snapshot.scan(Kind.CAPABILITY, prefix):
        if not key.startswith(prefix):
            break
        own.append((key.removeprefix(prefix), document))
    return Snapshot(snapshot.tenant, snapshot.version, snapshot.sequence, {Kind.CAPABILITY: SortedMap.from_sorted(own)})


async def read(service: Service, call: Call, owner: Owner, name: str) -> bytes:
    """Return one capability.

    Raises:
        Forbidden: the caller may not read it.
        NotFound: there is no such partner, or it has no entry of this name (in this very case).
    """
    stored = (await listing(service, call, owner)).get(Kind.CAPABILITY, name)
    if stored is None:
        raise no_such_object(name[:128])
    return stored


async def create(service: Service, call: Call, owner: Owner, body: Document) -> bytes:
    """Add a capability and return it.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: there is no such partner.
        InvalidInput: the body breaks rules.
        AlreadyExists: there is one of this type.
    """
    given = body.get("@odata.type")
    name = str(given).removeprefix("#").removeprefix("microsoft.graph.")
    _may_write(call, name)
    known = ON_DEFAULT if owner == DEFAULT else ON_PARTNERS
    problems = []
    if name not in known:
        found = "is missing" if given is None else f"is '{str(given)[:128]}'"
        message = f"'@odata.type' {found}. Expected '{_ODATA}' and one of {', '.join(sorted(known))}."
        problems.append(Violation("$['@odata.type']", message))
    if body.get("inboundAccess") is None:
        message = "'inboundAccess' is missing. Say who of the other tenant may use the capability."
        problems.append(Violation("$.inboundAccess", message, "MissingProperty"))
    blank = Capability(name=name, last_modified_date_time=_stamp(service))
    after, violations = edit(blank, body, Capability, blank, service.strength)
    if problems or violations:
        raise InvalidInput([*problems, *violations])
    key = owned_key(owner.key, name)

    def decide(snapshot: Snapshot) -> Change:
        _require_owner(service, snapshot, owner)
        if snapshot.get(Kind.CAPABILITY, key) is not None:
            raise AlreadyExists("Another object with the same value for property name already exists.")
        return change(service, call, Modification(Activity.ADD_CAPABILITY, Kind.CAPABILITY, key, None, after))

    await service.store.change(call.caller.tenant, decide)
    return json.encode(after)


async def update(service: Service, call: Call, owner: Owner, name: str, body: Document) -> None:
    """Change the properties of a capability that the body names.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: there is no such capability.
        InvalidInput: the body breaks rules; nothing is changed.
    """
    _may_write(call, name)
    key = owned_key(owner.key, name)

    def decide(snapshot: Snapshot) -> Change:
        before = _current(service, snapshot, owner, name)
        blank = structs.replace(before, inbound_access=InboundAccess())
        after, violations = edit(before, body, Capability, blank, service.strength)
        if violations:
            raise InvalidInput(violations)
        if after == before:
            return Change(())
        after = structs.replace(after, last_modified_date_time=_stamp(service))
        return change(service, call, Modification(Activity.UPDATE_CAPABILITY, Kind.CAPABILITY, key, before, after))

    await service.store.change(call.caller.tenant, decide)


async def delete(service: Service, call: Call, owner: Owner, name: str) -> None:
    """Remove a capability: it is disabled.

    Raises:
        Forbidden: the caller may not write it.
        NotFound: there is no such capability.
    """
    _may_write(call, name)
    key = owned_key(owner.key, name)

    def decide(snapshot: Snapshot) -> Change:
        before = _current(service, snapshot, owner, name)
        return change(service, call, Modification(Activity.DELETE_CAPABILITY, Kind.CAPABILITY, key, before, None))

    await service.store.change(call.caller.tenant, decide)


def _may_write(call: Call, name: str) -> None:
    exchange = name in EXCHANGE
    require(call.caller, Operation.WRITE_EXCHANGE_CAPABILITIES if exchange else Operation.WRITE_CAPABILITIES)


def _require_owner(service: Service, snapshot: Snapshot, owner: Owner) -> None:
    if owner.kind is not None and without_expired(snapshot, service.now()).get(owner.kind, owner.tenant_id) is None:
        raise no_such_object(owner.tenant_id)


def _current(service: Service, snapshot: Snapshot, owner: Owner, name: str) -> Capability:
    _require_owner(service, snapshot, owner)
    stored = snapshot.get(Kind.CAPABILITY, owned_key(owner.key, name))
    if stored is None:
        raise no_such_object(name[:128])
    return json.decode(stored, type=Capability)


def _stamp(service: Service) -> str:
    """Write the time as the examples do: seven fractional digits."""
    return service.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
