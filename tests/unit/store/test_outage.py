"""A failure that goes on is two lines of the log: one when it begins, one when it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xtap.store.outage import Outage

if TYPE_CHECKING:
    import pytest


def test_only_the_beginning_and_the_end_are_told(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    outage = Outage(logging.getLogger("here"), "it is lost", "it is back")
    outage.over()
    for reason in ("first", "second", "third"):
        outage.met(reason)
    outage.over()
    outage.over()
    outage.met("fourth")
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [("WARNING", "it is lost: first"), ("INFO", "it is back"), ("WARNING", "it is lost: fourth")]
