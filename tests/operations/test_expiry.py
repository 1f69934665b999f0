"""A certificate that ends while its server runs: told once a day in its last days, and once when it has ended."""

from __future__ import annotations

import datetime as dt
import signal
import struct
import time
from typing import TYPE_CHECKING

from tests.contract.preloaded import built
from tests.operations.test_lifetime import send, until_logged
from tests.operations.test_refusals import DAY, certificate
from xtap.identity import authority
from xtap.server.expiry import Expiry
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_server_that_runs_for_long_tells_that_its_certificate_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The wall clock of the server is moved, so that weeks go by; a renewed certificate ends the warnings."""
    clocks = tmp_path / "clocks"
    clocks.write_bytes(bytes(16))
    monkeypatch.setenv("LD_PRELOAD", str(built("moved_clocks.c", tmp_path)))
    monkeypatch.setenv("MOVED_CLOCKS", str(clocks))

    def after(days: int) -> None:
        with clocks.open("r+b") as file:
            file.write(struct.pack("=qq", int((days * DAY).total_seconds()), 0))

    flags = certificate(tmp_path, -DAY, 20 * DAY)
    ends = dt.datetime.now(dt.UTC) + 20 * DAY
    with running(tmp_path, *flags) as server:
        assert "the certificate" not in server.log()
        for days, times in ((7, 1), (8, 2)):
            after(days)
            until_logged(server, f"{tmp_path / 'tls.pem'} expires on {ends:%Y-%m-%d}", times)
        after(21)
        until_logged(server, f"{tmp_path / 'tls.pem'} expired on {ends:%Y-%m-%d}")
        assert "clients refuse it. Renew it" in server.log()
        certificate(tmp_path, -DAY, 100 * DAY)
        send(server, signal.SIGHUP)
        until_logged(server, "were reloaded")
        assert server.log().count("expires on") == 2


def told_each_hour(file: Path, days: int, caplog: pytest.LogCaptureFixture, *, own: bool) -> list[int]:
    """Let days go by hour by hour from now, and return in which hours something was told."""
    moment = begun = time.time()
    expiry, hours = Expiry(lambda: moment), []
    expiry.begin(file, file.read_bytes(), own=own)
    for hour in range(days * 24):
        moment = begun + hour * 3600 + 1
        before = len(caplog.records)
        expiry.look()
        hours += [hour] * (len(caplog.records) - before)
    return hours


def test_it_is_told_once_a_day_and_then_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    certificate(tmp_path, -DAY, 20 * DAY)
    hours = told_each_hour(tmp_path / "tls.pem", 40, caplog, own=False)
    assert hours == [*range(6 * 24, 20 * 24, 24), 20 * 24]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 14 + ["ERROR"]


def test_the_certificate_of_xtap_itself_ends_too(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    made = authority.ensure(tmp_path, time.time())
    hours = told_each_hour(made.certificate, 400, caplog, own=True)
    assert len(hours) == 14 + 1
    assert all("it makes a new one" in message for message in caplog.messages)
