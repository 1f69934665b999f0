"""The request limits of the service: off by default, counted as it counts, in time that the emulator's clock tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xtap.emulator.limits import cost
from xtap.testing.in_process import InProcess, in_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Any

    import httpx

POLICY = "/v1.0/policies/crossTenantAccessPolicy"
PARTNERS = f"{POLICY}/partners"
AUDITS = "/v1.0/auditLogs/directoryAudits"
CONTOSO = "11111111-1111-4111-8111-111111111111"
THIRD = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(tmp_path, emulator=True) as made:
        yield made


async def ask(app: InProcess, method: str, path: str, body: object = None, tenant: str = "contoso") -> httpx.Response:
    return await app.client.request(method, path, json=body, headers=app.headers(tenant))


async def limit(app: InProcess, **limits: Any) -> None:
    assert (await ask(app, "POST", "/xtap/limits", limits)).status_code == 204


async def advance(app: InProcess, seconds: float) -> None:
    assert (await ask(app, "POST", "/xtap/clock", {"advance": seconds})).status_code == 200


async def test_there_are_none_by_default(app: InProcess) -> None:
    assert (await ask(app, "GET", "/xtap/limits")).json() == {"limits": None}
    answers = [await ask(app, "GET", AUDITS) for _ in range(20)]
    assert {each.status_code for each in answers} == {200}
    assert "x-ms-resource-unit" not in answers[0].headers


async def test_the_logs_answer_five_requests_in_ten_seconds(app: InProcess) -> None:
    await limit(app)
    assert (await ask(app, "GET", "/xtap/limits")).json() == {"limits": {"size": "S", "share": 1.0}}
    answers = [await ask(app, "GET", AUDITS) for _ in range(6)]
    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert [each.headers.get("x-ms-throttle-limit-percentage") for each in answers[:5]] == [None] * 4 + ["1.00"]
    refused = answers[-1]
    caller = f"test/{CONTOSO}"
    assert refused.headers["x-ms-throttle-scope"] == f"Tenant_Application/ReadWrite/{caller}"
    assert refused.headers["x-ms-throttle-information"] == "RequestLimitExceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    error = refused.json()["error"]
    inner = error.pop("innerError")
    assert error == {"code": "TooManyRequests", "message": "Please retry again later."}
    assert (inner["code"], inner["status"], inner["message"]) == ("429", "429", "Please retry after")
    assert inner["request-id"] == refused.headers["request-id"]


async def test_who_waits_as_told_is_answered_and_who_does_not_waits_longer(app: InProcess) -> None:
    await limit(app)
    for _ in range(5):
        await ask(app, "GET", AUDITS)
    first = int((await ask(app, "GET", AUDITS)).headers["retry-after"])
    await advance(app, first)
    answer = await ask(app, "GET", AUDITS)  # five left the window, the refused one is still there or has left too
    assert answer.status_code == 200
    for _ in range(20):
        answer = await ask(app, "GET", AUDITS)
    assert answer.status_code == 429
    await advance(app, int(answer.headers["retry-after"]))
    assert (await ask(app, "GET", AUDITS)).status_code == 200


async def test_other_resources_tenants_and_tests_go_on(app: InProcess) -> None:
    await limit(app)
    answers = [await ask(app, "GET", AUDITS) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert (await ask(app, "GET", PARTNERS)).status_code == 200
    assert (await ask(app, "GET", AUDITS, tenant="fabrikam")).status_code == 200
    assert (await ask(app, "GET", "/xtap/clock")).status_code == 200


async def test_writes_have_a_limit_of_their_own(app: InProcess) -> None:
    await limit(app, share=0.001)  # 3 units in 10 seconds, 3 writes in 150
    answers = []
    for number in range(4):
        await advance(app, 10)
        answers.append(await ask(app, "POST", PARTNERS, {"tenantId": f"{number}{THIRD[1:]}"}))
    assert [each.status_code for each in answers] == [201, 201, 201, 429]
    answer = answers[-1]
    assert answer.headers["x-ms-throttle-information"] == "WriteLimitExceeded"
    assert answer.headers["x-ms-throttle-scope"].startswith("Tenant_Application/Write/")
    assert 110 <= int(answer.headers["retry-after"]) <= 130
    assert len((await ask(app, "GET", PARTNERS)).json()["value"]) == 3
    await advance(app, int(answer.headers["retry-after"]))
    assert (await ask(app, "POST", PARTNERS, {"tenantId": THIRD})).status_code == 201


async def test_reads_are_counted_in_units(app: InProcess) -> None:
    await limit(app, share=0.004)  # 14 units
    units, answers = [], []
    for path in (f"{POLICY}/default", "/v1.0/users", f"{PARTNERS}?$select=tenantId", f"{POLICY}/default", POLICY):
        answers.append(await ask(app, "GET", path))
        units.append(int(answers[-1].headers["x-ms-resource-unit"]))
    assert units == [4, 2, 1, 4, 1]
    assert [each.headers.get("x-ms-throttle-limit-percentage") for each in answers[2:]] == [None, None, "0.86"]
    refused = await ask(app, "GET", f"{POLICY}/default")
    assert (refused.status_code, refused.headers["x-ms-throttle-information"]) == (429, "ResourceUnitLimitExceeded")


async def test_the_size_of_the_tenant_counts(app: InProcess) -> None:
    await limit(app, size="L", share=0.001)
    statuses = [(await ask(app, "GET", PARTNERS)).status_code for _ in range(9)]
    assert statuses == [200] * 8 + [429]


async def test_parts_of_a_batch_are_counted_and_the_batch_is_not(app: InProcess) -> None:
    await limit(app)
    parts = [{"id": str(number), "method": "GET", "url": "/auditLogs/directoryAudits"} for number in range(6)]
    answer = await ask(app, "POST", "/v1.0/$batch", {"requests": parts})
    assert answer.status_code == 200
    responses = answer.json()["responses"]
    assert sorted(each["status"] for each in responses) == [200] * 5 + [429]
    (refused,) = [each for each in responses if each["status"] == 429]
    assert 1 <= int(refused["headers"]["Retry-After"]) <= 10
    assert refused["body"]["error"]["code"] == "TooManyRequests"


@pytest.mark.parametrize("end", ["DELETE /xtap/limits", "POST /xtap/reset"])
async def test_they_are_taken_back(app: InProcess, end: str) -> None:
    await limit(app)
    for _ in range(6):
        await ask(app, "GET", AUDITS)
    method, _, path = end.partition(" ")
    assert (await ask(app, method, path)).status_code == 204
    assert (await ask(app, "GET", AUDITS)).status_code == 200


@pytest.mark.parametrize("limits", [{"size": "XL"}, {"share": 0}, {"share": 2}, {"share": "1"}, {"nonsense": 1}, []])
async def test_limits_that_are_none_are_refused(app: InProcess, limits: object) -> None:
    assert (await ask(app, "POST", "/xtap/limits", limits)).status_code == 400
    assert (await ask(app, "GET", "/xtap/limits")).json() == {"limits": None}


async def test_a_request_that_is_too_dear_for_the_share_is_answered_alone(app: InProcess) -> None:
    await limit(app, share=0.0001)
    assert [(await ask(app, "GET", f"{POLICY}/default")).status_code for _ in range(2)] == [200, 429]
    await advance(app, 10)
    assert (await ask(app, "GET", f"{POLICY}/default")).status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "units"),
    [
        ("users", "", 2),
        ("users", "$select=id", 1),
        ("users", "%24top=5&%24select=id", 1),
        ("users", "$top=20", 2),
        ("users/x", "", 1),
        ("policies/crosstenantaccesspolicy/partners", "$expand=identitySynchronization", 2),
        ("policies/crosstenantaccesspolicy/partners", "$top=5", 1),
        ("policies/crosstenantaccesspolicy/default", "select=id", 3),
    ],
)
def test_what_a_request_costs(path: str, query: str, units: int) -> None:
    assert cost("GET", path, query) == units
    assert cost("POST", path, "") == 1
