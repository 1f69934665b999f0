"""How do tests speak to the emulator? Addresses below ``/xtap``, and a wrapper that lets requests to Graph fail.

    POST /xtap/reset                            204  the tenant's policies are as nobody configured them
    POST /xtap/seed      a tenant's document    204  they are those of the document
    POST /xtap/snapshot                         201  {"id": …} of their present state, until the server stops
    POST /xtap/restore   {"id": …}              204  they are in that state again
    GET, POST /xtap/clock  {"advance": seconds} 200  {"now": …}, the time of the whole server
    GET, POST, DELETE /xtap/faults  a fault     200, 204
    GET, POST, DELETE /xtap/limits  {"size": "S", "share": 1}   200, 204, the request limits of the service

The tenant is that of the token. Who may do this: docs/adr/0012-emulator.md.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from msgspec import json, to_builtins

from xtap.emulator import past, state
from xtap.emulator.faults import Faults
from xtap.emulator.past import Lag
from xtap.errors import Forbidden, InvalidInput, NotFound, NotSupported, UnknownSegment, XtapError
from xtap.graph import failures
from xtap.graph.exchange import Answer
from xtap.http import NO_SNIFF
from xtap.http.bodies import decoded, json_object, read
from xtap.http.fields import fields
from xtap.identity import compact
from xtap.identity.claims import parse_claims, tenant_of
from xtap.identity.compact import BadToken
from xtap.model.versions import BETA
from xtap.service.context import Call
from xtap.service.permissions import Operation, require

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import TypeAlias

    from xtap.emulator.clock import Clock
    from xtap.emulator.faults import Fault
    from xtap.emulator.limits import RequestLimits
    from xtap.identity.callers import Callers
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.service.context import Service
    from xtap.service.settling import Settler
    from xtap.store.snapshot import Snapshot

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
    Handler: TypeAlias = Callable[[Call, Document], Awaitable[Answer]]

PREFIX: Final = "/xtap/"
SNAPSHOTS: Final = 32
"""Snapshots of one tenant that are kept; an older one goes first."""

_NEEDS: Final = (Operation.WRITE_POLICY, Operation.WRITE_IDENTITY_SYNC, Operation.WRITE_TEMPLATES)
_NOT_READ: Final = frozenset({401, 403})
_JSON: Final = b"application/json"
_DONE: Final = Answer(204)


class Emulator:
    """The conveniences of one server.

    Args:
        service: what the server was built with; its time is that of ``clock``.
        callers: who turns tokens into callers.
        settler: who finishes what is due.
        clock: what time it is.
        throttle: the request limits of tenants.
    """

    def __init__(
        self, service: Service, callers: Callers, settler: Settler, clock: Clock, throttle: RequestLimits
    ) -> None:
        self._service = service
        self._callers = callers
        self._settler = settler
        self._clock = clock
        self._throttle = throttle
        self._faults = Faults()
        self._snapshots: dict[TenantId, OrderedDict[str, Snapshot]] = {}
        self._lags: dict[tuple[TenantId, str], Lag] = {}
        self._handlers: Mapping[str, Mapping[str, Handler]] = {
            "reset": {"POST": self._reset},
            "seed": {"POST": self._seed},
            "snapshot": {"POST": self._snapshot},
            "restore": {"POST": self._restore},
            "clock": {"GET": self._time, "POST": self._advance},
            "faults": {"GET": self._list_faults, "POST": self._add_fault, "DELETE": self._clear_faults},
            "limits": {"GET": self._tell_limits, "POST": self._set_limits, "DELETE": self._clear_limits},
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send, inner: App) -> None:
        """Answer a request below ``/xtap``; let every other one meet its fault, or pass."""
        if scope["path"].startswith(PREFIX):
            await _send(await self._control(scope, receive), send)
            return
        tenant = _claimed_tenant(dict(scope["headers"]).get(b"authorization", b""))
        if tenant is None:
            await inner(scope, receive, send)
            return
        place = tenant, _address(scope["path"])
        if scope["method"] == "GET" and (lag := self._lags.get(place)) and lag.left:
            with past.seen_as(lag.states):
                await inner(scope, receive, _counting(lag, send))
            return
        fault = self._faults.take(tenant, scope["method"], scope["path"])
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.status is not None:
            await _send(self._failure(fault, scope), send)
            return
        if fault is not None and fault.stale:
            await self._settler.settle()  # what is due was due before this
            lag = Lag(await past.now(self._service.store, tenant), fault.stale)
            send = _on_success(send, partial(self._lags.__setitem__, place, lag))
        await inner(scope, receive, send)

    async def _control(self, scope: Message, receive: Receive) -> Answer:
        headers = fields(scope)
        request_id = self._service.new_id()
        try:
            _require_local(scope)
            caller = await self._callers.of(headers)
            for operation in _NEEDS:
                require(caller, operation)
            methods = self._handlers.get(scope["path"].removeprefix(PREFIX))
            if methods is None:
                raise UnknownSegment(f"There is nothing below {PREFIX} but {', '.join(self._handlers)}.")
            handler = methods.get(scope["method"])
            if handler is None:
                raise NotSupported("This address has other methods.", ", ".join(methods))
            body = decoded(await read(receive), headers)
            document = json_object(body, headers) if body else {}
            await self._settler.settle()  # what is due was due before this
            return await handler(Call(caller, BETA, request_id), document)
        except XtapError as error:
            return failures.answer(error, request_id, request_id, self._clock.now())

    async def _reset(self, call: Call, _: Document) -> Answer:
        self._faults.clear(call.caller.tenant)
        self._forget_lags(call.caller.tenant)
        self._throttle.clear(call.caller.tenant)
        await state.reset(self._service, call)
        return _DONE

    async def _seed(self, call: Call, document: Document) -> Answer:
        await state.seed(self._service, call, document)
        return _DONE

    async def _snapshot(self, call: Call, _: Document) -> Answer:
        kept = self._snapshots.setdefault(call.caller.tenant, OrderedDict())
        name = self._service.new_id()
        kept[name] = await state.taken(self._service, call.caller.tenant)
        if len(kept) > SNAPSHOTS:
            kept.popitem(last=False)
        return _answer({"id": name}, 201)

    async def _restore(self, call: Call, document: Document) -> Answer:
        found = self._snapshots.get(call.caller.tenant, OrderedDict()).get(str(document.get("id")))
        if found is None:
            raise NotFound("This tenant has no such snapshot. Name the id that POST /xtap/snapshot answered.")
        await state.restore(self._service, call, found)
        return _DONE

    async def _time(self, _: Call, __: Document) -> Answer:
        return _answer({"now": self._clock.now().isoformat().replace("+00:00", "Z")})

    async def _advance(self, call: Call, document: Document) -> Answer:
        seconds = document.get("advance")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise InvalidInput.at("$.advance", 'Expected {"advance": seconds}.')
        self._clock.advance(seconds)
        return await self._time(call, document)

    async def _list_faults(self, call: Call, _: Document) -> Answer:
        return _answer({"value": to_builtins(self._faults.listing(call.caller.tenant))})

    async def _add_fault(self, call: Call, document: Document) -> Answer:
        self._faults.add(call.caller.tenant, document)
        return _DONE

    async def _clear_faults(self, call: Call, _: Document) -> Answer:
        self._faults.clear(call.caller.tenant)
        self._forget_lags(call.caller.tenant)
        return _DONE

    async def _tell_limits(self, call: Call, _: Document) -> Answer:
        return _answer({"limits": to_builtins(self._throttle.of(call.caller.tenant))})

    async def _set_limits(self, call: Call, document: Document) -> Answer:
        self._throttle.set(call.caller.tenant, document)
        return _DONE

    async def _clear_limits(self, call: Call, _: Document) -> Answer:
        self._throttle.clear(call.caller.tenant)
        return _DONE

    def _forget_lags(self, tenant: TenantId) -> None:
        self._lags = {place: lag for place, lag in self._lags.items() if place[0] != tenant}

    def _failure(self, fault: Fault, scope: Message) -> Answer:
        """Build the error of a fault as Graph words it."""
        request_id = self._service.new_id()
        client_id = dict(scope["headers"]).get(b"client-request-id", request_id.encode()).decode("latin-1")
        made = failures.answer(XtapError(_MESSAGE), request_id, client_id, self._clock.now())
        body: Document = json.decode(made.body)
        error = body["error"]
        if isinstance(error, dict):
            error["code"] = _CODES[fault.status or 500]
        headers = [(b"request-id", request_id.encode()), (b"client-request-id", client_id.encode("latin-1"))]
        if fault.retry_after is not None:
            headers.append((b"retry-after", b"%d" % fault.retry_after))
        return Answer(fault.status or 500, json.encode(body), _JSON, tuple(headers))


_MESSAGE: Final = "A fault that was asked for at /xtap/faults."
_CODES: Final = {
    409: "Request_Conflict",
    424: "FailedDependency",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def _require_local(scope: Message) -> None:
    """Refuse other machines, whatever the server listens on."""
    client = scope.get("client")
    try:
        local = client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        raise Forbidden("The emulator is asked from this machine only.")


def _claimed_tenant(authorization: bytes) -> TenantId | None:
    """Return the tenant that a token says it is of, unverified: it chooses a fault, and nothing else."""
    token = authorization.rpartition(b" ")[2].decode("latin-1")
    try:
        return tenant_of(parse_claims(compact.split(token).payload))
    except BadToken:  # whoever answers the request refuses it
        return None


def _address(path: str) -> str:
    """Return what an address names in both versions: a write in one is read in the other."""
    return path.strip("/").partition("/")[2].lower()


def _on_success(send: Send, note: Callable[[], None]) -> Send:
    """Return a way to send that notes a success before the client can know of it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            note()
        await send(message)

    return sending


def _counting(lag: Lag, send: Send) -> Send:
    """Return a way to send the answer to a read that lags; one that is refused does not count."""
    lag.left -= 1

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in _NOT_READ:
            lag.left += 1
        await send(message)

    return sending


def _answer(document: Document, status: int = 200) -> Answer:
    return Answer(status, json.encode(document), _JSON)


async def _send(answer: Answer, send: Send) -> None:
    headers = [*answer.headers, (b"cache-control", b"no-store"), NO_SNIFF]
    if answer.status != 204:
        headers += [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
