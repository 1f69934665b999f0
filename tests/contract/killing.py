"""Start a writer and kill it in the middle of its work: how crash tests do it, whatever the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from xtap.model.ids import TenantId

if TYPE_CHECKING:
    import random
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[2]
WRITER = (sys.executable, "-m", "tests.contract.crash_writer")

KILLS = int(os.environ.get("XTAP_CRASH_KILLS", "50"))
"""How often, over all stores together."""


def when(kill: int, chance: random.Random) -> float:
    """Draw when to kill, in seconds: every fifth while it starts, the first ones while the database is being made."""
    return -chance.uniform(0.02, 0.25) if kill % 5 == 0 else chance.uniform(0, 0.35)


def tenant_of(kill: int) -> TenantId:
    """Return the tenant that the writer of one kill writes to."""
    return TenantId(f"{kill:08d}-0000-4000-8000-000000000000")


def killed_writer(
    place: Path | str,
    tenant: TenantId,
    seconds: float,
    *,
    mode: str = "honest",
    meanwhile: AbstractContextManager[None] | None = None,
) -> set[str]:
    """Let a writer run for some seconds after its first answer, kill it, and return the numbers it acknowledged.

    Args:
        place: the file or the URL of the database.
        tenant: what it writes to.
        seconds: when; negative ones kill it that long after its start, whether it has answered or not.
        mode: how honest the writer is.
        meanwhile: harm that begins right before the kill and ends after it.
    """
    with subprocess.Popen([*WRITER, place, tenant, mode], stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None
        output = bytearray()
        answered = threading.Event()

        def collect(pipe: int) -> None:
            while block := os.read(pipe, 65536):
                output.extend(block)
                answered.set()
            answered.set()

        reader = threading.Thread(target=collect, args=(child.stdout.fileno(),))
        reader.start()
        if seconds >= 0:
            assert answered.wait(30)
        time.sleep(abs(seconds))
        assert child.poll() is None, "the writer ended by itself"
        with meanwhile or nullcontext():
            child.send_signal(signal.SIGKILL)
            child.wait()
        reader.join()
    return set(output.decode().split("\n")[:-1])  # what follows the last line break was not said completely
