"""The address of batches: several requests in one, each answered as if it had come alone, by the same caller.

Requests that depend on nothing run at the same time, as they do in the service; ``dependsOn`` orders them.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from msgspec import Raw, json

from xtap.errors import DependencyFailed, MalformedRequest, XtapError
from xtap.graph import failures
from xtap.graph.exchange import Answer, Request, client_request_id
from xtap.graph.parts import parts
from xtap.http.bodies import json_object
from xtap.model.versions import VERSIONS

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Sequence

    from xtap.graph.exchange import Exchange
    from xtap.graph.parts import Part

PATH: Final = "$batch"

_ABSOLUTE = re.compile(r"https?://([^/?#]*)(?=[/?#]|\Z)", re.IGNORECASE)
_INHERITED: Final = (b"authorization", b"client-request-id", b"retry-attempt")
"""Headers of the batch that hold for its parts: who asks, how the client calls it, and that it is repeated.

What ``xtap-at-least`` demands holds for them too: the node knows it before the first part.
"""

_SPELLINGS: Final = {b"www-authenticate": "WWW-Authenticate"}


async def post(exchange: Exchange) -> Answer:
    """Answer 200 with the answers to all parts, in their order."""
    tasks: dict[str, Task[Answer]] = {}
    found = parts(json_object(exchange.body, exchange.headers))
    async with asyncio.TaskGroup() as group:
        for part in found:
            before = [tasks[name] for name in part.after]
            tasks[part.id.lower()] = group.create_task(_answer(exchange, part, before))
    shown = [_shown(part.id, task.result()) for part, task in zip(found, tasks.values(), strict=True)]
    return Answer(200, json.encode({"responses": shown}), b"application/json")


async def _answer(exchange: Exchange, part: Part, before: Sequence[Task[Answer]]) -> Answer:
    try:
        for name, task in zip(part.after, before, strict=True):
            if (await task).status >= 400:
                raise DependencyFailed(f"Request '{name[:64]}' failed, and this one depends on it.")
        request = _request(exchange, part)
    except XtapError as error:
        own = exchange.call.request_id
        return failures.answer(error, own, client_request_id(exchange.headers, own), exchange.service.now())
    return await exchange.ask(request)


def _request(exchange: Exchange, part: Part) -> Request:
    """Build the request of a part.

    Raises:
        MalformedRequest: it goes elsewhere, comes from another caller, or is a batch itself.
    """
    base = exchange.root.rpartition("/")[0]
    address, _, query = _here(part.url, base).partition("#")[0].partition("?")
    path = unquote(address).lstrip("/")
    first, _, rest = path.partition("/")
    version = VERSIONS.get(first.lower())
    path = path if version is None else rest
    if path.strip("/").lower() == PATH:
        raise MalformedRequest("A batch cannot be part of a batch. Send its requests in this one, or on their own.")
    inherited = {name: exchange.headers[name] for name in _INHERITED if name in exchange.headers}
    if part.headers.get(b"authorization", inherited[b"authorization"]) != inherited[b"authorization"]:
        raise MalformedRequest("All requests of a batch are by its caller. Leave Authorization out of their headers.")

    async def body() -> bytes:
        return part.body

    headers = {**inherited, **part.headers}
    return Request(part.method, base, version or exchange.call.version, path, query.encode(), headers, body)


def _here(url: str, base: str) -> str:
    """Return an address without scheme and host, which must be ours if they are there."""
    absolute = _ABSOLUTE.match(url)
    if absolute is None:
        return url
    if absolute[1].lower() != base.partition("://")[2].lower():
        raise MalformedRequest(f"The URL '{url[:128]}' is not on this host. Send it relative to the version.")
    return url[absolute.end() :]


def _shown(name: str, answer: Answer) -> dict[str, object]:
    """Write one answer; a body that is no JSON is base64, which is how SDKs read any text that stands there."""
    headers = {"Cache-Control": "no-cache"}
    headers |= {_SPELLINGS.get(each, each.decode().title()): value.decode() for each, value in answer.headers}
    shown: dict[str, object] = {"id": name, "status": answer.status, "headers": headers}
    if answer.status < 400:
        headers["OData-Version"] = "4.0"
    if answer.status == 204:
        return shown
    headers["Content-Type"] = answer.content_type.decode()
    if answer.content_type.startswith(b"application/json"):
        shown["body"] = Raw(answer.body)
    else:
        shown["body"] = base64.b64encode(answer.body).decode()
    return shown
