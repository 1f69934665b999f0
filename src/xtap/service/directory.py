"""Who are a tenant's people? Its users, their groups (nested ones too), and the applications it uses; read only.

What a question leaves out is filled from here. Membership is answered from an index that is built once for each state
of a tenant's groups; groups in groups are followed to the end, also where they contain each other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, json

from xtap.errors import Conflict, NotFound
from xtap.model.directory import Organization, ServicePrincipal, StoredGroup, User, organization_of
from xtap.model.ids import DIRECTORY
from xtap.model.objects import Kind
from xtap.service import tenants
from xtap.service.partners import no_such_object
from xtap.service.permissions import Operation, require
from xtap.store.protocol import Change, Write
from xtap.store.sorted_map import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from xtap.model.ids import TenantId
    from xtap.service.context import Call, Service
    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot
    from xtap.store.sorted_map import SortedMap

Object = User | StoredGroup | ServicePrincipal
Index = TypeVar("Index")

KINDS: Final[Mapping[type[Struct], Kind]] = {
    User: Kind.USER,
    StoredGroup: Kind.GROUP,
    ServicePrincipal: Kind.SERVICE_PRINCIPAL,
}
_users: Final = json.Decoder(User)
_groups: Final = json.Decoder(StoredGroup)
_applications: Final = json.Decoder(ServicePrincipal)


class Person(Struct, frozen=True, gc=False):
    """A user and the groups that the user belongs to.

    Attributes:
        user: the user.
        groups: ids of every group that the user is known to belong to.
        known: ids of the groups that the directory has: of others nobody knows who belongs to them.
    """

    user: User
    groups: frozenset[str]
    known: frozenset[str]


class Directory:
    """Lookups in the directories of all tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[TenantId, tuple[SortedMap, dict[str, str]]] = {}
        self._groups: dict[TenantId, tuple[SortedMap, frozenset[str]]] = {}
        self._parents: dict[TenantId, tuple[SortedMap, Mapping[str, list[str]]]] = {}

    async def person(self, tenant: TenantId, name: str) -> Person | None:
        """Return the one user with this object id, principal name or mail address, in any case; None if not one."""
        snapshot = self._store.at_hand(tenant)
        if snapshot is None:
            if (await self._store.snapshot(DIRECTORY)).get(Kind.TENANT, tenant) is None:
                return None  # nothing is loaded and kept for ids that somebody made up
            snapshot = await self._store.snapshot(tenant)
        users, name = snapshot.objects.get(Kind.USER, EMPTY), name.lower()
        if not users:
            return None
        document = users.get(name)
        if document is None:
            key = _kept(self._names, snapshot, Kind.USER, _by_name).get(name)
            document = users.get(key) if key else None
        if document is None:
            return None
        user = _users.decode(document)
        groups = _closure(_kept(self._parents, snapshot, Kind.GROUP, _by_member), user.id)
        return Person(user, groups, _kept(self._groups, snapshot, Kind.GROUP, _ids))

    async def owner(self, name: str) -> TenantId | None:
        """Return the registered tenant in whose domain an address is, None for an object id and for strangers."""
        _, at, domain = name.rpartition("@")
        if not at:
            return None
        return tenants.of_domain(await self._store.snapshot(DIRECTORY), domain.lower())

    async def users(self, tenant: TenantId, after: str | None = None) -> Iterator[str]:
        """Return the object ids of the people who live in a tenant and can sign in, in order, behind ``after`` only."""
        found = (await self._store.snapshot(tenant)).scan(Kind.USER, after)
        users = ((key, _users.decode(document)) for key, document in found)
        return (key for key, user in users if user.account_enabled and not user.is_external)

    async def applications(self, tenant: TenantId) -> list[str]:
        """Return the application ids that a tenant uses, in order."""
        found = (await self._store.snapshot(tenant)).scan(Kind.SERVICE_PRINCIPAL)
        return sorted({_applications.decode(document).app_id for _, document in found})


def _kept(
    cache: dict[TenantId, tuple[SortedMap, Index]],
    snapshot: Snapshot,
    kind: Kind,
    build: Callable[[Iterable[bytes]], Index],
) -> Index:
    """Return an index of the objects of one kind, built again when one of them has changed."""
    objects = snapshot.objects.get(kind, EMPTY)
    known = cache.get(snapshot.tenant)
    if known is None or known[0] is not objects:
        known = cache[snapshot.tenant] = (objects, build(document for _, document in objects.scan()))
    return known[1]


