"""The decision log of a real server, as lines of a file: written when the server ends, however much waited."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from pathlib import Path

USER = "f0000000-0000-4000-8000-00000000000a"
ASKED = {
    "subject": {"type": "user", "id": USER, "properties": {"tenantId": FABRIKAM.id, "groups": []}},
    "resource": {"type": "application", "id": USER, "properties": {"tenantId": CONTOSO.id}},
}


@pytest.mark.wire
@pytest.mark.parametrize("unmasked", [False, True])
def test_what_was_decided_stands_in_the_file(tmp_path: Path, *, unmasked: bool) -> None:
    path = tmp_path / "decisions.jsonl"
    flags = ["--decision-log", str(path), "--decision-log-rate", "0"]
    with running(tmp_path, *flags, *(["--decision-log-unmasked"] if unmasked else [])) as server:
        for action in ("b2bCollaboration", "b2bDirectConnect"):
            body = ASKED | {"action": {"name": action}}
            url = f"{server.http}/access/v1/evaluation"
            headers = server.headers() | {"X-Request-ID": action}
            httpx.post(url, json=body, headers=headers).raise_for_status()
        server.stop()
        (line,) = [json.loads(line) for line in path.read_text().splitlines()]
        assert "Traceback" not in server.log()
    assert (line["request_id"], line["decision"], line["error_code"]) == ("b2bDirectConnect", False, "AADSTS500212")
    assert (line["user"] == USER) is unmasked


@pytest.mark.wire
def test_a_file_that_another_program_locks_keeps_no_server_from_starting_and_ending(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    with path.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with running(tmp_path, "--decision-log", str(path)) as server:
            body = ASKED | {"action": {"name": "b2bCollaboration"}}
            httpx.post(f"{server.http}/access/v1/evaluation", json=body, headers=server.headers()).raise_for_status()
            assert server.stop() == 0
            assert "1 decisions may not have been logged: the log has not answered" in server.log()
    assert path.read_bytes() == b""
