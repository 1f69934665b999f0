"""A server behind a proxy: links have the public address, whatever the proxy or a client says in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = "https://xtap.example"


def test_links_and_signed_metadata_have_the_public_address(tmp_path: Path):
    with running(tmp_path, "--public-url", PUBLIC) as server:
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


def test_a_server_can_listen_on_a_name(tmp_path: Path):
    port, _ = free_ports(2)
    with running(tmp_path, "--host", "localhost", "--metrics-host", "localhost", "--metrics-port", str(port)) as server:
        assert httpx.get(f"http://127.0.0.1:{server.port}/readyz").status_code == 200
        assert "xtap_build_info" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
