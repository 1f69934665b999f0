"""An organization that a crash interrupts: whatever was left is finished at the next access, once."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.stage import LETTERS, MTO, POLICY, ids, opened
from xtap.errors import Unavailable
from xtap.model.ids import DIRECTORY
from xtap.model.objects import SINGLETON, Kind
from xtap.service import settling
from xtap.store.memory import MemoryStore
from xtap.store.protocol import Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conformance.stage import Stage
    from xtap.model.ids import TenantId
    from xtap.store.snapshot import Snapshot


class Mortal(MemoryStore):
    """A store that refuses after some changes, as if the server had died there."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0
        self.last: int | None = None

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Change, unless that would be one too many."""
        if self.last is not None and self.changes >= self.last:
            raise Unavailable("The server is dead.")
        before = await self.snapshot(tenant)
        after = await super().change(tenant, decide)
        self.changes += after.version > before.version
        return after


async def _play(stage: Stage) -> None:
    """Two tenants are in an organization with templates; the third asks to join."""
    trust = {"inboundTrust": {"isMfaAccepted": True}}
    for each in LETTERS:
        await stage.ask(each, "PATCH", f"{POLICY}/templates/multiTenantOrganizationPartnerConfiguration", trust)
    await stage.gather("b")
    await stage.add("c")


async def _seen(stage: Stage) -> list[Any]:
    seen: list[Any] = []
    for each in ("d", "a", "b", "c"):
        told = [(name, author) for name, _, author in await stage.told(each)]
        seen += [await stage.members(each), await stage.partners(each), told]
    directory = await stage.store.snapshot(DIRECTORY)
    return [*seen, directory.count(Kind.EFFECT), directory.count(Kind.DUE_JOIN), directory.count(Kind.JOIN_REQUEST)]


async def _dies_after(folder: Path, changes: int | None, path: tuple[str, str, str, Any]) -> tuple[list[Any], int]:
    """Let a request be cut short after some changes, and return what is seen after a restart, and how many it makes."""
    store = Mortal()
    async with opened(folder, store=store) as stage:
        await _play(stage)
        if path[1] == "DELETE":
            await stage.join("c")
        store.changes, store.last = 0, changes
        answer = await stage.client.request(path[1], f"/v1.0{path[2]}", headers=stage.headers(path[0]), json=path[3])
        assert answer.status_code == (503 if changes == 0 else 204)
        store.last = None
        await stage.open()
        if changes == 0:
            await stage.ask(*path)
        return await _seen(stage), store.changes


JOIN = ("c", "PATCH", f"{MTO}/joinRequest", {"addedByTenantId": ids("a")})
LEAVE = ("c", "DELETE", f"{MTO}/tenants/{ids('c')}", None)


@pytest.mark.parametrize("request_", [JOIN, LEAVE], ids=["join", "leave"])
async def test_what_a_crash_interrupts_is_finished_once(tmp_path: Path, request_: tuple[str, str, str, Any]):
    whole, changes = await _dies_after(tmp_path, None, request_)
    assert changes >= 7, "the register, then each of three tenants and the register again"
    for number in range(changes):
        found, _ = await _dies_after(tmp_path, number, request_)
        assert found == whole, number


async def test_requests_at_the_same_time_finish_a_join_once(tmp_path: Path):
    store = SqliteStore.open(tmp_path / "xtap.db", exclusive=True)
    async with opened(tmp_path, timedelta(hours=1), store) as stage:
        await stage.create()
        for each in ("b", "c"):
            await stage.add(each)
            await stage.join(each)
        stage.time += timedelta(hours=1)
        await asyncio.gather(*(stage.partners(each) for each in LETTERS * 5))
        assert await stage.partners("a") == {"b": True, "c": True}
        for each, others in (("a", "bc"), ("b", "ac"), ("c", "ab")):
            added = [key for name, key, _ in await stage.told(each) if name.startswith("Add a partner")]
            assert sorted(map(str, added)) == sorted(ids(other) for other in others)
        assert (await store.snapshot(DIRECTORY)).count(Kind.EFFECT) == 0


async def test_reading_goes_on_while_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settling, "AGAIN", 0.0)
    store = Mortal()
    async with opened(tmp_path, timedelta(hours=1), store) as stage:
        await _play(stage)
        await stage.join("c")
        stage.time += timedelta(hours=1)
        store.last = 0
        assert (await stage.members("a"))["c"] == ("member", "pending")
        store.last = None
        assert (await stage.members("a"))["c"] == ("member", "active")


class Hanging(Mortal):
    """A store whose changes take as long as they are held up; reads from memory go on."""

    def __init__(self) -> None:
        super().__init__()
        self.flows = asyncio.Event()
        self.flows.set()
        self.asked = 0

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Change, when nothing is held up."""
        self.asked += 1
        await self.flows.wait()
        return await super().change(tenant, decide)


