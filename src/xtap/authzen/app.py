"""Which endpoint of AuthZEN answers? Addresses, bodies, and the identifier of the request; nothing of policy is here.

Below ``/access/v1`` the resource tenant stands in the request; below ``/{tenant}/access/v1`` it need not.
"""

from __future__ import annotations

import logging
import re
from random import random
from typing import TYPE_CHECKING, Final

from msgspec import json

from xtap.authzen import failures
from xtap.authzen.evaluation import DecisionPoint, Enquiry
from xtap.authzen.evaluations import asked_for, evaluate_many
from xtap.authzen.messages import request_of
from xtap.authzen.metadata import WELL_KNOWN
from xtap.errors import Forbidden, NotFound, NotSupported, XtapError
from xtap.http import NO_SNIFF, versions
from xtap.http.addresses import base
from xtap.http.bodies import decoded, json_object, read
from xtap.http.fields import fields
from xtap.http.operations import about, note
from xtap.http.outages import tell_operator
from xtap.service import consistency, tenants

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from typing import Any, TypeAlias

    from xtap.authzen.metadata import Metadata
    from xtap.authzen.search import Searches
    from xtap.identity.callers import Callers
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.service.context import Service
    from xtap.service.disclosure import View
    from xtap.service.settling import Settler

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

_PATH: Final = re.compile(r"(?:/([^/]+))?/access/v1/(evaluations?|search/(?:subject|resource|action)|keys)/?")
_ROOT: Final = "/access/v1"
_POSTED: Final = ("evaluation", "evaluations", "search/subject", "search/resource", "search/action")
_METADATA: Final = re.compile(rf"{re.escape(WELL_KNOWN)}(?:/([^/]+))?/?")
_ALWAYS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"), NO_SNIFF)
_REQUEST_ID: Final = re.compile(rb"[\x20-\x7e]{1,256}")


def operations() -> list[str]:
    """Return every operation of this surface, as it is noted."""
    return [f"GET {WELL_KNOWN}", f"GET {_ROOT}/keys", *(f"POST {_ROOT}/{what}" for what in _POSTED)]


class AuthzenApp:
    """The decision point over HTTP.

    Args:
        service: what the server was built with.
        callers: who turns tokens into callers.
        settler: who finishes what is due.
        point: who evaluates.
        searches: who searches.
        metadata: what is told about the endpoints.
    """

    def __init__(
        self,
        service: Service,
        callers: Callers,
        settler: Settler,
        point: DecisionPoint,
        searches: Searches,
        metadata: Metadata,
    ) -> None:
        self._service = service
        self._callers = callers
        self._settler = settler
        self._point = point
        self._searches = searches
        self._metadata = metadata

    @staticmethod
    def answers(path: str) -> bool:
        """Say whether an address belongs to this surface."""
        return (_PATH.fullmatch(path) or _METADATA.fullmatch(path)) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = fields(scope)
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else self._service.new_id()
        more: list[tuple[bytes, bytes]] = []
        try:
            status, (body, more) = 200, await self._answer(scope, receive, headers, request_id)
        except XtapError as error:
            tell_operator(error, about(scope, request_id))
            status, body, more = failures.answer(error)
        except Exception:
            # Not the path: a client may have put anything there, a token too.
            log.exception("a request failed", extra={"xtap": about(scope, request_id)})
            status, body = 500, json.encode("An internal error occurred. The log of the server has it under this id.")
        fixed = [*_ALWAYS, (b"x-request-id", request_id.encode())]
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*fixed, length, *more]})
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, scope: Scope, receive: Receive, headers: Mapping[bytes, bytes], request_id: str
    ) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        path: str = scope["path"]
        found = _PATH.fullmatch(path)
        what = found[2] if found else "metadata"
        if what in {"metadata", "keys"}:
            _require("GET", scope["method"])
            note(scope, f"GET {WELL_KNOWN}" if what == "metadata" else f"GET {_ROOT}/{what}")
            address = base(scope["scheme"], headers.get(b"host", b""), scope.get("server"))
            return json.encode(await self._public(what, path, address)), []
        _require("POST", scope["method"])
        note(scope, f"POST {_ROOT}/{what}")
        caller = await self._callers.of(headers)
        view = self._point.admit(caller)
        place = await self._place(found[1], view) if found and found[1] else None
        body = json_object(decoded(await read(receive), headers), headers)
        if what == "evaluations":
            self._callers.count(caller, asked_for(body) - 1)
        draw = random()  # noqa: S311 - draws a sample, hides nothing
        enquiry = Enquiry(caller, view, place, request_id, draw, consistency.patience())
        if versions.DEMANDED in headers:
            await self._point.catch_up(enquiry, versions.demanded(headers), versions.DEMANDED.decode())
        await self._settler.settle()
        answer = await self._ask(what, enquiry, body)
        return answer, [versions.told(enquiry.versions)] if enquiry.versions else []

    async def _ask(self, what: str, enquiry: Enquiry, body: Document) -> bytes:
        if what == "evaluation":
            return (await self._point.evaluate(enquiry, request_of(body))).body
        if what == "evaluations":
            return await evaluate_many(self._point, enquiry, body)
        return await self._searches.answer(what.removeprefix("search/"), enquiry, body)

    async def _public(self, what: str, path: str, address: str) -> dict[str, object]:
        """Return what needs no token: metadata and keys."""
        if what == "keys":
            return self._metadata.keys()
        found = _METADATA.fullmatch(path)
        name = (found and found[1]) or ""
        if name:
            await self._tenant(name)
        return self._metadata.document(address, name)

    async def _place(self, name: str, view: View) -> TenantId:
        """Return the tenant in the address, which must be the caller's, or any if an operator asks."""
        tenant = await self._tenant(name)
        if not view.shows(tenant):
            raise Forbidden("The tenant in the address is not the one of the access token.")
        return tenant

    async def _tenant(self, name: str) -> TenantId:
        found = await tenants.find(self._service.store, name)
        if found is None:
            raise NotFound(f"No tenant '{name[:64]}' is registered here.")
        return found.id


def _require(expected: str, method: str) -> None:
    if method != expected:
        raise NotSupported(f"{method} is not supported here. Send {expected}.", expected)
