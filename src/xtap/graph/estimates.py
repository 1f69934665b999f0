"""The action that says what the caller may do: administration pages ask it to grey out what would be refused.

It is on no reference page; request and answer are those that public tools send and read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, ValidationError, convert, json

from xtap.errors import InvalidInput
from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, Answer
from xtap.http.bodies import json_object
from xtap.service.estimates import WHOLE_TENANT, decide

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange


class Check(Struct, rename="camel"):
    """One question: may the caller do this there?"""

    resource_action: str
    directory_scope_id: str = WHOLE_TENANT


class Checks(Struct, rename="camel"):
    """The body of a request."""

    resource_action_authorization_checks: tuple[Check, ...]


async def post(exchange: Exchange) -> Answer:
    """Answer 200 with a decision for each check; whoever has a token may ask."""
    querying.options(exchange, querying.ON_FUNCTION)
    try:
        asked = convert(json_object(exchange.body, exchange.headers), Checks)
    except ValidationError as error:
        message = f"The checks cannot be read: {error}. Expected resourceAction and directoryScopeId of each."
        raise InvalidInput.at("$.resourceActionAuthorizationChecks", message) from None
    decided = (
        {
            "directoryScopeId": check.directory_scope_id,
            "resourceAction": check.resource_action,
            "accessDecision": decide(exchange.call.caller, check.resource_action, check.directory_scope_id),
        }
        for check in asked.resource_action_authorization_checks
    )
    body = render.collection([json.encode(each) for each in decided], "", None, None)
    return Answer(200, body, BARE_JSON if exchange.bare else JSON)
