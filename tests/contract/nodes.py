"""Real servers on one PostgreSQL database, and one object that tests may do with as they like."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from tests.contract.cluster import PASSWORD
from xtap.store.looker import LOOK_EVERY
from xtap.testing.local_server import LocalServer, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.cluster import Cluster

STALE_LIMIT = 3
"""Seconds for which these servers answer from memory while the database cannot be asked."""


def configured(folder: Path, url: str) -> Path:
    """Make the folder of a node, with the password in a file beside its configuration."""
    folder.mkdir()
    (folder / "secret").write_text(f"{PASSWORD}\n")
    (folder / "secret").chmod(0o600)
    (folder / "xtap.toml").write_text(
        f'embedded-issuer = true\ndatabase = "{url}"\ndatabase-password-file = "secret"\nstale-limit = {STALE_LIMIT}\n'
    )
    return folder


def empty(cluster: Cluster) -> str:
    """Return the URL of an empty place for tables, over loopback."""
    return f"{cluster.tcp_url}&{cluster.empty().split('&')[-1]}"


def unstarted(folder: Path) -> LocalServer:
    """Return a server in a folder, to run commands for."""
    port, tls_port = free_ports(2)
    return LocalServer(folder, port, tls_port)


def assert_all_is_kept(server: LocalServer) -> None:
    """Let many clients create partners of contoso, and find all of them whichever worker answers."""
    headers = server.headers()

    def create(number: int) -> int:
        partner = {"tenantId": f"77777777-7777-4777-8777-{number:012d}"}
        return httpx.post(f"{server.graph}/partners", headers=headers, json=partner).status_code

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(create, range(60))) == {201}
    time.sleep(LOOK_EVERY + 0.5)
    assert {httpx.get(f"{server.graph}/partners/$count", headers=headers).text for _ in range(20)} == {"60"}


@dataclass
class Partner:
    """One partner of contoso that no other test uses, and two nodes to ask about it."""

    first: LocalServer
    second: LocalServer
    id: str

    def __post_init__(self) -> None:
        self._clients = {
            each.port: httpx.Client(base_url=each.http, headers=each.headers(), timeout=30)
            for each in (self.first, self.second)
        }

    def http(self, server: LocalServer) -> httpx.Client:
        """Return the client of a node, with a token that may do everything in contoso."""
        return self._clients[server.port]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def create(self) -> None:
        body = {"tenantId": self.id, "inboundTrust": {"isMfaAccepted": True}}
        created = self.http(self.first).post(f"{self.first.graph}/partners", json=body)
        assert created.status_code == 201, created.text

    def get(self, server: LocalServer) -> httpx.Response:
        return self.http(server).get(f"{server.graph}/partners/{self.id}")

    def trust(self, server: LocalServer, key: str) -> bool:
        value: bool = self.get(server).json()["inboundTrust"][key]
        return value

    def patch(self, server: LocalServer, key: str, *, value: bool) -> int:
        url, body = f"{server.graph}/partners/{self.id}", {"inboundTrust": {key: value}}
        return self.http(server).patch(url, json=body).status_code
