"""May several things be done? Many evaluations in one request, with defaults (AuthZEN 1.0, section 7).

An item that names a member replaces the whole default of that name. One that cannot be answered is denied with the
reason in its context; the others are answered all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtap.authzen.answers import Told, failed
from xtap.authzen.messages import member, request_of
from xtap.authzen.spelling import require_spelling
from xtap.authzen.turns import Turns
from xtap.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from xtap.authzen.evaluation import DecisionPoint, Enquiry
    from xtap.model.schema import Document, Json

STOPS_AT: Final = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}
"""The decision after which nothing more is evaluated, by ``options.evaluations_semantic``."""

_MEMBERS: Final = ("subject", "action", "resource", "context")


class Options(Struct, frozen=True):
    """``options``; other members are passed over."""

    evaluations_semantic: str = "execute_all"


LONGEST: Final = 32 * 1024 * 1024
"""Bytes of one answer after which no item is evaluated: a fix repeats a tenant's whole list."""

_TOO_LONG: Final = f"The answers before this one have more than {LONGEST} bytes. Send several requests."

MOST: Final = 1_000
"""Evaluations of one request: an item of two bytes may have an answer of kilobytes."""


def asked_for(body: Document) -> int:
    """Return how many evaluations a request for evaluations asks for, as far as they are looked at."""
    items = body.get("evaluations")
    return len(items) if isinstance(items, list) and 0 < len(items) <= MOST else 1


async def evaluate_many(point: DecisionPoint, enquiry: Enquiry, body: Document) -> bytes:
    """Answer a request for evaluations; without any it is a request for one.

    Raises:
        InvalidInput: the request as a whole, or the only evaluation, cannot be understood; or there are too many.
        Forbidden: the caller has no part in the only evaluation.
    """
    require_spelling(body, (*_MEMBERS, "evaluations", "options"), "$")
    items = body.get("evaluations", [])
    if not isinstance(items, list):
        raise InvalidInput.at("$.evaluations", "$.evaluations: Expected a list.")
    if len(items) > MOST:
        message = f"$.evaluations: Expected at most {MOST} evaluations, found {len(items)}. Send several requests."
        raise InvalidInput.at("$.evaluations", message)
    if not items:
        return (await point.evaluate(enquiry, request_of(body))).body
    stops_at = _semantic(body)
    defaults: Document = {name: body[name] for name in _MEMBERS if name in body}
    answers: list[bytes] = []
    turns, size = Turns(), 0
    for item in items:
        answer = failed(413, _TOO_LONG) if size >= LONGEST else await _one(point, enquiry, defaults, item)
        answers.append(answer.body)
        size += len(answer.body)
        if answer.decision is stops_at:
            break
        if turns.over:
            await turns.give()
    return b'{"evaluations":[%b]}' % b",".join(answers)


async def _one(point: DecisionPoint, enquiry: Enquiry, defaults: Document, item: Json) -> Told:
    if not isinstance(item, dict):
        return failed(400, "Expected an object.")
    try:
        return await point.evaluate(enquiry, request_of(defaults | item if defaults else item))
    except InvalidInput as error:
        return failed(400, error.message)
    except Forbidden as error:
        return failed(403, " ".join((error.message, *error.needs)))


def _semantic(body: Document) -> bool | None:
    name = (member(body, "options", Options) if "options" in body else Options()).evaluations_semantic
    if name not in STOPS_AT:
        path = "$.options.evaluations_semantic"
        raise InvalidInput.at(path, f"{path}: Expected one of {', '.join(STOPS_AT)}, found '{name[:64]}'.")
    return STOPS_AT[name]
