"""The objects of which a tenant has exactly one: policy, default, and the two templates.

Each is there from the beginning, as nobody configured it; it is updated, and (all but the policy) reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct, json, structs

from xtap.errors import InvalidInput
from xtap.model import policies, pristine
from xtap.model.audit import Activity
from xtap.model.capabilities import Capability
from xtap.model.editing import edit
from xtap.model.ids import TenantId
from xtap.model.objects import SINGLETON, Kind
from xtap.model.schema import Shape
from xtap.model.undocumented import OBSERVED, ObservedDefault
from xtap.model.versions import Version
from xtap.service.audit import Modification, change
from xtap.service.permissions import Operation, require
from xtap.service.recycle_bin import DEFAULT_OWNER, owned_key
from xtap.store.protocol import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.schema import Document
    from xtap.service.context import Call, Service
    from xtap.store.snapshot import Snapshot

T = TypeVar("T", bound=Struct)


class Singleton(Struct, Generic[T], frozen=True):
    """One kind of singleton: how it begins, who may touch it, what is recorded.

    Attributes:
        kind: where it is stored.
        shape: the type in which it is stored.
        pristine: the object of a tenant that never configured it.
        seen_as: the type that an API version shows.
        reads: the operation that reading it is.
        writes: the operation that changing it is.
        updated: what an update is called in the audit log.
        cleared: what a reset is called there; None if it cannot be reset.
    """

    kind: Kind
    shape: type[T]
    pristine: Callable[[TenantId], T]
    seen_as: Callable[[Version], Shape]
    reads: Operation
    writes: Operation
    updated: Activity
    cleared: Activity | None = None


POLICY = Singleton(
    kind=Kind.POLICY,
    shape=policies.BetaPolicy,
    pristine=pristine.policy,
    seen_as=lambda version: version.policy,
    reads=Operation.READ_POLICY,
    writes=Operation.WRITE_POLICY,
    updated=Activity.UPDATE_POLICY,
)
DEFAULT = Singleton(
    kind=Kind.DEFAULT,
    shape=ObservedDefault,
    pristine=pristine.default,
    seen_as=lambda version: version.default,
    reads=Operation.READ_POLICY,
    writes=Operation.WRITE_POLICY,
    updated=Activity.UPDATE_DEFAULT,
    cleared=Activity.RESET_DEFAULT,
)
PARTNER_TEMPLATE = Singleton(
    kind=Kind.PARTNER_TEMPLATE,
    shape=policies.PartnerTemplate,
    pristine=pristine.partner_template,
    seen_as=lambda _: policies.PartnerTemplate,
    reads=Operation.READ_TEMPLATES,
    writes=Operation.WRITE_TEMPLATES,
    updated=Activity.UPDATE_PARTNER_TEMPLATE,
    cleared=Activity.RESET_PARTNER_TEMPLATE,
)
SYNC_TEMPLATE = Singleton(
    kind=Kind.SYNC_TEMPLATE,
    shape=policies.SyncTemplate,
    pristine=pristine.sync_template,
    seen_as=lambda _: policies.SyncTemplate,
    reads=Operation.READ_TEMPLATES,
    writes=Operation.WRITE_TEMPLATES,
    updated=Activity.UPDATE_SYNC_TEMPLATE,
    cleared=Activity.RESET_SYNC_TEMPLATE,
)


def shown_as(singleton: Singleton[T], service: Service, call: Call) -> Shape:
    """Return the type that a call sees, with undocumented keys if the server keeps them."""
    seen = singleton.seen_as(call.version)
    return OBSERVED.get(seen, seen) if service.undocumented_keys else seen


async def read(service: Service, call: Call, singleton: Singleton[T]) -> bytes:
    """Return the stored document, or the one nobody configured.

    Raises:
        Forbidden: the caller may not read it.
    """
    require(call.caller, singleton.reads)
    snapshot = await service.store.snapshot(call.caller.tenant)
    stored = snapshot.get(singleton.kind, SINGLETON)
    return stored if stored is not None else json.encode(singleton.pristine(snapshot.tenant))


def read_templates(call: Call) -> bytes:
    """Return the container of the templates: it has an id and nothing else, and is never stored.

    Raises:
        Forbidden: the caller may not read templates.
    """
    require(call.caller, Operation.READ_TEMPLATES)
    return json.encode(pristine.templates(call.caller.tenant))


async def update(service: Service, call: Call, singleton: Singleton[T], body: Document) -> None:
    """Change the properties that the body names.

    Raises:
        Forbidden: the caller may not change it.
        InvalidInput: the body breaks rules; nothing is changed.
    """
    require(call.caller, singleton.writes)

    def decide(snapshot: Snapshot) -> Change:
        before = _current(snapshot, singleton)
        untouched = singleton.pristine(snapshot.tenant)
        start = _begin(before, body)
        after, violations = edit(start, body, shown_as(singleton, service, call), untouched, service.strength)
        if violations:
            raise InvalidInput(violations)
        after = _finish(after)
        if after == before:
            return Change(())
        return change(service, call, Modification(singleton.updated, singleton.kind, SINGLETON, before, after))

    await service.store.change(call.caller.tenant, decide)


async def reset(service: Service, call: Call, singleton: Singleton[T]) -> None:
    """Take the object back to the state that nobody configured.

    Raises:
        Forbidden: the caller may not change it.
    """
    require(call.caller, singleton.writes)
    if singleton.cleared is None:
        raise TypeError(singleton.kind)
    cleared = singleton.cleared

    def decide(snapshot: Snapshot) -> Change:
        before = _current(snapshot, singleton)
        after = singleton.pristine(snapshot.tenant)
        own = [] if after == before else [Modification(cleared, singleton.kind, SINGLETON, before, after)]
        made = [change(service, call, each) for each in (*own, *_capabilities(snapshot, singleton.kind))]
        return Change(
            tuple(write for each in made for write in each.writes), tuple(told for each in made for told in each.audit)
        )

    await service.store.change(call.caller.tenant, decide)


def _capabilities(snapshot: Snapshot, kind: Kind) -> Iterator[Modification]:
    """Nobody configured the capabilities of the system default, so they go with a reset of the default policy."""
    prefix = owned_key(DEFAULT_OWNER, "")
    for key, document in snapshot.scan(Kind.CAPABILITY, prefix) if kind is Kind.DEFAULT else ():
        if not key.startswith(prefix):
            break
        before = json.decode(document, type=Capability)
        yield Modification(Activity.DELETE_CAPABILITY, Kind.CAPABILITY, key, before, None)


def _current(snapshot: Snapshot, singleton: Singleton[T]) -> T:
    stored = snapshot.get(singleton.kind, SINGLETON)
    return singleton.pristine(snapshot.tenant) if stored is None else json.decode(stored, type=singleton.shape)


def _begin(before: T, body: Document) -> T:
    """Tenant restrictions that are first written start from "everything blocked" (observed, semantics section 2)."""
    if (
        isinstance(before, policies.BetaDefault)
        and before.tenant_restrictions is None
        and body.get("tenantRestrictions")
    ):
        return structs.replace(before, tenant_restrictions=pristine.CREATED_TENANT_RESTRICTIONS)
    return before


def _finish(after: T) -> T:
    """Any accepted write takes the default policy off the service default, even without a difference (R2.7)."""
    return structs.replace(after, is_service_default=False) if isinstance(after, policies.BetaDefault) else after
