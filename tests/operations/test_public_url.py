"""A server behind a proxy: links have the public address, whatever the proxy or a client says in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.server.proxied import behind_proxy
from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = "https://xtap.example"
BEHIND = ("--public-url", PUBLIC, "--unsafe-embedded-issuer-on-network")


def test_links_and_signed_metadata_have_the_public_address(tmp_path: Path):
    with running(tmp_path, *BEHIND) as server:
        headers = server.headers() | {"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example"}
        # The embedded issuer lives at the public address too: tokens of the old one are not its.
        token = server.run("token", "--tenant", "contoso", "--public-url", PUBLIC, check=False)
        assert httpx.get(f"{server.graph}/partners", headers=headers).status_code == 401
        assert token.returncode == 0, token.stderr
        headers["Authorization"] = f"Bearer {token.stdout.strip()}"
        for number in (1, 2):
            partner = {"tenantId": f"99999999-9999-4999-8999-99999999999{number}"}
            made = httpx.post(f"{server.graph}/partners", headers=headers, json=partner)
            assert made.headers["location"].startswith(f"{PUBLIC}/v1.0/")
        page = httpx.get(f"{server.graph}/partners?$top=1", headers=headers).json()
        assert page["@odata.nextLink"].startswith(f"{PUBLIC}/v1.0/")
        assert page["@odata.context"].startswith(f"{PUBLIC}/v1.0/$metadata")
        metadata = httpx.get(f"{server.http}/.well-known/authzen-configuration").json()
        assert metadata["policy_decision_point"] == PUBLIC
        assert "signed_metadata" in metadata


def test_the_demo_application_is_for_nobody_behind_a_proxy(tmp_path: Path):
    form = {"grant_type": "client_credentials", "client_id": "demo-app", "client_secret": "demo-secret"}
    form["scope"] = "https://graph.microsoft.com/.default"
    with running(tmp_path, *BEHIND) as server:
        refused = httpx.post(f"{server.http}/contoso.example/oauth2/v2.0/token", data=form)
        assert (refused.status_code, refused.json()["error_codes"]) == (400, [700016])


def test_wrong_secrets_are_counted_by_the_address_that_the_proxy_saw(tmp_path: Path):
    form = {"grant_type": "client_credentials", "client_id": "somebody", "client_secret": "guess"}
    form["scope"] = "https://graph.microsoft.com/.default"
    with running(tmp_path, *BEHIND) as server, httpx.Client() as client:

        def guess(number: int, address: str) -> int:
            forwarded = {"X-Forwarded-For": f"198.51.100.{number % 250}, {address}"}  # the first one is the client's
            place = f"{server.http}/contoso.example/oauth2/v2.0/token"
            return client.post(place, data=form, headers=forwarded).status_code

        seen = [guess(number, "203.0.113.7") for number in range(130)]
        assert set(seen[:100]) == {400}
        assert seen[-1] == 429
        assert guess(1, "203.0.113.8") == 400


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], ("127.0.0.1", 40000)),
        ([b"203.0.113.7"], ("203.0.113.7", 0)),
        ([b"198.51.100.1, 203.0.113.7"], ("203.0.113.7", 0)),
        ([b"198.51.100.1", b"203.0.113.7"], ("203.0.113.7", 0)),
        ([b"2001:DB8::1"], ("2001:db8::1", 0)),
        ([b"203.0.113.7, unknown"], ("127.0.0.1", 40000)),
        ([b"\xff"], ("127.0.0.1", 40000)),
    ],
)
def test_the_client_is_who_the_proxy_saw_last(forwarded: list[bytes], client: tuple[str, int]):
    headers = [(b"host", b"internal"), *((b"x-forwarded-for", value) for value in forwarded)]
    scope = {"scheme": "http", "client": ("127.0.0.1", 40000), "headers": headers}
    found = behind_proxy(scope, PUBLIC)
    assert (found["client"], found["scheme"], dict(found["headers"])[b"host"]) == (client, "https", b"xtap.example")
    assert scope["scheme"] == "http"


def test_a_server_can_listen_on_a_name(tmp_path: Path):
    port, _ = free_ports(2)
    with running(tmp_path, "--host", "localhost", "--metrics-host", "localhost", "--metrics-port", str(port)) as server:
        assert httpx.get(f"http://127.0.0.1:{server.port}/readyz").status_code == 200
        assert "xtap_build_info" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
