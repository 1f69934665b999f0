"""The tenants that this server knows, and their applications: what the embedded issuer and ``xtap tenant`` need."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import json

from xtap.errors import AlreadyExists, Conflict, NotFound
from xtap.model.directory import Application, Tenant
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import Change, Write
from xtap.store.sorted_map import EMPTY

if TYPE_CHECKING:
    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot
    from xtap.store.sorted_map import SortedMap


async def add(store: Store, tenant: Tenant, *, unique_name: bool = False) -> None:
    """Register a tenant.

    Args:
        store: where.
        tenant: the new one.
        unique_name: whether no other one may have its display name; people at the terminal call tenants by it.

    Raises:
        AlreadyExists: its id, one of its domains, or a name that must be unique, is registered.
    """

    def decide(snapshot: Snapshot) -> Change:
        for other in _all(snapshot):
            if other.id == tenant.id:
                raise AlreadyExists(f"Tenant {tenant.id} is registered already, as '{other.display_name}'.")
            if unique_name and other.display_name.lower() == tenant.display_name.lower():
                raise AlreadyExists(f"A tenant '{other.display_name}' is registered already: {other.id}.")
            for domain in set(other.domains) & set(tenant.domains):
                raise AlreadyExists(f"Domain '{domain}' belongs to tenant {other.id} already.")
        return Change((Write(Kind.TENANT, tenant.id, json.encode(tenant)),))

    await store.change(DIRECTORY, decide)


async def listing(store: Store) -> list[Tenant]:
    """Return every registered tenant, by id."""
    return _all(await store.refresh(DIRECTORY))


async def find(store: Store, name: str) -> Tenant | None:
    """Return the tenant with this id or domain, in any case; from memory, which is a moment behind at most."""
    return _found(await store.snapshot(DIRECTORY), name)


async def find_now(store: Store, name: str) -> Tenant | None:
    """As ``find``, but also one that another process has just registered: a name that memory lacks costs a read."""
    return await find(store, name) or _found(await store.refresh(DIRECTORY), name)


def _found(directory: Snapshot, name: str) -> Tenant | None:
    register, wanted = directory.objects.get(Kind.TENANT, EMPTY), name.lower()
    document = register.get(wanted) or register.get(_domains(register).get(wanted, ""))
    return None if document is None else json.decode(document, type=Tenant)


def of_domain(directory: Snapshot, domain: str) -> TenantId | None:
    """Return the tenant that a domain belongs to, in lower case; None if nobody registered it."""
    found = _domains(directory.objects.get(Kind.TENANT, EMPTY)).get(domain)
    return None if found is None else TenantId(found)


@lru_cache(maxsize=4)
def _domains(register: SortedMap) -> dict[str, str]:
    """Map each domain to its tenant; made once for each state of the register."""
    tenants = (json.decode(document, type=Tenant) for _, document in register.scan())
    return {domain: tenant.id for tenant in tenants for domain in tenant.domains}


async def named(store: Store, name: str) -> Tenant:
    """Return the tenant with this display name, id or domain, in any case: how a person at the terminal says it.

    Raises:
        NotFound: there is none.
        Conflict: several have this name.
    """
    found = await find_now(store, name)
    if found is not None:
        return found
    called = [tenant for tenant in await listing(store) if tenant.display_name.lower() == name.lower()]
    if len(called) > 1:
        raise Conflict(
            f"{len(called)} tenants are called '{name}': {', '.join(each.id for each in called)}. Use the id."
        )
    if not called:
        raise NotFound(f"No tenant '{name}' is registered. 'xtap tenant list' shows those that are.")
    return called[0]


async def is_registered(store: Store, tenant_id: TenantId) -> bool:
    """Say whether a tenant is registered; also one that was just registered by another process."""
    snapshot = await store.snapshot(DIRECTORY)
    if snapshot.get(Kind.TENANT, tenant_id) is not None:
        return True
    return (await store.refresh(DIRECTORY)).get(Kind.TENANT, tenant_id) is not None


async def add_application(store: Store, tenant_id: TenantId, application: Application) -> None:
    """Register an application of a tenant, or change the one with this client id."""
    write = Write(Kind.APPLICATION, application.client_id, json.encode(application))
    await store.change(tenant_id, lambda _: Change((write,)))


async def applications(store: Store, tenant_id: TenantId) -> list[Application]:
    """Return every application of a tenant, by client id."""
    snapshot = await store.refresh(tenant_id)
    return [json.decode(document, type=Application) for _, document in snapshot.scan(Kind.APPLICATION)]


async def find_application(store: Store, tenant_id: TenantId, client_id: str) -> Application | None:
    """Return one application of a tenant; also one that was just registered."""
    stored = (await store.refresh(tenant_id)).get(Kind.APPLICATION, client_id)
    return None if stored is None else json.decode(stored, type=Application)


def _all(snapshot: Snapshot) -> list[Tenant]:
    return [json.decode(document, type=Tenant) for _, document in snapshot.scan(Kind.TENANT)]
