"""A server with limits: who asks too often is told when to come again, on every surface, and nobody else notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.testing.local_server import running
from xtap.testing.transcripts import always

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer

QUESTION = {
    "subject": {"type": "user", "id": "u", "properties": {"tenantId": "22222222-2222-4222-8222-222222222222"}},
    "action": {"name": "b2bCollaboration"},
    "resource": {
        "type": "application",
        "id": "a",
        "properties": {"tenantId": "11111111-1111-4111-8111-111111111111"},
    },
}
SLOW = "0.01"
"""One request in 100 seconds, and so a bucket of one."""


@pytest.fixture
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with running(tmp_path_factory.mktemp("limited"), "--rate-limit", SLOW) as started:
        yield started


@pytest.mark.wire
def test_the_second_request_is_refused_as_graph_does(limited: LocalServer):
    own = limited.headers("contoso")
    assert httpx.get(f"{limited.graph}/default", headers=own).status_code == 200
    refused = httpx.get(f"{limited.graph}/default", headers=own)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TooManyRequests")
    assert 0 < int(refused.headers["retry-after"]) <= 100
    assert [*always(refused)] == []
    # Another tenant is not affected, nor are addresses that need no token.
    assert httpx.get(f"{limited.graph}/default", headers=limited.headers("fabrikam")).status_code == 200
    assert httpx.get(f"{limited.http}/readyz").status_code == 200


@pytest.mark.wire
def test_decisions_count_as_requests(limited: LocalServer):
    address, own = f"{limited.http}/access/v1/evaluation", limited.headers("contoso")
    assert httpx.post(address, json=QUESTION, headers=own).status_code == 200
    refused = httpx.post(address, json=QUESTION, headers=own)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 100
    assert "too many requests" in refused.json()


@pytest.mark.wire
def test_each_evaluation_of_a_request_counts(limited: LocalServer):
    """They are answered all the same; who sent them waits as long as for so many requests."""
    address, own = f"{limited.http}/access/v1/evaluations", limited.headers("contoso")
    answer = httpx.post(address, json={"evaluations": [QUESTION] * 50}, headers=own)
    assert (answer.status_code, len(answer.json()["evaluations"])) == (200, 50)
    refused = httpx.post(address, json={"evaluations": [QUESTION]}, headers=own)
    assert refused.status_code == 429
    assert 4_900 < int(refused.headers["retry-after"]) <= 5_000
    assert httpx.post(address, json={"evaluations": []}, headers=limited.headers("fabrikam")).status_code == 400


@pytest.mark.wire
def test_each_part_of_a_batch_counts(limited: LocalServer):
    part = {"method": "GET", "url": "/policies/crossTenantAccessPolicy/default"}
    body = {"requests": [{"id": "1", **part}, {"id": "2", **part}]}
    answer = httpx.post(f"{limited.http}/v1.0/$batch", json=body, headers=limited.headers("contoso"))
    assert answer.status_code == 200
    for item in answer.json()["responses"]:
        assert item["status"] == 429
        assert 0 < int({name.lower(): value for name, value in item["headers"].items()}["retry-after"]) <= 100


@pytest.mark.wire
def test_a_refused_change_changes_nothing(limited: LocalServer):
    own = limited.headers("contoso")
    body = {"tenantId": "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"}
    assert httpx.get(f"{limited.graph}/partners", headers=own).json()["value"] == []
    assert httpx.post(f"{limited.graph}/partners", json=body, headers=own).status_code == 429
    limited.stop()
    limited.flags = ()
    limited.start()
    assert httpx.get(f"{limited.graph}/partners", headers=limited.headers()).json()["value"] == []


@pytest.mark.wire
def test_wrong_secrets_are_looked_at_a_hundred_times(tmp_path_factory: pytest.TempPathFactory):
    with running(tmp_path_factory.mktemp("guessed")) as server, httpx.Client() as client:
        address = f"{server.http}/contoso.example/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": "demo-app",
            "scope": "https://graph.microsoft.com/.default",
        }
        answers: list[httpx.Response] = []
        while len(answers) < 200 and (not answers or answers[-1].status_code == 401):  # a bucket fills meanwhile
            answers.append(client.post(address, data={**form, "client_secret": f"guess {len(answers)}"}))
        assert {answer.status_code for answer in answers[:100]} == {401}
        last = answers[-1]
        assert (last.status_code, last.json()["error_codes"]) == (429, [90055])
        assert 0 < int(last.headers["retry-after"]) <= 10
        assert (last.headers["cache-control"], last.headers["x-content-type-options"]) == ("no-store", "nosniff")
        # Also a right secret is not looked at now; other applications and other tenants are not affected.
        assert client.post(address, data={**form, "client_secret": "demo-secret"}).status_code == 429
        other = address.replace("contoso", "fabrikam")
        assert client.post(other, data={**form, "client_secret": "demo-secret"}).status_code == 200


@pytest.mark.wire
def test_right_secrets_are_not_counted(server: LocalServer):
    address = f"{server.http}/fabrikam.example/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "scope": "https://graph.microsoft.com/.default",
    }
    with httpx.Client() as client:
        assert {client.post(address, data=form).status_code for _ in range(110)} == {200}
