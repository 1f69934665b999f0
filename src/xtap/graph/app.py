"""The ASGI application that speaks Graph: who asks, which resource, what to do, how the answer looks.

Plain ASGI instead of a web framework: OData addresses (keys in parentheses, segments without regard to case, errors
that name the segment) fit no router, and the common GET costs 0.6 of what a framework adds. See docs/adr/0001.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from xtap.errors import Unavailable, XtapError
from xtap.graph import failures, metadata
from xtap.graph.exchange import Exchange, Request, client_request_id
from xtap.graph.paths import build, resolve
from xtap.graph.routes import BETA_ROUTES, ROUTES
from xtap.http import NO_SNIFF, versions
from xtap.http.addresses import base
from xtap.http.bodies import decoded, read
from xtap.http.fields import fields
from xtap.http.operations import about, note, noted
from xtap.http.outages import tell_operator
from xtap.model.versions import BETA, V1, VERSIONS
from xtap.service import consistency
from xtap.service.context import Call
from xtap.service.disclosure import View

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import Any, TypeAlias

    from xtap.graph.exchange import Answer
    from xtap.identity.callers import Callers
    from xtap.model.ids import TenantId
    from xtap.service.caller import Caller
    from xtap.service.context import Service
    from xtap.service.settling import Settler

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Admission: TypeAlias = Callable[[Caller, Request], tuple[tuple[bytes, bytes], ...]]
    PartAnswered: TypeAlias = Callable[[str, int, float], None]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_ALWAYS = (
    NO_SNIFF,
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept-Encoding"),
    (
        b"x-ms-ags-diagnostic",
        b'{"ServerInfo":{"DataCenter":"xtap","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"xtap"}}',
    ),
)
_ODATA = (b"odata-version", b"4.0")


METADATA: Final = "GET /$metadata"


def operations() -> list[str]:
    """Return every operation of this surface, as it is noted."""
    routes = [*ROUTES.items(), *BETA_ROUTES.items()]
    return [METADATA, *dict.fromkeys(f"{method} /{path}" for path, methods in routes for method in methods)]


class GraphApp:
    """Everything below ``/v1.0`` and ``/beta``.

    Args:
        service: what the server was built with.
        callers: who turns tokens into callers.
        settler: who finishes what is due.
        paging_key: the secret that seals continuation tokens.
        admission: refuses requests that come too often, and returns headers for the answers to others; None for none.
        part_answered: told the operation, status and seconds of each part of a batch; None for nobody.
    """

    def __init__(
        self,
        service: Service,
        callers: Callers,
        settler: Settler,
        paging_key: bytes,
        admission: Admission | None = None,
        part_answered: PartAnswered | None = None,
    ) -> None:
        self._service = service
        self._callers = callers
        self._settler = settler
        self._paging_key = paging_key
        self._admission = admission
        self._part_answered = part_answered
        self._trees = {V1.name: build(ROUTES), BETA.name: build({**ROUTES, **BETA_ROUTES})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every outcome is a Graph answer with the usual headers."""
        headers = fields(scope)
        version_name, _, path = scope["path"][1:].partition("/")
        request = Request(
            scope["method"],
            base(scope["scheme"], headers.get(b"host", b""), scope.get("server")),
            VERSIONS[version_name.lower()],
            path,
            scope["query_string"],
            headers,
            partial(read, receive),
            scope,
        )
        request_id = self._service.new_id()
        client_id = client_request_id(headers, request_id)
        answer = await self._outcome(request, request_id, client_id)
        await deliver(answer, send, request_id, client_id)

    async def _ask(self, request: Request) -> Answer:
        """Answer a part of a batch, as if it had come alone."""
        begun, request_id = monotonic(), self._service.new_id()
        answer = await self._outcome(request, request_id, client_request_id(request.headers, request_id))
        if self._part_answered is not None:
            self._part_answered(noted(request.scope), answer.status, monotonic() - begun)
        return answer

    async def _outcome(self, request: Request, request_id: str, client_id: str) -> Answer:
        try:
            return await self._answer(request, request_id)
        except XtapError as error:
            tell_operator(error, about(request.scope, request_id))
            return failures.answer(error, request_id, client_id, self._service.now())
        except Exception:
            # Not the path: a client may have put anything there, a token too.
            log.exception("a request failed", extra={"xtap": about(request.scope, request_id)})
            return failures.answer(failures.unexpected(), request_id, client_id, self._service.now())

    async def _answer(self, request: Request, request_id: str) -> Answer:
        if metadata.is_at(request.path):
            note(request.scope, METADATA)
            return metadata.get(request)
        headers, version, method = request.headers, request.version, request.method
        try:
            caller = await self._callers.of(headers)
            counted = () if self._admission is None else self._admission(caller, request)
        except XtapError:
            self._note_refused(request)
            raise
        node, key = resolve(self._trees[version.name], request.path)
        handler = node.methods.get(method)
        if handler is None:
            raise failures.not_allowed(node.methods)
        note(request.scope, f"{method} /{node.route}")
        body = decoded(await request.body(), headers) if method in _WITH_BODY else b""
        if versions.DEMANDED in headers:
            await self._catch_up(headers, caller.tenant)
        call = Call(caller, version, request_id, is_retry=b"retry-attempt" in headers)
        root = f"{request.base}/{version.name}"
        await self._settler.settle()
        exchange = Exchange(
            self._service, call, root, request.path, key, request.query, headers, body, self._paging_key, self._ask
        )
        answer = await handler(exchange)
        if method != "GET":
            await self._settler.settle()  # what it did to an organization is done to its tenants before it is answered
        added = counted if method == "GET" else (*counted, *await self._version(caller.tenant))
        return replace(answer, headers=(*answer.headers, *added)) if added else answer

    def _note_refused(self, request: Request) -> None:
        """Note which operation a caller was refused that nobody knows, or who asks too often, if there is such one."""
        with suppress(XtapError):
            node, _ = resolve(self._trees[request.version.name], request.path)
            if request.method in node.methods:
                note(request.scope, f"{request.method} /{node.route}")

    async def _catch_up(self, headers: Mapping[bytes, bytes], tenant: TenantId) -> None:
        """Wait until this node knows the versions that the request demands."""
        demanded = versions.demanded(headers)
        consistency.require_visible(View(tenant), demanded, versions.DEMANDED.decode())
        await consistency.require(self._service.store, demanded, consistency.patience())

    async def _version(self, tenant: TenantId) -> tuple[tuple[bytes, bytes], ...]:
        """Tell with which version of the caller's policy a write is there; this node knows it from now on."""
        try:
            snapshot = await self._service.store.snapshot(tenant)
        except Unavailable:  # the write stands all the same
            return ()
        return (versions.told({tenant: snapshot.sequence}),)


async def deliver(answer: Answer, send: Send, request_id: str, client_id: str) -> None:
    """Send an answer with the headers that every answer of Graph has."""
    ids = (b"request-id", request_id.encode()), (b"client-request-id", client_id.encode())
    headers = [*ids, *_ALWAYS, *answer.headers]
    if answer.status < 400:
        headers.append(_ODATA)
    if answer.status != 204:
        headers += [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
