"""Compares the engine with the naive evaluator, and the application with the plain model of what it keeps.

Each for XTAP_FUZZ_SECONDS (60), on XTAP_FUZZ_SEED (drawn, and printed).

python -m tests.fuzz
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from random import Random, SystemRandom

from tests.compared import disagreement, policies_of
from tests.laws import test_model, wild

ROUNDS = 10
"""Played with the application before the clock is looked at."""

QUESTIONS = 20
"""Asked over each pair of tenants."""


def compare(seconds: float, seed: int) -> tuple[int, str | None]:
    """Compare until the time is over or two answers differ, and return how often, and how they differ."""
    rng, compared, end = Random(seed), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        tenants = wild.tenants(rng)
        policies = policies_of(tenants)
        for _ in range(QUESTIONS):
            problem = disagreement(policies, tenants, wild.question(rng))
            compared += 1
            if problem is not None:
                return compared, problem
    return compared, None


def play(seconds: float, seed: int) -> tuple[int, str | None]:
    """Play with the application until the time is over or an answer is not the model's: how often, and which."""
    rounds, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            test_model.play(ROUNDS, seed + rounds)
        except AssertionError:
            return rounds, traceback.format_exc()
        rounds += ROUNDS
    return rounds, None


def main() -> int:
    """Compare as the environment says, and return 1 if two answers differ."""
    seconds = float(os.environ.get("XTAP_FUZZ_SECONDS", "60"))
    seed = int(os.environ.get("XTAP_FUZZ_SEED", SystemRandom().getrandbits(32)))
    compared, problem = compare(seconds, seed)
    sys.stdout.write(f"seed {seed}: {compared} decisions compared, {problem or '0 disagreements'}\n")
    played, other = play(seconds, seed)
    sys.stdout.write(f"seed {seed}: {played} rounds played, {other or '0 disagreements'}\n")
    return 1 if problem or other else 0


if __name__ == "__main__":
    sys.exit(main())
