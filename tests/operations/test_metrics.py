"""What is counted: read by Prometheus' own parser, the same whichever worker is asked, and bounded in its series."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from xtap.server.asgi import operations
from xtap.server.metrics import OUTCOMES, STATUSES, Metrics
from xtap.service import decision_log
from xtap.store import clock
from xtap.testing.in_process import in_process
from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.testing.local_server import LocalServer

PARTNERS = "/policies/crossTenantAccessPolicy/partners"
PARTNER = "22222222-2222-4222-8222-222222222222"
QUESTION = {
    "subject": {
        "type": "user",
        "id": "f0000000-0000-4000-8000-00000000000a",
        "properties": {"tenantId": PARTNER, "groups": []},
    },
    "action": {"name": "b2bCollaboration"},
    "resource": {
        "type": "application",
        "id": "00000003-0000-0ff1-ce00-000000000000",
        "properties": {"tenantId": "11111111-1111-4111-8111-111111111111"},
    },
}


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_everything_is_counted_once(tmp_path: Path, workers: int):
    (port,) = free_ports(1)
    flags = ("--metrics-port", str(port), "--workers", str(workers))
    with running(tmp_path, *flags) as server:
        exercise(server)
        answers = [httpx.get(f"http://127.0.0.1:{port}/metrics") for _ in range(6)]
        texts = {requests_of(answer.text) for answer in answers}
        assert len(texts) == 1, "every worker tells the same"
        found = numbers(answers[0].text)
        assert httpx.get(f"{server.http}/metrics").status_code == 404, "not where everybody can ask"
        assert httpx.get(f"http://127.0.0.1:{port}/v1.0/me").status_code == 404
    requests = "xtap_requests_total"
    assert found[requests, f"GET {PARTNERS}/{{key}}", "200"] == 8
    assert found[requests, f"POST {PARTNERS}", "201"] == 1
    assert found[requests, f"POST {PARTNERS}", "400"] == 1
    assert found[requests, f"GET {PARTNERS}", "401"] == 2
    assert found[requests, "POST /$batch", "200"] == 1
    assert found[requests, f"GET {PARTNERS}", "200"] == 3, "parts of a batch"
    assert found[requests, f"PATCH {PARTNERS}/{{key}}", "404"] == 1
    assert found[requests, "other", "400"] == 1, "a part that names nothing"
    assert found["xtap_request_duration_seconds_count", f"GET {PARTNERS}"] == 5
    assert found[requests, "POST /access/v1/evaluation", "200"] == 2
    assert found[requests, "issuer", "200"] == 1
    assert found["xtap_request_duration_seconds_count", f"GET {PARTNERS}/{{key}}"] == 8
    assert found["xtap_request_duration_seconds_bucket", f"GET {PARTNERS}/{{key}}", "+Inf"] == 8
    assert 0 < found["xtap_request_duration_seconds_sum", f"GET {PARTNERS}/{{key}}"] < 60
    decided = sum(found["xtap_decisions_total", *each] for each in OUTCOMES)
    assert decided == 2
    assert found["xtap_store_duration_seconds_count", "change"] >= 1
    assert found["xtap_store_failures_total", "change"] == 0
    assert 0 <= found["xtap_cache_age_seconds",] < 30
    assert found["xtap_requests_under_way",] == 0
    assert found["xtap_workers",] == workers


def requests_of(text: str) -> str:
    """Return what is told of requests; the storage is looked at meanwhile."""
    return text.partition("xtap_requests_total")[2].partition("xtap_store")[0]


def exercise(server: LocalServer) -> None:
    headers, partners = server.headers(), f"{server.graph}/partners"
    httpx.post(partners, headers=headers, json={"tenantId": PARTNER}).raise_for_status()
    assert httpx.post(partners, headers=headers, json={"tenantId": "no"}).status_code == 400
    time.sleep(1.2)  # another worker sees it
    for _ in range(8):
        assert httpx.get(f"{partners}/{PARTNER}", headers=headers).status_code == 200
    for _ in range(2):
        assert httpx.get(partners).status_code == 401
        evaluation = f"{server.http}/access/v1/evaluation"
        httpx.post(evaluation, headers=headers, json=QUESTION).raise_for_status()
    parts: list[dict[str, object]] = [{"id": str(each), "method": "GET", "url": PARTNERS} for each in range(3)]
    absent = f"{PARTNERS}/99999999-9999-4999-8999-999999999999"
    json = {"Content-Type": "application/json"}
    trust = {"inboundTrust": {"isMfaAccepted": True}}
    parts.append({"id": "3", "method": "PATCH", "url": absent, "headers": json, "body": trust})
    parts.append({"id": "4", "method": "GET", "url": "/nowhere"})
    httpx.post(f"{server.http}/v1.0/$batch", headers=headers, json={"requests": parts}).raise_for_status()
    httpx.get(f"{server.http}/{PARTNER}/v2.0/.well-known/openid-configuration").raise_for_status()


def test_nothing_that_clients_send_makes_a_series(tmp_path: Path):
    (port,) = free_ports(1)
    with running(tmp_path, "--metrics-port", str(port)) as server, httpx.Client(headers=server.headers()) as client:
        for number in range(300):
            tenant = f"99999999-9999-4999-8999-{number:012d}"
            client.get(f"{server.graph}/partners/{tenant}")
            client.get(f"{server.http}/v1.0/nowhere{number}")
            client.request(f"VERB{number}", f"{server.graph}/partners")
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert [sent for sent in ("99999999-9999", "nowhere", "VERB") if sent in text] == []
    assert len(numbers(text)) < 200
    assert numbers(text)["xtap_requests_total", f"GET {PARTNERS}/{{key}}", "404"] == 300


def test_a_storage_that_fails_is_counted(tmp_path: Path):
    (port,) = free_ports(1)
    with running(tmp_path, "--metrics-port", str(port), "--stale-limit", "2") as server:
        while "xtap is ready" not in server.log():
            time.sleep(0.01)
        (tmp_path / ".xtap" / "xtap.db").rename(tmp_path / "away.db")
        time.sleep(3.5)
        answer = httpx.get(f"{server.http}/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
        assert httpx.get(f"{server.http}/healthz").json() == {"status": "ok"}
        assert server.run("healthcheck", check=False).returncode == 1
        found = numbers(httpx.get(f"http://127.0.0.1:{port}/metrics").text)
        assert found["xtap_store_failures_total", "check"] == 2
        default = f"{server.graph}/default"
        assert httpx.get(default, headers=server.headers()).status_code == 503, "memory is older than the limit"
        found = numbers(httpx.get(f"http://127.0.0.1:{port}/metrics").text)
        assert found["xtap_store_failures_total", "look"] >= 1
        assert found["xtap_cache_age_seconds",] > 1, "nobody asked, and it is older all the same"
        assert "xtap.db" in server.log(), "the operator is told why"
        (tmp_path / "away.db").rename(tmp_path / ".xtap" / "xtap.db")
        while httpx.get(f"{server.http}/readyz").status_code != 200:
            time.sleep(0.05)
        time.sleep(1.5)
        found = numbers(httpx.get(f"http://127.0.0.1:{port}/metrics").text)
        assert found["xtap_cache_age_seconds",] < 1.5
        assert found["xtap_store_duration_seconds_count", "look"] > found["xtap_store_failures_total", "look"]
        assert found["xtap_store_failures_total", "snapshot"] == 0


# --- the numbers ------------------------------------------------------------------


def test_every_operation_has_a_place_of_its_own():
    metrics = Metrics(operations(), workers=2)
    counts = [metrics.counts(0), metrics.counts(1)]
    for number, operation in enumerate(operations(), start=1):
        for _ in range(number):
            counts[number % 2].begun()
            counts[number % 2].request(operation, 200, 0.004)
    found = numbers(metrics.text().decode())
    for number, operation in enumerate(operations(), start=1):
        assert found["xtap_requests_total", operation, "200"] == number
        assert found["xtap_request_duration_seconds_bucket", operation, "0.0025"] == 0
        assert found["xtap_request_duration_seconds_bucket", operation, "0.005"] == number


def test_large_numbers_are_told_exactly():
    metrics = Metrics(operations())
    counts = metrics.counts()
    at = counts._requests["health"]
    counts._memory[at] = 123_456_789.0
    assert numbers(metrics.text().decode())["xtap_requests_total", "health", STATUSES[0]] == 123_456_789


def test_what_is_not_known_counts_as_other():
    metrics = Metrics(operations())
    counts = metrics.counts()
    counts.begun()
    counts.request("GET /made/up", 418, 99.0)
    found = numbers(metrics.text().decode())
    assert found["xtap_requests_total", "other", "other"] == 1
    assert found["xtap_request_duration_seconds_bucket", "other", "10.0"] == 0
    assert found["xtap_request_duration_seconds_bucket", "other", "+Inf"] == 1


def test_a_worker_that_comes_back_keeps_its_counts_and_has_nothing_under_way():
    metrics = Metrics(operations())
    before = metrics.counts()
    before.begun()
    before.request("health", 200, 0.001)
    before.begun()
    metrics.counts()
    found = numbers(metrics.text().decode())
    assert found["xtap_requests_total", "health", "200"] == 1
    assert found["xtap_requests_under_way",] == 0


def test_the_age_of_memory_is_that_of_the_moment_in_which_it_is_asked_for():
    metrics = Metrics(operations(), workers=3)
    one, other = metrics.counts(0), metrics.counts(1)  # the third was not started yet
    one.looked(clock.since_boot() - 5)
    other.looked(clock.since_boot())
    assert 5 <= numbers(metrics.text().decode())["xtap_cache_age_seconds",] < 10
    other.looked(clock.since_boot() - 20)
    assert 20 <= numbers(metrics.text().decode())["xtap_cache_age_seconds",] < 25
    one.looked(clock.since_boot())
    metrics.counts(1)  # it was started again, and has nothing in memory
    assert numbers(metrics.text().decode())["xtap_cache_age_seconds",] < 5


async def test_decisions_that_are_not_logged_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decision_log, "WAITING", 2)
    settings = {"decision_log": str(tmp_path / "decisions"), "decision_log_rate": 1.0, "metrics_port": 1}
    async with in_process(tmp_path, **settings) as app:
        question = {"evaluations": [QUESTION] * 5}
        answer = await app.client.post("/access/v1/evaluations", json=question, headers=app.headers())
        assert len(answer.json()["evaluations"]) == 5
        assert app.application.metrics is not None
        found = numbers(app.application.metrics.text().decode())
    assert found["xtap_decision_log_dropped_total",] == 3
