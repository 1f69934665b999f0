"""A test run that looks the same every time: a clock that stands, and ids that follow from its start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xtap.errors import ConfigurationError
from xtap.server.asgi import assemble, service_of
from xtap.server.settings import Settings, check
from xtap.testing.in_process import BASE, InProcess, in_process

if TYPE_CHECKING:
    from pathlib import Path

START = "2026-01-01T00:00:00Z"
PARTNERS = "/v1.0/policies/crossTenantAccessPolicy/partners"
THIRD = "33333333-3333-4333-8333-333333333333"


async def played(app: InProcess) -> list[tuple[str, Any]]:
    """Play one and the same test, and return what was answered."""
    seen = []
    for method, path, body in (
        ("POST", PARTNERS, {"tenantId": THIRD}),
        ("POST", "/xtap/clock", {"advance": 60}),
        ("PATCH", f"{PARTNERS}/{THIRD}", {"inboundTrust": {"isMfaAccepted": True}}),
        ("GET", "/v1.0/auditLogs/directoryAudits", None),
        ("GET", f"{PARTNERS}/{'4' * 36}", None),
    ):
        answer = await app.client.request(method, path, json=body, headers=app.headers())
        seen.append((answer.headers.get("request-id", ""), answer.json() if answer.content else None))
    return seen


async def test_the_same_requests_get_the_same_answers(tmp_path: Path) -> None:
    runs = []
    for _ in range(2):
        async with in_process(tmp_path, emulator=True, emulator_start=START) as app:
            runs.append(await played(app))
    assert runs[0] == runs[1]
    records = runs[0][3][1]["value"]
    times = [each["activityDateTime"] for each in records[:2]]
    assert times == ["2026-01-01T00:01:00.000000Z", "2026-01-01T00:00:00.000000Z"]
    assert len({each["id"] for each in records}) == len(records)


async def test_another_start_has_other_ids(tmp_path: Path) -> None:
    seen = []
    for start in (START, "2026-01-01T00:00:01+00:00"):
        async with in_process(tmp_path, emulator=True, emulator_start=start) as app:
            seen.append((await played(app))[0][0])
    assert seen[0] != seen[1]


async def test_without_a_start_the_clock_runs_and_ids_differ(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        async with in_process(tmp_path, emulator=True) as app:
            ids.append((await played(app))[0][0])
    assert ids[0] != ids[1]


async def test_a_server_that_starts_again_goes_on_behind_the_last_record(tmp_path: Path) -> None:
    async with in_process(tmp_path, emulator=True, emulator_start=START) as app:
        first = await played(app)
        settings = app.application.settings
        again = await assemble(settings, service_of(settings, app.application.store))
        assert again.emulator is not None
        async with httpx.AsyncClient(transport=httpx.ASGITransport(again), base_url=BASE) as client:
            second = InProcess(again, client)
            now = (await client.get("/xtap/clock", headers=second.headers())).json()
            answer = await client.get(PARTNERS, headers=second.headers())
    assert now == {"now": "2026-01-01T00:01:00Z"}
    assert answer.headers["request-id"] not in {name for name, _ in first}


@pytest.mark.parametrize("start", ["tomorrow", "2026-01-01", "2026-01-01T00:00:00"])
def test_a_start_is_a_time_with_its_zone(start: str) -> None:
    with pytest.raises(ConfigurationError, match="--emulator-start"):
        check(Settings(embedded_issuer=True, emulator=True, emulator_start=start))


def test_a_start_needs_the_emulator() -> None:
    check(Settings(embedded_issuer=True, emulator=True, emulator_start=START))
    with pytest.raises(ConfigurationError, match="--emulator"):
        check(Settings(embedded_issuer=True, emulator_start=START))