async def test_reading_waits_once_for_what_is_due_while_changes_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settling, "WAIT", 0.3)
    store = Hanging()
    async with opened(tmp_path, timedelta(hours=1), store) as stage:
        await _play(stage)
        await stage.join("c")
        stage.time += timedelta(hours=1)
        store.flows.clear()
        store.asked = 0
        seconds = []
        for _ in range(20):
            began = time.monotonic()
            assert (await stage.members("a"))["c"] == ("member", "pending")
            seconds.append(time.monotonic() - began)
        assert sum(each >= 0.3 for each in seconds) == 1
        assert sum(seconds[1:]) < 6  # in the seconds of twenty waits nobody waited
        assert store.asked == 1, "one try at a time"
        store.flows.set()
        for _ in range(1_000):
            if (await stage.members("a"))["c"] == ("member", "active"):
                break
            await asyncio.sleep(0.01)
        assert await stage.partners("a") == {"b": True, "c": True}
        await stage.server.close()


class HangingTenants(Hanging):
    """A store that holds up changes of tenants, and takes those of the register."""

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Change, when it is the register or nothing is held up."""
        return await (Mortal if tenant == DIRECTORY else Hanging).change(self, tenant, decide)


async def test_who_changes_an_organization_waits_for_no_tenant_that_hangs(tmp_path: Path):
    store = HangingTenants()
    async with opened(tmp_path, store=store) as stage:
        store.flows.clear()
        async with asyncio.timeout(60):
            await stage.gather("b")
            while (await stage.members("a"))["b"] != ("member", "active"):
                await stage.members("b")
        assert (await store.snapshot(DIRECTORY)).count(Kind.EFFECT) > 0
        store.flows.set()
        for _ in range(1_000):
            if await stage.partners("a") == {"b": True} and await stage.partners("b") == {"a": True}:
                break
            await asyncio.sleep(0.01)
        assert (await store.snapshot(DIRECTORY)).count(Kind.EFFECT) == 0
        joined = [name for name, _, _ in await stage.told("a") if name.startswith("Add a partner")]
        assert len(joined) == 1


@pytest.mark.parametrize("broken", ["a", "b", "c"])
async def test_a_tenant_whose_effects_fail_stops_no_other(
    tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "AGAIN", 0.0)
    async with opened(tmp_path) as stage:
        await _play(stage)
        template = (await stage.store.snapshot(ids(broken))).get(Kind.PARTNER_TEMPLATE, SINGLETON)
        await _put_template(stage, broken, b"damaged")
        await stage.join("c")
        others = [each for each in ("a", "b", "c") if each != broken]
        assert [(await stage.partners(each))[other] for each, other in (others, reversed(others))] == [True, True]
        told = [record.getMessage() for record in caplog.records if record.name == settling.log.name]
        assert len(told) == 1, "it is told once, however often it is tried"
        assert told[0].startswith(f"what organizations did to tenant {ids(broken)} cannot be carried out now")
        assert (await stage.partners(broken)).get("c" if broken != "c" else "a") is None
        await _put_template(stage, broken, template)
        for _ in range(1_000):  # nobody waits for what failed before
            if (await stage.partners(broken)) == dict.fromkeys(others, True):
                break
            await asyncio.sleep(0.01)
        assert (await stage.partners(broken)) == dict.fromkeys(others, True)
        for each, other in (("a", "c"), ("b", "c"), ("c", "a"), ("c", "b")):
            added = [key for name, key, _ in await stage.told(each) if name.startswith("Add a partner")]
            assert added.count(ids(other)) == 1, (each, other)


async def _put_template(stage: Stage, letter: str, document: bytes | None) -> None:
    write = Write(Kind.PARTNER_TEMPLATE, SINGLETON, document)
    await stage.store.change(ids(letter), lambda _: Change((write,)))
