"""Who may, on what, and how? The searches of AuthZEN 1.0, section 8: candidates are evaluated, the allowed ones told.

    subject    users of the home tenant's directory; tenants
    resource   applications of the resource tenant's directory; tenants
    action     every action of xtap

Candidates come from tenants whose settings the caller may see; others have no results. Tenants are the caller's own
one and its partners. A page continues behind the last candidate of the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from msgspec import Meta, Struct, json

from xtap.authzen.messages import (
    Action,
    ApplicationProperties,
    Entity,
    Request,
    Sought,
    context_of,
    converted,
    member,
)
from xtap.authzen.people import tenant_of
from xtap.authzen.questions import ACTIONS, demanded_versions
from xtap.authzen.spelling import require_spelling
from xtap.authzen.turns import Turns
from xtap.errors import Forbidden, InvalidInput
from xtap.http import sealed
from xtap.model.ids import TenantId
from xtap.service.disclosure import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xtap.authzen.evaluation import DecisionPoint, Enquiry
    from xtap.model.schema import Document

    Candidate: TypeAlias = Entity | Action
    Try: TypeAlias = tuple[Candidate, Request]

LIMIT: Final = 100
"""Results of a page if the request does not say."""

MOST: Final = 1_000
"""The most results of a page."""

TRIED: Final = 5_000
"""Candidates that are evaluated for one page; a page may end early, and go on with its token."""

_PURPOSE: Final = b"xtap authzen search 1"


class Page(Struct, frozen=True):
    """Which part of the results is wanted."""

    token: str = ""
    limit: Annotated[int, Meta(ge=1)] = LIMIT


class Reach(Struct, frozen=True):
    """From where is searched: the caller's tenant, the tenant in the address, and whose settings may be shown."""

    caller: TenantId
    place: TenantId | None
    view: View


class Searches:
    """Answers searches.

    Args:
        point: who evaluates.
        paging_key: the secret that seals tokens.
    """

    def __init__(self, point: DecisionPoint, paging_key: bytes) -> None:
        self._point = point
        self._key = paging_key

    async def answer(self, what: str, enquiry: Enquiry, body: Document) -> bytes:
        """Answer a search.

        Args:
            what: ``subject``, ``resource`` or ``action``.
            enquiry: who asks, and where.
            body: the request.

        Raises:
            InvalidInput: the request cannot be understood, or the token is not of this search.
            Forbidden: the context demands a version of a policy that the caller may not see.
            Unavailable: a version that the context demands did not come in time.
        """
        require_spelling(body, ("subject", "action", "resource", "context", "page"), "$")
        page = member(body, "page", Page) if "page" in body else Page()
        await self._point.catch_up(enquiry, demanded_versions(context_of(body)), "atLeast")
        scope = Reach(enquiry.caller.tenant, enquiry.place, enquiry.view)
        asked = {name: body[name] for name in body if name != "page"}
        bound_to = json.encode([scope.caller, scope.place, what, asked], order="sorted")
        tries = await self._tries(what, scope, body, self._opened(page.token, bound_to))
        found: list[Candidate] = []
        last, size, turns = "", min(page.limit, MOST), Turns()
        for tried, (candidate, request) in enumerate(tries):
            if len(found) == size or tried == TRIED:
                break
            if await self._passes(enquiry, request):
                found.append(candidate)
            last = _name(candidate)
            await turns.give()
        else:
            last = ""
        token = sealed.seal(self._key, _PURPOSE, last.encode(), bound_to) if last else ""
        return json.encode({"results": found, "page": {"next_token": token, "count": len(found)}})

    async def _passes(self, enquiry: Enquiry, request: Request) -> bool:
        """Try a candidate; one that the caller has no part in is no result."""
        try:
            return (await self._point.evaluate(enquiry, request, noted=False)).decision
        except Forbidden:
            return False

    def _opened(self, token: str, bound_to: bytes) -> str:
        """Return the candidate that a token continues behind, empty for the beginning."""
        if not token:
            return ""
        content = sealed.unseal(self._key, _PURPOSE, token, bound_to)
        if content is None:
            message = "$.page.token: It is not the token of this search. Repeat the search without it."
            raise InvalidInput.at("$.page.token", message)
        return content.decode()

    async def _tries(self, what: str, scope: Reach, body: Document, after: str) -> Iterable[Try]:
        context = context_of(body)
        if what == "action":
            who, target = member(body, "subject", Entity), member(body, "resource", Entity)
            actions = [Action(name) for name in ACTIONS[ACTIONS.index(after) + 1 if after else 0 :]]
            return ((each, Request(who, each, target, context)) for each in actions)
        action = member(body, "action", Action)
        if what == "subject":
            wanted, resource = member(body, "subject", Sought), member(body, "resource", Entity)
            entities = await self._entities(wanted, _named(wanted, "$.subject") or scope.caller, scope, after)
            return ((each, Request(each, action, resource, context)) for each in entities)
        wanted, subject = member(body, "resource", Sought), member(body, "subject", Entity)
        entities = await self._entities(wanted, _named(wanted, "$.resource") or scope.place, scope, after)
        return ((each, Request(subject, action, each, context)) for each in entities)

    async def _entities(self, wanted: Sought, tenant: TenantId | None, scope: Reach, after: str) -> Iterable[Entity]:
        """Return every candidate of a type behind one, in the order of their ids; none of a tenant that is hidden."""
        if tenant is None or not scope.view.shows(tenant):
            return ()
        match wanted.type:
            case "user":
                names: Iterable[str] = await self._point.directory.users(tenant, after or None)
            case "application":
                names = (name for name in await self._point.directory.applications(tenant) if name > after)
            case "tenant":
                names = (name for name in await self._point.neighbours(scope.caller) if name > after)
            case _:
                names = ()
        properties = wanted.properties if wanted.type == "tenant" else wanted.properties | {"tenantId": tenant}
        return (Entity(wanted.type, name, properties) for name in names)


def _named(wanted: Sought, path: str) -> TenantId | None:
    given = converted(wanted.properties, ApplicationProperties, f"{path}.properties").tenant_id
    return tenant_of(given, f"{path}.properties.tenantId")


def _name(candidate: Candidate) -> str:
    return candidate.name if isinstance(candidate, Action) else candidate.id
