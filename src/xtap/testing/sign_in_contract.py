"""What does a store promise of sign-ins? The part of the store contract that keeps a tenant's log of them."""

# ruff: noqa: S101 - as in ``store_contract``

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.ids import TenantId
from xtap.store.protocol import SignInEntry

if TYPE_CHECKING:
    from xtap.store.protocol import Store

_ONE = TenantId("11111111-1111-4111-8111-111111111111")
_OTHER = TenantId("22222222-2222-4222-8222-222222222222")


def _entry(time: int, key: str, document: bytes = b"{}") -> SignInEntry:
    return SignInEntry(f"2026-01-{time:02}T00:00:00.0000000Z", key, document)


class SignInContract:
    """Tests of ``add_sign_ins``, ``sign_ins`` and ``sign_in``; a subclass has the fixture ``store``."""

    async def test_sign_ins_come_latest_first_and_in_pages(self, store: Store) -> None:
        """Time orders, the id decides between equal times, and a page continues behind the one before."""
        wanted = [_entry(3, "a"), _entry(2, "c"), _entry(2, "b"), _entry(1, "z")]
        await store.add_sign_ins(_ONE, [wanted[2], wanted[0], wanted[3], wanted[1]])
        assert list(await store.sign_ins(_ONE)) == wanted
        assert list(await store.sign_ins(_ONE, descending=False)) == wanted[::-1]
        for descending, order in ((True, wanted), (False, wanted[::-1])):
            read: list[SignInEntry] = []
            while page := await store.sign_ins(
                _ONE, after=(read[-1].time, read[-1].id) if read else None, descending=descending, limit=1
            ):
                read += page
            assert read == order

    async def test_a_sign_in_that_comes_again_takes_the_place_of_the_first(self, store: Store) -> None:
        """An export that overlaps another one doubles nothing."""
        await store.add_sign_ins(_ONE, [_entry(1, "a", b"1"), _entry(2, "b", b"2")])
        await store.add_sign_ins(_ONE, [_entry(3, "a", b"3"), _entry(3, "a", b"4")])
        assert [(entry.id, entry.document) for entry in await store.sign_ins(_ONE)] == [("a", b"4"), ("b", b"2")]

    async def test_sign_ins_are_of_one_tenant(self, store: Store) -> None:
        """The same id may be in two tenants' logs; neither sees the other."""
        await store.add_sign_ins(_ONE, [_entry(1, "a", b"1")])
        await store.add_sign_ins(_OTHER, [_entry(1, "a", b"2")])
        assert await store.sign_in(_ONE, "a") == b"1"
        assert await store.sign_in(_OTHER, "a") == b"2"
        assert await store.sign_in(_ONE, "b") is None
        assert [entry.document for entry in await store.sign_ins(_OTHER)] == [b"2"]
        assert (await store.snapshot(_ONE)).version == 0
