"""Compares the engine with the naive evaluator for XTAP_FUZZ_SECONDS (60), on XTAP_FUZZ_SEED (drawn, and printed).

python -m tests.fuzz
"""

from __future__ import annotations

import os
import sys
import time
from random import Random, SystemRandom

from tests.compared import disagreement, policies_of
from tests.laws import wild

QUESTIONS = 20
"""Asked over each pair of tenants."""


def main() -> int:
    """Compare until the time is over, and return 1 at the first disagreement."""
    seconds = float(os.environ.get("XTAP_FUZZ_SECONDS", "60"))
    seed = int(os.environ.get("XTAP_FUZZ_SEED", SystemRandom().getrandbits(32)))
    rng, compared, end = Random(seed), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        tenants = wild.tenants(rng)
        policies = policies_of(tenants)
        for _ in range(QUESTIONS):
            problem = disagreement(policies, tenants, wild.question(rng))
            compared += 1
            if problem is not None:
                sys.stdout.write(f"seed {seed}, decision {compared}: {problem}\n")
                return 1
    sys.stdout.write(f"seed {seed}: {compared} decisions compared, 0 disagreements\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
