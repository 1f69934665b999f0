"""How long a good token is remembered, and what it costs to have one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from xtap.errors import Unauthenticated
from xtap.identity.issuers import StaticKeys, TrustedIssuer
from xtap.identity.tokens import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.identity.conftest import Clock, Forge

NOW = 1_800_000_000


async def test_a_good_token_is_remembered(forge: Forge, verifier: Verifier) -> None:
    token = forge.sign()
    assert verifier.cached(token) is None
    caller = await verifier.caller(token)
    assert verifier.cached(token) is caller
    assert await verifier.caller(token) is caller


async def test_it_is_forgotten_when_it_expires(forge: Forge, verifier: Verifier, clock: Clock) -> None:
    token = forge.sign(forge.claims(exp=NOW + 100))
    await verifier.caller(token)
    clock.now += 99
    assert verifier.cached(token) is not None
    clock.now += 1
    assert verifier.cached(token) is None
    assert (await verifier.caller(token)).client_id == "demo-app"  # the leeway is the full judgement's business
    clock.now += 60
    with pytest.raises(Unauthenticated, match="expired"):
        await verifier.caller(token)


async def test_it_is_judged_again_after_a_while(
    forge: Forge, make_verifier: Callable[..., Verifier], clock: Clock
) -> None:
    verifier = make_verifier(remember=10)
    token = forge.sign()
    await verifier.caller(token)
    clock.now += 10
    assert verifier.cached(token) is None
    await verifier.caller(token)
    assert verifier.cached(token) is not None


async def test_it_is_judged_again_when_the_keys_of_its_issuer_change(forge: Forge, clock: Clock) -> None:
    keys = StaticKeys(forge.jwks())
    verifier = Verifier(
        [TrustedIssuer("https://login.example/{tenantid}/v2.0", frozenset({"https://localhost"}), keys)], clock
    )
    old, new = forge.sign(), forge.sign(key=forge.rsa_two)
    await verifier.caller(old)
    await verifier.caller(new)
    keys.replace(forge.jwks(forge.rsa_two))
    assert verifier.cached(old) is None
    assert verifier.cached(new) is None
    assert (await verifier.caller(new)).client_id == "demo-app"
    with pytest.raises(Unauthenticated, match="No key of the issuer fits"):
        await verifier.caller(old)


async def test_the_oldest_is_forgotten_when_there_are_too_many(
    forge: Forge, make_verifier: Callable[..., Verifier]
) -> None:
    verifier = make_verifier(capacity=3)
    tokens = [forge.sign(forge.claims(oid=str(number))) for number in range(5)]
    for token in tokens:
        await verifier.caller(token)
    assert [verifier.cached(token) is not None for token in tokens] == [False, False, True, True, True]


async def test_a_refused_token_takes_no_room(forge: Forge, make_verifier: Callable[..., Verifier]) -> None:
    verifier = make_verifier(capacity=1)
    good = forge.sign()
    await verifier.caller(good)
    with pytest.raises(Unauthenticated):
        await verifier.caller(forge.sign(key=forge.stranger))
    assert verifier.cached(good) is not None


@pytest.mark.parametrize("module", ["tokens", "issuers", "embedded", "keys", "authority", "discovery"])
def test_importing_loads_no_heavy_library(module: str) -> None:
    heavy = ("cryptography", "joserfc", "httpx", "starlette", "granian")
    script = f"import sys, xtap.identity.{module}; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
