"""How much time has passed? A clock that nobody can set, and that goes on while the machine sleeps.

``time.monotonic`` stands still during suspend on Linux, and in a virtual machine that was paused that way: what was in
memory before would count as fresh for seconds after.

Source: https://man7.org/linux/man-pages/man2/clock_gettime.2.html (CLOCK_BOOTTIME).
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


since_boot: Final[Callable[[], float]] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)
"""Seconds since some moment before; ``time.monotonic`` where the platform has no better one."""
