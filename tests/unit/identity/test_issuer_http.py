"""The embedded issuer over real TLS, asked by the clients that people use: MSAL and azure-identity."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from granian.constants import Interfaces
from granian.server.embed import Server
from msal import ConfidentialClientApplication  # type: ignore[import-untyped]

from xtap.errors import Unavailable
from xtap.identity.authority import Certificates, ensure
from xtap.identity.client_secrets import hash_secret
from xtap.identity.discovery import DiscoveredKeys
from xtap.identity.embedded import EmbeddedIssuer
from xtap.identity.issuers import TrustedIssuer
from xtap.identity.keys import SigningKeys, generate
from xtap.identity.tokens import Verifier
from xtap.model.directory import Application, Tenant
from xtap.model.ids import TenantId
from xtap.server.issuer import issuer_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONTOSO = "11111111-1111-4111-8111-111111111111"
GOOD = {
    "grant_type": "client_credentials",
    "client_id": "demo-app",
    "client_secret": "demo-secret",
    "scope": "https://localhost/.default",
}


class OneTenant:
    """A directory of one tenant with one application; storage fails when the domain says so."""

    application = Application("demo-app", "Demo", "oid", hash_secret("demo-secret"), ("Policy.Read.All",))

    async def find_tenant(self, id_or_domain: str) -> Tenant | None:
        if id_or_domain == "broken.example":
            raise Unavailable("the disk is gone")
        tenant = Tenant(TenantId(CONTOSO), "Contoso", ("contoso.example",))
        return tenant if id_or_domain.lower() in (tenant.id, *tenant.domains) else None

    async def find_application(self, tenant_id: TenantId, client_id: str) -> Application | None:
        return self.application if (tenant_id, client_id) == (CONTOSO, "demo-app") else None


class Running:
    """The issuer, where it listens, and how to trust it."""

    def __init__(self, issuer: EmbeddedIssuer, files: Certificates) -> None:
        self.issuer, self.files, self.url = issuer, files, issuer.base_url
        self.judge = Verifier([issuer.trusted()], time.time)

    def client(self) -> httpx.AsyncClient:
        trust = ssl.create_default_context(cafile=str(self.files.ca))
        return httpx.AsyncClient(base_url=self.url, verify=trust, http2=True)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    files = ensure(tmp_path, time.time())
    issuer = EmbeddedIssuer(f"https://localhost:{port}", SigningKeys((generate(),)), OneTenant(), time.time)
    server = Server(
        issuer_app(issuer),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        ssl_cert=files.certificate,
        ssl_key=files.key,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        await asyncio.to_thread(_wait_for, port)
    yield Running(issuer, files)
    server.stop()
    await serving


def _wait_for(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


async def test_azure_identity_gets_a_token(running: Running) -> None:
    def ask() -> str:
        with ClientSecretCredential(
            CONTOSO,
            "demo-app",
            "demo-secret",
            authority=running.url,
            disable_instance_discovery=True,
            connection_verify=str(running.files.ca),
        ) as credential:
            return credential.get_token(f"{running.url}//.default", enable_cae=True).token

    caller = await running.judge.caller(await asyncio.to_thread(ask))
    assert caller.tenant == CONTOSO
    assert caller.permissions == {"Policy.Read.All"}


async def test_azure_identity_aio_gets_a_token(running: Running) -> None:
    async with AsyncClientSecretCredential(
        "contoso.example",
        "demo-app",
        "demo-secret",
        authority=running.url,
        disable_instance_discovery=True,
        connection_verify=str(running.files.ca),
    ) as credential:
        token = await credential.get_token("https://graph.microsoft.com/.default")
    assert (await running.judge.caller(token.token)).client_id == "demo-app"


async def test_azure_identity_shows_our_words(running: Running) -> None:
    async with AsyncClientSecretCredential(
        CONTOSO,
        "demo-app",
        "wrong",
        authority=running.url,
        disable_instance_discovery=True,
        connection_verify=str(running.files.ca),
    ) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215: Invalid client secret provided"):
            await credential.get_token("https://localhost/.default")


@pytest.mark.parametrize("how", ["authority", "oidc_authority", "instance_discovery"])
async def test_msal_gets_a_token(running: Running, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)  # MSAL lets it win over verify=
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    options: dict[str, object] = {
        "authority": {"authority": f"{running.url}/{CONTOSO}", "instance_discovery": False},
        "oidc_authority": {"oidc_authority": f"{running.url}/{CONTOSO}/v2.0"},
        "instance_discovery": {
            "authority": f"{running.url}/{CONTOSO}",
            "instance_discovery": f"{running.url}/common/discovery/instance",
        },
    }[how]  # type: ignore[assignment]

    def ask() -> dict[str, str]:
        app = ConfidentialClientApplication(
            "demo-app", client_credential="demo-secret", verify=str(running.files.ca), **options
        )
        answer: dict[str, str] = app.acquire_token_for_client(["https://localhost/.default"])
        return answer

    answer = await asyncio.to_thread(ask)
    assert (await running.judge.caller(answer["access_token"])).tenant == CONTOSO


async def test_another_server_finds_the_keys_by_discovery(running: Running) -> None:
    issuer = f"{running.url}/{{tenantid}}/v2.0"
    keys = DiscoveredKeys(issuer, time.monotonic, ca_file=running.files.ca)
    elsewhere = Verifier([TrustedIssuer(issuer, frozenset({"https://localhost"}), keys)], time.time)
    token = str((await running.issuer.token(CONTOSO, GOOD))["access_token"])
    assert (await elsewhere.caller(token)).tenant == CONTOSO


async def test_tokens_are_not_stored_on_the_way(running: Running) -> None:
    async with running.client() as client:
        answer = await client.post(f"/{CONTOSO}/oauth2/v2.0/token?client-request-id=x", data=GOOD)
    assert answer.http_version == "HTTP/2"
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "body", "status", "number"),
    [
        (f"/{CONTOSO}/oauth2/v2.0/token", b"", 400, 900144),
        (f"/{CONTOSO}/oauth2/v2.0/token", b'{"grant_type":"client_credentials"}', 400, 900144),
        (f"/{CONTOSO}/oauth2/v2.0/token", b"grant_type=a&grant_type=b", 400, 9000411),
        (f"/{CONTOSO}/oauth2/v2.0/token", b"\xff\xfe", 400, 90023),
        (f"/{CONTOSO}/oauth2/v2.0/token", b"a=%ff", 400, 90023),
        (f"/{CONTOSO}/oauth2/v2.0/token", b"&".join(b"a%d=1" % n for n in range(200)), 400, 90023),
        (f"/{CONTOSO}/oauth2/v2.0/token", b"a=" + b"x" * 70_000, 400, 90023),
        (f"/{CONTOSO}/oauth2/v2.0/token", b"grant_type=client_credentials&client_id=a", 401, 7000216),
        ("/nobody.example/oauth2/v2.0/token", b"grant_type=client_credentials", 400, 90002),
        ("/broken.example/oauth2/v2.0/token", b"grant_type=client_credentials", 503, 90033),
    ],
)
async def test_bad_requests(running: Running, path: str, body: bytes, status: int, number: int) -> None:
    correlation = "4fd39e77-3d6d-4d2c-8a0e-3c25cdbf2c3a"
    async with running.client() as client:
        answer = await client.post(path, content=body, headers={"client-request-id": correlation})
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [number])
    assert answer.json()["correlation_id"] == correlation
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_documents(running: Running) -> None:
    async with running.client() as client:
        metadata = (await client.get("/contoso.example/v2.0/.well-known/openid-configuration")).json()
        keys = (await client.get(metadata["jwks_uri"])).json()
        unknown = await client.get("/nobody.example/v2.0/.well-known/openid-configuration")
        endpoint = f"{running.url}/{CONTOSO}/oauth2/v2.0/authorize"
        instance = (await client.get("/common/discovery/instance", params={"authorization_endpoint": endpoint})).json()
        wrong_method = await client.get(f"/{CONTOSO}/oauth2/v2.0/token")
    assert keys == running.issuer.jwks()
    assert (unknown.status_code, unknown.json()["error_codes"]) == (400, [90002])
    assert instance["tenant_discovery_endpoint"] == f"{running.url}/{CONTOSO}/v2.0/.well-known/openid-configuration"
    assert wrong_method.status_code == 405
