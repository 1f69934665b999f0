"""May several things be done? Many evaluations in one request, with defaults (AuthZEN 1.0, section 7).

An item that names a member replaces the whole default of that name. One that cannot be answered is denied with the
reason in its context; the others are answered all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xtap.authzen.answers import Told, failed
from xtap.authzen.messages import member, request_of
from xtap.authzen.turns import Turns
from xtap.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xtap.authzen.evaluation import DecisionPoint, Enquiry
    from xtap.model.schema import Document, Json

STOPS_AT: Final = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}
"""The decision after which nothing more is evaluated, by ``options.evaluations_semantic``."""

_MEMBERS: Final = ("subject", "action", "resource", "context")
LONGEST: Final = 32 * 1024 * 1024
"""Bytes of one answer after which no item is evaluated: a fix repeats a tenant's whole list."""

_TOO_LONG: Final = f"The answers before this one have more than {LONGEST} bytes. Send several requests."

MOST: Final = 1_000
"""Evaluations of one request: an item of two bytes may have an answer of kilobytes."""


async def evaluate_many(point: DecisionPoint, enquiry: Enquiry, body: Document) -> bytes:
    """Answer a request for evaluations; without any it is a request for one.

    Raises:
        InvalidInput: the request as a whole, or the only evaluation, cannot be understood; or there are too many.
        Forbidden: the caller has no part in the only evaluation.
    """
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
    answers = []
    async for answer in _answers(point, enquiry, [_merged(defaults, item) for item in items]):
        answers.append(answer.body)
        if answer.decision is stops_at:
            break
    return b'{"evaluations":[%b]}' % b",".join(answers)


async def _answers(point: DecisionPoint, enquiry: Enquiry, items: list[Document | None]) -> AsyncIterator[Told]:
    turns, size = Turns(), 0
    for item in items:
        answer = await _one(point, enquiry, item) if size < LONGEST else failed(413, _TOO_LONG)
        size += len(answer.context)
        yield answer
        await turns.give()


async def _one(point: DecisionPoint, enquiry: Enquiry, item: Document | None) -> Told:
    if item is None:
        return failed(400, "Expected an object.")
    try:
        return await point.evaluate(enquiry, request_of(item))
    except InvalidInput as error:
        return failed(400, error.message)
    except Forbidden as error:
        return failed(403, " ".join((error.message, *error.needs)))


def _merged(defaults: Document, item: Json) -> Document | None:
    return {**defaults, **item} if isinstance(item, dict) else None


def _semantic(body: Document) -> bool | None:
    options: Document = member(body, "options", dict) if "options" in body else {}
    name = options.get("evaluations_semantic", "execute_all")
    if not isinstance(name, str) or name not in STOPS_AT:
        path = "$.options.evaluations_semantic"
        raise InvalidInput.at(path, f"{path}: Expected one of {', '.join(STOPS_AT)}, found '{str(name)[:64]}'.")
    return STOPS_AT[name]
