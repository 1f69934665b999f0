"""Batches that no client library would send, and how the parts of one run beside each other."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xtap.errors import MalformedRequest
from xtap.graph.parts import MAX_PARTS, parts
from xtap.http.bodies import MAX_BODY
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from xtap.testing.in_process import InProcess

POLICY = "/policies/crossTenantAccessPolicy"
JSON = {"Content-Type": "application/json"}


def numbered(number: int) -> str:
    return f"77777777-7777-4777-8777-{number:012d}"


def create(number: int, **more: Any) -> dict[str, Any]:
    body = {"tenantId": numbered(number)}
    return {"id": str(number), "method": "POST", "url": f"{POLICY}/partners", "headers": JSON, "body": body} | more


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(tmp_path) as made:
        yield made


async def send(app: InProcess, *requests: Any, **more: str) -> httpx.Response:
    headers = app.headers() | more
    return await app.client.post("/v1.0/$batch", headers=headers, json={"requests": list(requests)})


async def answers(app: InProcess, *requests: Any, **more: str) -> list[dict[str, Any]]:
    answer = await send(app, *requests, **more)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["responses"]
    return found


async def test_every_part_has_a_record_with_an_id_of_its_own(app: InProcess):
    found = await answers(app, *(create(number) for number in range(MAX_PARTS)))
    assert [each["status"] for each in found] == [201] * MAX_PARTS
    failed = await answers(app, create(1), create(2))
    ids = {each["body"]["error"]["innerError"]["request-id"] for each in failed}
    assert len(ids) == 2


async def test_a_chain_of_all_parts_runs_in_its_order(app: InProcess):
    names = [f"name {number}" for number in range(MAX_PARTS)]
    chain = [
        {
            "id": str(number),
            "method": "PATCH",
            "url": POLICY,
            "headers": JSON | {"Prefer": "return=representation"},
            "body": {"displayName": name},
            "dependsOn": [str(before) for before in range(number)],
        }
        for number, name in enumerate(names)
    ]
    found = await answers(app, *chain)
    assert [each["body"]["displayName"] for each in found] == names


async def test_one_failure_of_several_dependencies_is_enough(app: InProcess):
    missing = {"id": "x", "method": "GET", "url": f"{POLICY}/partners/{numbered(9)}"}
    found = await answers(app, create(1), missing, create(2, dependsOn=["1", "x"]), create(3, dependsOn=["1"]))
    assert [each["status"] for each in found] == [201, 404, 424, 201]


async def test_all_parts_have_the_caller_of_the_batch(app: InProcess):
    token = app.headers()["Authorization"]
    found = await answers(
        app,
        create(1, headers=JSON | {"authorization": token}),
        create(2, headers=JSON | {"Authorization": app.headers("fabrikam")["Authorization"]}),
        create(3, headers=JSON | {"authorization": ""}),
        Authorization=token,
    )
    assert [each["status"] for each in found] == [201, 400, 400]
    theirs = await app.client.get(f"/v1.0{POLICY}/partners", headers=app.headers("fabrikam"))
    assert theirs.json()["value"] == []


async def test_a_batch_of_10_megabytes_is_refused(app: InProcess):
    big = create(1) | {"body": {"tenantId": numbered(1), "x": "a" * (10 * MAX_BODY)}}
    answer = await send(app, big)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "RequestEntityTooLarge")


async def test_a_part_that_is_deflated_to_more_than_a_body_is_refused(app: InProcess):
    bomb = base64.b64encode(gzip.compress(b" " * (100 * MAX_BODY))).decode()
    (found,) = await answers(app, create(1, body=bomb, headers=JSON | {"Content-Encoding": "gzip"}))
    assert found["status"] == 413


async def test_a_body_that_is_no_json_object_is_the_error_of_its_part(app: InProcess):
    found = await answers(
        app,
        create(1, body=[]),
        create(2, body="aGVsbG8="),
        create(3, body={"tenantId": numbered(3)}, headers={"Content-Type": "text/plain"}),
    )
    assert [each["status"] for each in found] == [400, 400, 415]


@pytest.mark.parametrize("text", ["e30", "e30=", "4pyT-_8", "4pyT+/8="])
def test_both_alphabets_of_base64_are_read_with_and_without_padding(text: str):
    (part,) = parts({"requests": [{"id": "1", "method": "POST", "url": "/x", "body": text}]})
    assert part.body in {b"{}", b"\xe2\x9c\x93\xfb\xff"}


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(("1", "GET", "/users", POLICY)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("id", "method", "url", "headers", "body", "dependsOn", "x")), inner, max_size=6
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(STRANGE)
def test_a_strange_payload_is_read_or_refused(value: Any) -> None:
    for requests in (value, [value]):
        with contextlib.suppress(MalformedRequest):
            assert all(part.id and part.method and part.url for part in parts({"requests": requests}))


PLACES = st.sampled_from((POLICY, "$batch", "v1.0", "beta", "https://localhost", "https://other", "/", "?", "#", "%"))
URLS = st.lists(PLACES | st.text(max_size=4), min_size=1, max_size=6).map("".join).filter(bool)


def test_a_strange_url_is_answered(tmp_path: Path) -> None:
    async def ask(made: InProcess, urls: list[str]) -> list[dict[str, Any]]:
        requests = [{"id": str(number), "method": "GET", "url": each} for number, each in enumerate(urls)]
        return await answers(made, *requests)

    with asyncio.Runner() as runner:
        context = in_process(tmp_path)
        made = runner.run(context.__aenter__())

        @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(URLS, min_size=1, max_size=MAX_PARTS))
        def fuzz(urls: list[str]) -> None:
            for url, found in zip(urls, runner.run(ask(made, urls)), strict=True):
                assert found["status"] in {200, 400, 404, 405}, url
                assert "other" not in json.dumps(found["body"]).partition("@odata.context")[2][:60], url

        fuzz()
        runner.run(context.__aexit__(None, None, None))
