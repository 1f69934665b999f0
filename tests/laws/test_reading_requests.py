"""A request that is read in one pass says what it says to the reader of any request."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from xtap.authzen.messages import (
    AccessRequest,
    ApplicationProperties,
    Asked,
    PersonProperties,
    any_request_of,
    converted,
    request_of,
)
from xtap.errors import InvalidInput
from xtap.server.demo import CONTOSO, FABRIKAM

USUAL: dict[str, Any] = {
    "subject": {"type": "user", "id": "ana@fabrikam.example", "properties": {"tenantId": FABRIKAM.id}},
    "action": {"name": "b2bCollaboration"},
    "resource": {"type": "application", "id": "wiki", "properties": {"tenantId": CONTOSO.id}},
}
IDS = st.sampled_from([CONTOSO.id, FABRIKAM.id.upper(), "", "wiki", None, 7])
WORDS = st.sampled_from(["user", "application", "tenant", "b2bCollaboration", "invite", "Guest", "", None, 7])


def members(known: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an object with some of its members, and sometimes one that is passed over or spelt in another way."""
    strange = st.dictionaries(st.sampled_from(["color", "tenant_id", "Name", "as_of"]), IDS, max_size=1)
    return st.builds(lambda own, more: own | more, st.fixed_dictionaries({}, optional=known), st.just({}) | strange)


PERSON = members(
    {
        "tenantId": IDS,
        "userType": WORDS,
        "groups": st.lists(IDS, max_size=2) | IDS,
        "identityProvider": WORDS,
        "claims": members({"mfa": st.booleans() | st.none(), "methods": st.lists(WORDS, max_size=2)}),
    }
)
APPLICATION = members({"tenantId": IDS, "clientAppId": IDS})
CONTEXT = members(
    {
        "explain": WORDS,
        "asOf": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", 7]),
        "atLeast": st.dictionaries(st.just(CONTOSO.id), st.integers(-1, 2), max_size=1),
        "conditionalAccess": members({"mfa": st.booleans(), "operator": st.sampled_from(["OR", "or"])}),
    }
)
BODIES = st.one_of(
    members(
        {
            "subject": members({"type": WORDS, "id": IDS, "properties": PERSON}),
            "action": members({"name": WORDS, "properties": members({"signalled": st.booleans()})}),
            "resource": members({"type": WORDS, "id": IDS, "properties": APPLICATION}),
            "context": CONTEXT,
        }
    ),
    st.builds(
        lambda person, application, context: {
            "subject": USUAL["subject"] | {"properties": person},
            "action": USUAL["action"],
            "resource": USUAL["resource"] | {"properties": application},
            "context": context,
        },
        PERSON,
        APPLICATION,
        CONTEXT,
    ),
)


def said(request: Asked) -> tuple[object, ...]:
    """Return all that is read from a request for access."""
    person = converted(request.subject.properties, PersonProperties, "$")
    application = converted(request.resource.properties, ApplicationProperties, "$")
    return (
        (request.subject.type, request.subject.id, *structs.astuple(person)),
        (request.action.name, request.action.properties),
        (request.resource.type, request.resource.id, *structs.astuple(application)),
        structs.astuple(request.context),
    )


@given(BODIES)
def test_both_readers_read_the_same(body: dict[str, Any]) -> None:
    try:
        request = request_of(body)
    except InvalidInput as refusal:
        with pytest.raises(InvalidInput, match=f"^{re.escape(refusal.message)}$"):
            any_request_of(body)
    else:
        assert not isinstance(request, AccessRequest) or said(request) == said(any_request_of(body))


def test_the_usual_request_is_read_in_one_pass_and_no_other() -> None:
    assert isinstance(request_of(USUAL), AccessRequest)
    for member in ("subject", "action", "resource"):
        assert not isinstance(request_of(USUAL | {member: USUAL[member] | {"color": "blue"}}), AccessRequest)
    assert not isinstance(request_of(USUAL | {"color": "blue"}), AccessRequest)
