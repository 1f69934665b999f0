"""The application without HTTP in between, so that no client tidies up what is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from xtap.graph.paths import addresses, build
from xtap.graph.routes import ROUTES
from xtap.testing.transcripts import always

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from xtap.testing.in_process import InProcess

POLICY = "/v1.0/policies/crossTenantAccessPolicy"
ID = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
OTHER = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a"
JSON = (b"content-type", b"application/json")
WRITES = [(method, path) for method, path in addresses(build(ROUTES)) if method in {"POST", "PUT", "PATCH"}]
WITH_BODY = [(method, path) for method, path in WRITES if "reset" not in path.lower()]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problems(self) -> list[str]:
        """Return what is wrong with it as an error of Graph."""
        answer = httpx.Response(self.status, headers=self.headers, content=self.body)
        found = [*always(answer)]
        if not 400 <= self.status < 500:
            found.append(f"status {self.status}: {self.body[:500]!r}")
        return found


class Direct:
    """The application without HTTP in between, so that no client tidies up what is sent."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self._runner = runner
        self._app = app.application
        self._token = app.headers()["Authorization"].encode()
        self.sent = 0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
        query: bytes = b"",
        chunk: int = 65_536,
    ) -> Answer:
        """Send one request, with a token that may everything unless the headers have one."""
        own = dict(headers)
        if b"authorization" not in own:
            headers = [(b"authorization", self._token), *headers]
        if b"host" not in own:
            headers = [(b"host", b"localhost"), *headers]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": b"",
            "query_string": query,
            "headers": headers,
            "server": ("localhost", 80),
        }
        chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            part = chunks.pop(0) if chunks else b""
            return {"type": "http.request", "body": part, "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            sent.append(message)

        self._runner.run(self._app(scope, receive, send))
        self.sent += 1
        start = sent[0]
        decoded = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], decoded, b"".join(message.get("body", b"") for message in sent[1:]))

    def prepare(self) -> None:
        """Make sure that there is something to break: a partner, and its synchronization policy."""
        setting = {"tenantId": ID, "automaticUserConsentSettings": {"inboundAllowed": True}}
        assert self.ask("POST", f"{POLICY}/partners", json.dumps(setting).encode(), [JSON]).status in {201, 409}
        assert self.ask("PATCH", f"{POLICY}/partners/{ID}", json.dumps(setting).encode(), [JSON]).status == 204
        sync = b'{"displayName": "Fabrikam", "userSyncInbound": {"isSyncAllowed": true}}'
        assert self.ask("PUT", f"{POLICY}/partners/{ID}/identitySynchronization", sync, [JSON]).status == 204

    def state(self) -> list[bytes]:
        """Return everything that the tenant has, without the addresses that stand in it."""
        places = ("", "/default", "/partners", f"/partners/{ID}/identitySynchronization", "/templates")
        more = ("multiTenantOrganizationPartnerConfiguration", "multiTenantOrganizationIdentitySynchronization")
        paths = [*places, *(f"/templates/{name}" for name in more)]
        found = [self.ask("GET", POLICY.replace("v1.0", "beta") + path) for path in paths]
        assert [answer.status for answer in found] == [200] * len(found)
        return [answer.body for answer in found]


def url(path: str) -> str:
    return f"/v1.0{path.replace('{key}', ID)}"