def _by_name(documents: Iterable[bytes]) -> dict[str, str]:
    """Map names and addresses to object ids; a principal name wins, and what several have is nobody's."""
    users = [_users.decode(document) for document in documents]
    addresses = _unambiguous((user.mail.lower(), user.id) for user in users if user.mail)
    return addresses | _unambiguous((user.user_principal_name.lower(), user.id) for user in users)


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, key in pairs:
        found[name] = key if found.get(name, key) == key else ""
    return found


def _ids(documents: Iterable[bytes]) -> frozenset[str]:
    return frozenset(_groups.decode(document).id for document in documents)


def _by_member(documents: Iterable[bytes]) -> Mapping[str, list[str]]:
    """Map each member to the groups that it is a direct member of."""
    parents: dict[str, list[str]] = defaultdict(list)
    for group in map(_groups.decode, documents):
        for member in group.members:
            parents[member].append(group.id)
    return dict(parents)


def _closure(parents: Mapping[str, list[str]], member: str) -> frozenset[str]:
    """Return all groups above a member; a group that is met again is not followed again."""
    found: set[str] = set()
    waiting = [member]
    while waiting:
        above = [group for group in parents.get(waiting.pop(), ()) if group not in found]
        found.update(above)
        waiting += above
    return frozenset(found)


async def listing(service: Service, call: Call, kind: Kind) -> Snapshot:
    """Return the state of the caller's tenant to list its users or groups from.

    Raises:
        Forbidden: the caller may not read them.
    """
    require(call.caller, _READ[kind])
    return await service.store.snapshot(call.caller.tenant)


async def read(service: Service, call: Call, kind: Kind, name: str) -> bytes:
    """Return the document of one user or group; a user may be named by user principal name.

    Raises:
        Forbidden: the caller may not read them.
        NotFound: there is none.
    """
    snapshot = await listing(service, call, kind)
    stored = snapshot.get(kind, name.lower())
    if stored is None and kind is Kind.USER:
        wanted = name.lower()
        users = (document for _, document in snapshot.scan(kind))
        stored = next((each for each in users if _users.decode(each).user_principal_name.lower() == wanted), None)
    if stored is None:
        raise no_such_object(name[:128])
    return stored


async def organization(service: Service, call: Call) -> Organization:
    """Return the caller's own organization.

    Raises:
        Forbidden: the caller may not read it.
    """
    require(call.caller, Operation.READ_ORGANIZATION)
    tenant = await tenants.find(service.store, call.caller.tenant)
    if tenant is None:
        raise NotFound("The tenant of the access token is not registered.")
    return organization_of(tenant)


_READ: Final[Mapping[Kind, Operation]] = {Kind.USER: Operation.READ_USERS, Kind.GROUP: Operation.READ_GROUPS}


async def put_objects(store: Store, tenant: TenantId, objects: Iterable[Object], *, whole: bool) -> None:
    """Write users, groups and service principals in one change.

    Args:
        store: where.
        tenant: whose directory.
        objects: what to write; an object with the same id is replaced.
        whole: whether what is not among the objects is removed.

    Raises:
        Conflict: a user has the name of another one who stays.
    """
    wanted = {(KINDS[type(each)], each.id): json.encode(each) for each in objects}

    def decide(snapshot: Snapshot) -> Change:
        there = [(kind, key) for kind in KINDS.values() for key, _ in snapshot.scan(kind)] if whole else []
        gone = [Write(kind, key, None) for kind, key in there if (kind, key) not in wanted]
        _require_unique_names(snapshot, wanted, {key for kind, key in there if (kind, key) not in wanted})
        changed = [Write(*name, document) for name, document in wanted.items() if snapshot.get(*name) != document]
        return Change((*gone, *changed))

    await store.change(tenant, decide)


def _require_unique_names(snapshot: Snapshot, wanted: Mapping[tuple[Kind, str], bytes], gone: AbstractSet[str]) -> None:
    names: dict[str, str] = {}
    new = {key: document for (kind, key), document in wanted.items() if kind is Kind.USER}
    old = ((key, document) for key, document in snapshot.scan(Kind.USER) if key not in new and key not in gone)
    for user in map(_users.decode, (*new.values(), *(document for _, document in old))):
        other = names.setdefault(user.user_principal_name.lower(), user.id)
        if other != user.id:
            raise Conflict(f"Two users would be called '{user.user_principal_name}': {other} and {user.id}.")
