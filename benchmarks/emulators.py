"""How fast is the server beside what people use instead: a FastAPI application, an emulator of AWS, a mock of OpenAPI?

Each one reads and creates its own kind of object: FastAPI a partner (validated by pydantic, kept in a dict), moto's
server a user of IAM, Prism one that stands in its document. None of them checks tokens or keeps anything on disk.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from benchmarks.http import PARTNER, PARTNERS, partner
from benchmarks.measure import Contestant, Workload, compared, created, head, process, request
from benchmarks.table import Row, render
from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xtap.testing.local_server import LocalServer

PYTHON = Path(".venv/peers/bin/python")
PRISM = Path("benchmarks/js/node_modules/.bin/prism")
AIM = "at least 1"
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
SIGNED = (
    "Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=a"
)


class Peer(NamedTuple):
    """A server to compare with: how it is run, and the requests that read and create one object."""

    name: str
    run: Callable[[Path], AbstractContextManager[int]]
    read: tuple[list[str], list[object]]
    create: tuple[list[str], list[object]]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as server:
        folder = Path(name)
        created(server, PARTNERS, partner(PARTNER))
        get = request(folder / "get", head(server, f"GET {PARTNERS}/{PARTNER}"))
        post = request(folder / "post", head(server, f"POST {PARTNERS}"), [partner("{id}")])
        return [row for peer in PEERS for row in against(peer, folder, server, get, post)]


def against(peer: Peer, folder: Path, server: LocalServer, get: Path, post: Path) -> list[Row]:
    """Compare the throughput of reading and creating one object."""
    rows = []
    with peer.run(folder) as port:
        for word, mine, (lines, bodies) in (("read", get, peer.read), ("create", post, peer.create)):
            theirs = request(folder / "theirs", [*lines, f"Host: 127.0.0.1:{port}"], bodies)
            workload = Workload(f"{word} one object, 16 clients, against {peer.name}", 16, AIM)
            rows += compared(workload, Contestant(server.port, mine), Contestant(port, theirs))[:1]
    return rows


@contextmanager
def fastapi(_: Path) -> Iterator[int]:
    """Run the FastAPI application with one partner."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/partners"
    with process([PYTHON, "-m", "benchmarks.fastapi_server", str(port)], url):
        httpx.post(url, json=partner(PARTNER)).raise_for_status()
        yield port


@contextmanager
def moto(_: Path) -> Iterator[int]:
    """Run moto's server with one user of IAM."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with process([PYTHON.with_name("moto_server"), "--host", "127.0.0.1", "--port", str(port)], url):
        headers = dict(each.split(": ", 1) for each in (FORM, SIGNED))
        httpx.post(url, headers=headers, content="Action=CreateUser&UserName=one").raise_for_status()
        yield port


@contextmanager
def prism(folder: Path) -> Iterator[int]:
    """Run Prism on a document with our two operations, whose examples it answers."""
    (port,) = free_ports(1)
    document = folder / "openapi.json"
    document.write_text(json.dumps(_document()))
    command = [PRISM, "mock", document, "--host", "127.0.0.1", "--port", str(port), "--verboseLevel", "silent"]
    with process(command, f"http://127.0.0.1:{port}/partners/x"):
        yield port


def _document() -> dict[str, Any]:
    """Describe reading and creating a partner."""
    text = {"type": "string"}
    targets = {"type": "array", "items": {"type": "object", "properties": {"target": text, "targetType": text}}}
    lists = {"type": "object", "properties": {"accessType": text, "targets": targets}}
    setting = {"type": "object", "properties": {"usersAndGroups": lists, "applications": lists}}
    names = ("b2bDirectConnectInbound", "b2bDirectConnectOutbound")
    shape = {
        "type": "object",
        "required": ["tenantId"],
        "properties": {"tenantId": text} | dict.fromkeys(names, setting),
    }
    content = {"application/json": {"schema": shape, "example": partner(PARTNER)}}
    key = {"name": "tenant", "in": "path", "required": True, "schema": text}
    ok, done = ({status: {"description": "a partner", "content": content}} for status in ("200", "201"))
    return {
        "openapi": "3.0.3",
        "info": {"title": "partners", "version": "1"},
        "paths": {
            "/partners": {"post": {"requestBody": {"content": content}, "responses": done}},
            "/partners/{tenant}": {"get": {"parameters": [key], "responses": ok}},
        },
    }


ONE = ([f"GET /partners/{PARTNER} HTTP/1.1"], [])
NEW = (["POST /partners HTTP/1.1", JSON], [partner("{id}")])
IAM = ["POST / HTTP/1.1", FORM, SIGNED]
PEERS = (
    Peer("FastAPI and pydantic on the same listener", fastapi, ONE, NEW),
    Peer("Prism", prism, ONE, NEW),
    Peer("moto_server (IAM)", moto, (IAM, ["Action=GetUser&UserName=one"]), (IAM, ["Action=CreateUser&UserName={id}"])),
)


if __name__ == "__main__":
    print(render(run()))
