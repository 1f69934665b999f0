"""The ASGI application that speaks Graph: who asks, which resource, what to do, how the answer looks.

Plain ASGI instead of a web framework: OData addresses (keys in parentheses, segments without regard to case, errors
that name the segment) fit no router, and the common GET costs 0.6 of what a framework adds. See docs/adr/0001.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from xtap.errors import NotSupported, XtapError
from xtap.graph import failures
from xtap.graph.exchange import Exchange
from xtap.graph.paths import build, resolve
from xtap.graph.routes import BETA_ROUTES, ROUTES
from xtap.http.addresses import base
from xtap.http.bodies import decoded, read
from xtap.model.versions import BETA, V1, Version
from xtap.service.context import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import Any, TypeAlias

    from xtap.graph.exchange import Answer
    from xtap.graph.paths import Node
    from xtap.identity.callers import Callers
    from xtap.service.context import Service

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

VERSIONS: Mapping[str, Version] = {V1.name: V1, BETA.name: BETA}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_CLIENT_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")
_ALWAYS = (
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept-Encoding"),
    (
        b"x-ms-ags-diagnostic",
        b'{"ServerInfo":{"DataCenter":"xtap","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"xtap"}}',
    ),
)
_ODATA = (b"odata-version", b"4.0")


class GraphApp:
    """Everything below ``/v1.0`` and ``/beta``."""

    def __init__(self, service: Service, callers: Callers, paging_key: bytes) -> None:
        self._service = service
        self._callers = callers
        self._paging_key = paging_key
        self._trees = {V1.name: build(ROUTES), BETA.name: build({**ROUTES, **BETA_ROUTES})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every outcome is a Graph answer with the usual headers."""
        headers = dict(scope["headers"])
        request_id = self._service.new_id()
        client_request_id = headers.get(b"client-request-id")
        if client_request_id is None or not _CLIENT_ID.fullmatch(client_request_id):
            client_request_id = request_id.encode()
        try:
            answer = await self._answer(scope, receive, headers, request_id)
        except XtapError as error:
            answer = failures.answer(error, request_id, client_request_id.decode(), self._service.now())
        except Exception:
            log.exception("request %s failed: %s %s", request_id, scope["method"], scope["path"])
            unexpected = failures.unexpected()
            answer = failures.answer(unexpected, request_id, client_request_id.decode(), self._service.now())
        await _send(answer, send, (b"request-id", request_id.encode()), (b"client-request-id", client_request_id))

    async def _answer(self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes], request_id: str) -> Answer:
        caller = await self._callers.of(headers)
        version_name, _, path = scope["path"][1:].partition("/")
        version = VERSIONS[version_name.lower()]
        node, key = resolve(self._trees[version.name], path)
        method = scope["method"]
        handler = node.methods.get(method)
        if handler is None:
            raise _not_allowed(node)
        body = decoded(await read(receive), headers) if method in _WITH_BODY else b""
        call = Call(caller, version, request_id, is_retry=b"retry-attempt" in headers)
        root = f"{base(scope['scheme'], headers.get(b'host', b''), scope.get('server'))}/{version.name}"
        query = scope["query_string"]
        return await handler(Exchange(self._service, call, root, path, key, query, headers, body, self._paging_key))


def _not_allowed(node: Node) -> NotSupported:
    allowed = ", ".join(sorted(node.methods))
    return NotSupported("Specified HTTP method is not allowed for the request target.", allowed)


async def _send(answer: Answer, send: Send, *ids: tuple[bytes, bytes]) -> None:
    headers = [*ids, *_ALWAYS, *answer.headers]
    if answer.status < 400:
        headers.append(_ODATA)
    if answer.status != 204:
        headers += [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
