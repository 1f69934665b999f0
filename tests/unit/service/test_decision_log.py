"""The decision log: what is noted, what is masked, and what happens while a sink refuses."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.room import files_no_longer_than
from xtap.errors import OutcomeUnknown, Unavailable
from xtap.model.ids import TenantId
from xtap.service import decision_log
from xtap.service.decision_log import DecisionLog, Entry, FileSink, StoreSink, Summary
from xtap.store.memory import MemoryStore
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONTOSO = TenantId("11111111-1111-4111-8111-111111111111")
USER = "b0000000-0000-4000-8000-000000000001"


def entry(request_id: str = "r", *, decision: bool = False) -> Entry:
    return Entry(
        request_id=request_id,
        caller=CONTOSO,
        client="c",
        action="b2bCollaboration",
        home=None,
        resource=CONTOSO,
        user=USER,
        client_app=None,
        resource_app="d",
        decision=decision,
        summary=Summary("blocked", "AADSTS500213", ("XT-CELL-1",), {CONTOSO: 3}),
    )


def now() -> datetime:
    return datetime(2026, 11, 21, 7, 0, 0, 5000, tzinfo=UTC)


async def written(entries: list[Entry], rate: float = 1.0, mask: bytes | None = b"k") -> list[dict[str, Any]]:
    store = MemoryStore()
    log = DecisionLog(StoreSink(store), rate, mask, now)
    for each in entries:
        log.note(each, (int(each.request_id) % 100) / 100 if each.request_id.isdecimal() else 0.0)
    await log.close()
    return [json.loads(document) for _, document in await store.logged(CONTOSO, limit=100_000)]


async def test_what_stands_in_an_entry():
    (found,) = await written([entry()])
    assert found.pop("user") not in {None, USER}
    assert found == {
        "time": "2026-11-21T07:00:00.005Z",
        "request_id": "r",
        "caller": CONTOSO,
        "client": "c",
        "action": "b2bCollaboration",
        "home": None,
        "policy_tenant": None,
        "resource": CONTOSO,
        "client_app": None,
        "resource_app": "d",
        "decision": False,
        "outcome": "blocked",
        "error_code": "AADSTS500213",
        "rules": ["XT-CELL-1"],
        "policy_versions": {CONTOSO: 3},
    }


async def test_masks_are_the_same_for_the_same_user_and_key():
    one, same = await written([entry("1"), entry("2")])
    (other,) = await written([entry()], mask=b"another")
    (plain,) = await written([entry()], mask=None)
    assert one["user"] == same["user"] != other["user"]
    assert plain["user"] == USER


async def test_what_is_allowed_is_sampled_and_what_is_denied_is_not():
    allowed = [entry(f"{number}", decision=True) for number in range(2_000)]
    denied = [entry(f"{number}") for number in range(200)]
    found = await written([*allowed, *denied], rate=0.1)
    assert sum(not each["decision"] for each in found) == 200
    assert sum(each["decision"] for each in found) == 200
    assert await written([*allowed, *denied], rate=0.1) == found
    assert not await written(allowed, rate=0.0)
    assert len(await written(allowed, rate=1.0)) == 2_000


async def test_a_file_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    for _ in range(2):
        log = DecisionLog(FileSink(path), 1.0, b"k", now)
        log.note(entry(), 0.0)
        await log.close()
    assert [json.loads(line)["request_id"] for line in path.read_text().splitlines()] == ["r", "r"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_store_is_meant_in_any_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with in_process(tmp_path / "keys", decision_log="Store") as app:
        assert app.application.decision_log is not None
        app.application.decision_log.note(entry(), 0.0)
        await app.application.decision_log.close()
        assert len(await app.application.store.logged(CONTOSO, limit=9)) == 1
    assert not (tmp_path / "Store").exists()


class Refusing:
    """A sink that refuses so often, and in this way, before it takes anything."""

    def __init__(self, times: int, refusal: Unavailable | None = None) -> None:
        self.times = times
        self.refusal = refusal or Unavailable("full")
        self.taken: list[bytes] = []

    async def write(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        self.times -= 1
        if self.times >= 0:
            raise self.refusal
        self.taken += [document for _, document in entries]


async def test_what_a_sink_refuses_is_tried_again() -> None:
    sink = Refusing(1)
    log = DecisionLog(sink, 1.0, None, now)
    log.note(entry("first"), 0.0)
    await asyncio.sleep(decision_log.INTERVAL * 1.2)
    log.note(entry("second"), 0.0)
    await log.close()
    assert [json.loads(each)["request_id"] for each in sink.taken] == ["first", "second"]


async def test_what_may_have_been_written_is_not_written_twice(caplog: pytest.LogCaptureFixture) -> None:
    sink = Refusing(1, OutcomeUnknown("lost"))
    log = DecisionLog(sink, 1.0, None, now)
    log.note(entry("first"), 0.0)
    await asyncio.sleep(decision_log.INTERVAL * 1.2)
    log.note(entry("second"), 0.0)
    await log.close()
    assert [json.loads(each)["request_id"] for each in sink.taken] == ["second"]
    assert [each.getMessage() for each in caplog.records] == [
        "1 decisions may have been logged or not; they are not tried again: lost"
    ]


async def test_a_disk_that_refuses_is_told_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dropped: list[int] = []
    log = DecisionLog(FileSink(tmp_path), 1.0, None, now, dropped.append)
    log.note(entry("first"), 0.0)
    await log.close()
    refused, lost = caplog.records
    assert refused.exc_info is lost.exc_info is None
    assert refused.getMessage() == (
        f"1 decisions could not be logged; they are tried again: {tmp_path}: Is a directory. "
        "Make room for this file, or let the user that runs xtap write it."
    )
    assert (lost.getMessage(), dropped) == ("1 decisions may not have been logged: the log refused them", [1])


async def test_a_disk_that_is_full_is_told_with_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "decisions.jsonl"
    log = DecisionLog(FileSink(path), 1.0, None, now)
    log.note(entry("first"), 0.0)
    with files_no_longer_than(10):
        await log.close()
    assert path.read_bytes() == b""
    assert f"they are tried again: {path}: File too large. Make room for this file" in caplog.messages[0]


async def test_a_file_may_be_moved_away_while_the_log_is_written(tmp_path: Path) -> None:
    path, moved = tmp_path / "decisions.jsonl", tmp_path / "decisions.jsonl.1"
    log = DecisionLog(FileSink(path), 1.0, None, now)
    log.note(entry("first"), 0.0)
    async with asyncio.timeout(20):
        while not path.exists() or not path.read_bytes().endswith(b"\n"):  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.05)
    path.rename(moved)
    log.note(entry("second"), 0.0)
    await log.close()
    assert [json.loads(file.read_bytes())["request_id"] for file in (moved, path)] == ["first", "second"]


async def test_what_has_no_room_is_written_whole_later(tmp_path: Path) -> None:
    """Neither half lines nor lines twice."""
    path = tmp_path / "decisions.jsonl"
    sink = FileSink(path)
    lines = [b'{"request_id":"%04d"}' % number for number in range(30)]
    batches = [[(CONTOSO, line) for line in part] for part in (lines[:10], lines[10:])]
    await sink.write(batches[0])
    before = path.read_bytes()
    with files_no_longer_than(len(before) * 5 // 2), pytest.raises(OSError, match="too large"):
        await sink.write(batches[1])
    assert path.read_bytes() == before
    await sink.write(batches[1])
    assert path.read_bytes().splitlines() == lines


async def test_decisions_are_written_without_being_closed(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    log = DecisionLog(FileSink(path), 1.0, b"k", now)
    log.note(entry(), 0.0)
    assert not path.exists()
    await asyncio.sleep(decision_log.INTERVAL * 1.5)
    assert len(path.read_text().splitlines()) == 1
    await log.close()
