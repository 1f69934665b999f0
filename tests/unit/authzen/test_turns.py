"""A request that evaluates much lets others go on, but not after each evaluation."""

from __future__ import annotations

import asyncio
from time import perf_counter

from xtap.authzen.turns import SLICE, Turns


async def test_others_go_on_when_a_turn_is_over() -> None:
    gone_on = asyncio.Event()
    turns = Turns()
    task = asyncio.get_running_loop().create_task(_go_on(gone_on))
    end = perf_counter() + 2 * SLICE
    while perf_counter() < end:
        pass
    await turns.give()
    assert gone_on.is_set()
    await task


async def test_a_turn_is_not_given_away_at_once() -> None:
    kept = 0
    for _ in range(20):  # on a busy machine some of them are over by then
        gone_on = asyncio.Event()
        task = asyncio.get_running_loop().create_task(_go_on(gone_on))
        await Turns().give()
        kept += not gone_on.is_set()
        await task
    assert kept


async def _go_on(gone_on: asyncio.Event) -> None:
    gone_on.set()
