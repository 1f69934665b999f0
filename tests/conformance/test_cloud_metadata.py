"""What command lines and providers ask beside Graph: the addresses of a cloud, and the subscriptions of a tenant."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from xtap.server import cloud_metadata
from xtap.server.settings import Settings
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from pathlib import Path

AZURE_CLI = ("resourceManager", "sqlManagement", "batch", "gallery", "graphAudience", "vmImageAliasDoc", "media")
"""What the Azure CLI reads of a cloud without asking whether it is there."""


def ask(folder: Path, query: str, method: str = "GET", **settings: object) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        async with in_process(folder, **settings) as app:
            answer = await app.client.request(method, f"/metadata/endpoints{query}")
            return answer.status_code, answer.json()

    return asyncio.run(run())


def test_one_cloud_for_the_latest_version(tmp_path: Path):
    status, cloud = ask(tmp_path, "?api-version=2022-09-01", tls_port=9443)
    assert status == 200
    assert cloud["name"] == "global"
    assert cloud["authentication"]["loginEndpoint"] == "https://localhost:9443"
    for name in ("microsoftGraphResourceId", "resourceManager", "graph"):
        assert cloud[name] == "https://localhost:9443/"
    assert cloud["authentication"]["audiences"] == ["https://localhost:9443/"]


def test_a_list_for_the_older_version(tmp_path: Path):
    status, clouds = ask(tmp_path, "?api-version=2019-05-01")
    assert (status, len(clouds)) == (200, 1)
    assert all(isinstance(clouds[0][name], str) for name in AZURE_CLI)
    assert {"storage", "keyVaultDns", "sqlServerHostname", "acrLoginServer"} <= clouds[0]["suffixes"].keys()


def test_with_an_issuer_of_ones_own_tokens_come_from_there():
    own = Settings(issuer="https://login.example/tenant/v2.0", audience=("api://xtap",))
    _, clouds = cloud_metadata.answer(own, b"api-version=2019-05-01")
    assert json.loads(json.dumps(clouds))[0]["authentication"]["loginEndpoint"] == "https://login.example"


@pytest.mark.parametrize("query", ["", "?api-version=2015-01-01", "?api-version="])
def test_other_versions_are_refused(tmp_path: Path, query: str) -> None:
    status, body = ask(tmp_path, query)
    assert (status, body["error"]["code"]) == (400, "InvalidApiVersionParameter")


def test_it_is_only_read(tmp_path: Path):
    assert ask(tmp_path, "?api-version=2022-09-01", "POST")[0] == 404


def test_there_are_no_subscriptions_and_no_answer_without_token(tmp_path: Path):
    async def run() -> None:
        async with in_process(tmp_path) as app:
            address = "/subscriptions?api-version=2022-12-01"
            nobody = await app.client.get(address, headers={"authorization": "Bearer nonsense"})
            assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "AuthenticationFailed")
            known = await app.client.get(address, headers=app.headers("contoso"))
            assert (known.status_code, known.json()) == (200, {"value": []})
            assert (await app.client.post(address, headers=app.headers("contoso"))).status_code == 404

    asyncio.run(run())
