"""People and their groups: by id or name, through groups in groups, always of the present state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xtap.errors import Conflict
from xtap.model.directory import ServicePrincipal, StoredGroup, Tenant, User
from xtap.model.ids import TenantId
from xtap.service import tenants
from xtap.service.directory import Directory, put_objects
from xtap.store.memory import MemoryStore

if TYPE_CHECKING:
    from xtap.service.directory import Person

CONTOSO = TenantId("11111111-1111-4111-8111-111111111111")
FABRIKAM = TenantId("22222222-2222-4222-8222-222222222222")
ADELE = User("a", "adele@contoso.example", mail="sales@contoso.example")
MEGAN = User("b", "megan@contoso.example")


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    for tenant in (CONTOSO, FABRIKAM):
        await tenants.add(store, Tenant(tenant, tenant))
    return store


async def person(store: MemoryStore, name: str, tenant: TenantId = CONTOSO) -> Person | None:
    return await Directory(store).person(tenant, name)


async def test_by_id_and_by_name(store: MemoryStore) -> None:
    await put_objects(store, CONTOSO, [ADELE, MEGAN], whole=False)
    for name in ("a", "A", "Adele@Contoso.example", "SALES@contoso.example"):
        found = await person(store, name)
        assert found is not None
        assert found.user == ADELE
    assert await person(store, "nobody") is None
    assert await person(store, "a", FABRIKAM) is None


async def test_a_principal_name_wins_over_an_address(store: MemoryStore) -> None:
    await put_objects(
        store, CONTOSO, [User("a", "x@y.example"), User("b", "z@y.example", mail="x@y.example")], whole=False
    )
    found = await person(store, "x@y.example")
    assert found is not None
    assert found.user.id == "a"


async def test_groups_in_groups_also_in_circles(store: MemoryStore) -> None:
    groups = [
        StoredGroup("g1", "g1", members=("a", "g3")),
        StoredGroup("g2", "g2", members=("g1",)),
        StoredGroup("g3", "g3", members=("g2",)),
        StoredGroup("g4", "g4", members=("b", "g4")),
    ]
    await put_objects(store, CONTOSO, [ADELE, MEGAN, User("c", "c"), *groups], whole=False)
    for name, expected in (("a", {"g1", "g2", "g3"}), ("b", {"g4"}), ("c", set[str]())):
        found = await person(store, name)
        assert found is not None
        assert found.groups == expected


async def test_a_long_chain_of_groups(store: MemoryStore) -> None:
    chain = [StoredGroup(f"g{n}", "x", members=("a",) if n == 0 else (f"g{n - 1}",)) for n in range(5_000)]
    await put_objects(store, CONTOSO, [ADELE, *chain], whole=False)
    found = await person(store, "a")
    assert found is not None
    assert len(found.groups) == 5_000


async def test_changes_are_seen(store: MemoryStore) -> None:
    directory = Directory(store)
    await put_objects(store, CONTOSO, [ADELE, StoredGroup("g", "g", members=("a",))], whole=False)
    before = await directory.person(CONTOSO, "adele@contoso.example")
    await put_objects(store, CONTOSO, [StoredGroup("g", "g")], whole=False)
    after = await directory.person(CONTOSO, "adele@contoso.example")
    assert before is not None
    assert after is not None
    assert (before.groups, after.groups) == (frozenset({"g"}), frozenset())
    await put_objects(store, CONTOSO, [MEGAN], whole=True)
    assert await directory.person(CONTOSO, "adele@contoso.example") is None
    assert [*await directory.users(CONTOSO)] == ["b"]


async def test_applications_in_order(store: MemoryStore) -> None:
    applications = [ServicePrincipal("1", "y", "Y"), ServicePrincipal("2", "x", "X"), ServicePrincipal("3", "y", "Y2")]
    await put_objects(store, CONTOSO, applications, whole=False)
    assert await Directory(store).applications(CONTOSO) == ["x", "y"]


async def test_writing_the_same_again_changes_nothing(store: MemoryStore) -> None:
    await put_objects(store, CONTOSO, [ADELE], whole=True)
    await put_objects(store, CONTOSO, [ADELE], whole=True)
    assert (await store.snapshot(CONTOSO)).version == 1


async def test_a_name_belongs_to_one_user(store: MemoryStore) -> None:
    await put_objects(store, CONTOSO, [ADELE], whole=False)
    with pytest.raises(Conflict, match=r"Two users would be called '(?i:adele)@contoso\.example'"):
        await put_objects(store, CONTOSO, [User("b", "ADELE@contoso.example")], whole=False)
    await put_objects(store, CONTOSO, [User("b", "ADELE@contoso.example")], whole=True)
    await put_objects(store, CONTOSO, [User("b", "other@contoso.example"), ADELE], whole=False)
    assert (await store.snapshot(CONTOSO)).version == 3
