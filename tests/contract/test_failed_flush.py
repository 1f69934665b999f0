"""A disk that takes what it is given and fails to flush it, under a real server: nobody knows what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from tests.contract.nodes import unstarted
from tests.contract.preloaded import built

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_change_whose_flush_failed_is_not_said_to_be_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = unstarted(tmp_path)
    server.run("init", "--demo")
    broken = tmp_path / "broken"
    with monkeypatch.context() as patched:
        patched.setenv("LD_PRELOAD", str(built("failed_flush.c", tmp_path)))
        patched.setenv("FAILED_FLUSH", str(broken))
        server.start()
    kept, lost = str(uuid4()), str(uuid4())

    def create(partner: str) -> httpx.Response:
        url = f"{server.graph}/partners"
        return httpx.post(url, headers=server.headers(), json={"tenantId": partner}, timeout=30)

    def read(partner: str) -> int:
        return httpx.get(f"{server.graph}/partners/{partner}", headers=server.headers(), timeout=30).status_code

    assert create(kept).status_code == 201
    broken.touch()
    refused = create(lost)
    assert refused.status_code == 503
    assert "may have been made: read before you send it again" in refused.json()["error"]["message"]
    server.kill()
    server.start()
    assert read(kept) == 200
    assert read(lost) == 200  # what was written stands in the log of the database, flushed or not
    server.kill()
