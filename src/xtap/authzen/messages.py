"""Which words do enforcement points use? The request of AuthZEN 1.0, and the properties that xtap reads from it.

Members that are not named here are passed over, as the specification demands, with two exceptions: a control in
``context.conditionalAccess`` or a claim that is not known is refused, because passing over it could allow too much; and
so is a member in another spelling (``xtap.authzen.spelling``).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from xtap.authzen.spelling import require_spelling
from xtap.errors import InvalidInput
from xtap.semantics.request import Claims

if TYPE_CHECKING:
    from xtap.model.schema import Document, Json

T = TypeVar("T")

MAX_GROUPS: Final = 10_000
"""Group ids of one subject in one request."""

NO_PROPERTIES: Final[Document] = {}

Ids = Annotated[tuple[str, ...], Meta(max_length=MAX_GROUPS)]
Moment = Annotated[datetime, Meta(tz=True)]


class Entity(Struct, frozen=True, omit_defaults=True):
    """A subject or a resource: who, or what."""

    type: str
    id: Annotated[str, Meta(min_length=1)]
    properties: dict[str, object] = {}


class Sought(Struct, frozen=True):
    """The entity that a search looks for: its type, and what narrows it; an id is passed over."""

    type: str
    properties: dict[str, object] = {}


class Action(Struct, frozen=True, omit_defaults=True):
    """What the subject wants to do."""

    name: str
    properties: dict[str, object] = {}


class KnownClaims(Claims, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """``subject.properties.claims``: what the home session proves."""


class PersonProperties(Struct, frozen=True, rename="camel"):
    """``subject.properties`` of a user.

    Attributes:
        tenant_id: the home tenant.
        user_type: what the account is in the resource tenant; a guest does not live there.
        groups: object ids of all groups in the home tenant.
        identity_provider: where the account lives, ``azureActiveDirectory`` unless it says otherwise.
        claims: what the home session proves.
    """

    tenant_id: str | None = None
    user_type: Literal["Member", "Guest"] | None = None
    groups: Ids | None = None
    identity_provider: str = "azureActiveDirectory"
    claims: KnownClaims | None = None


class ApplicationProperties(Struct, frozen=True, rename="camel"):
    """``resource.properties`` of an application."""

    tenant_id: str | None = None
    client_app_id: str | None = None


class ActionProperties(Struct, frozen=True, rename="camel"):
    """``action.properties``.

    Attributes:
        policy_tenant_id: ``tenantRestrictions``: the tenant whose restrictions the network or device signals.
        signalled: ``tenantRestrictions``: whether the signal was sent.
        anonymous: ``tenantRestrictions``: whether no account is used.
        allowed_domains: ``invite``: the allow list of the inviting tenant.
        blocked_domains: ``invite``: its block list.
    """

    policy_tenant_id: str | None = None
    signalled: bool = True
    anonymous: bool = False
    allowed_domains: frozenset[str] | None = None
    blocked_domains: frozenset[str] | None = None


class ConditionalAccess(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """``context.conditionalAccess``: what the resource tenant demands; the members are the controls."""

    mfa: bool = False
    compliant_device: bool = False
    hybrid_joined_device: bool = False
    approved_application: bool = False
    compliant_application: bool = False
    password_change: bool = False
    terms_of_use: bool = False
    authentication_strength: frozenset[str] | None = None
    operator: Literal["AND", "OR"] = "AND"


class Context(Struct, frozen=True, rename="camel"):
    """``context`` of a request.

    Attributes:
        conditional_access: what the resource tenant demands; left out, nothing is asked about it.
        as_of: ask about policies as they were then.
        policy_versions: ask about these versions of policies, by tenant id.
        at_least: answer from these versions of policies or later ones, by tenant id.
        explain: ``full`` to have every applied rule in the answer.
    """

    conditional_access: ConditionalAccess | None = None
    as_of: Moment | None = None
    policy_versions: dict[str, Annotated[int, Meta(ge=0)]] | None = None
    at_least: dict[str, Annotated[int, Meta(ge=0)]] | None = None
    explain: str = ""


NO_CONTEXT: Final = Context()


class Request(Struct, frozen=True):
    """One evaluation: may the subject do this with the resource?"""

    subject: Entity
    action: Action
    resource: Entity
    context: Context = NO_CONTEXT


class _KnownPerson(PersonProperties, frozen=True, forbid_unknown_fields=True):
    """Properties of a user, and nothing else."""


class _KnownApplication(ApplicationProperties, frozen=True, forbid_unknown_fields=True):
    """Properties of an application, and nothing else."""


class _Person(Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["user"]
    id: Annotated[str, Meta(min_length=1)]
    properties: _KnownPerson = _KnownPerson()


class _Application(Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["application"]
    id: Annotated[str, Meta(min_length=1)]
    properties: _KnownApplication = _KnownApplication()


class _KnownAction(Action, frozen=True, forbid_unknown_fields=True):
    """An action, and nothing else."""


class _KnownContext(Context, frozen=True, forbid_unknown_fields=True):
    """A context, and nothing else."""


class AccessRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A request of the usual kind: may a user use an application? It has no member that xtap passes over.

    So it can be read in one pass, properties and all; there is nothing in it that could be another spelling.
    """

    subject: _Person
    action: _KnownAction
    resource: _Application
    context: _KnownContext = _KnownContext()


Asked: TypeAlias = Request | AccessRequest

_PARTS: Final[tuple[tuple[str, type[Struct]], ...]] = (
    ("subject", Entity),
    ("action", Action),
    ("resource", Entity),
    ("context", Context),
)


def request_of(body: Document) -> Asked:
    """Read one evaluation.

    Raises:
        InvalidInput: a member is missing, of another type, or spelt in another way.
    """
    try:
        return msgspec.convert(body, AccessRequest)
    except msgspec.ValidationError:
        return any_request_of(body)


def any_request_of(body: Document) -> Request:
    """Read one evaluation of any kind, with members that are passed over.

    Raises:
        InvalidInput: a member is missing, of another type, or spelt in another way.
    """
    require_spelling(body, Request.__struct_encode_fields__, "$")
    try:
        found = msgspec.convert(body, Request)
    except msgspec.ValidationError:
        return _member_by_member(body)
    for name, kind in _PARTS:
        if isinstance(part := body.get(name), dict):
            require_spelling(part, kind.__struct_encode_fields__, f"$.{name}")
    return found


def _member_by_member(body: Document) -> Request:
    """Read a request to say what is wrong with it."""
    return Request(
        subject=member(body, "subject", Entity),
        action=member(body, "action", Action),
        resource=member(body, "resource", Entity),
        context=context_of(body),
    )


def context_of(body: Document) -> Context:
    """Read the context, which may be left out.

    Raises:
        InvalidInput: it is no object, or a member that xtap reads is of another type.
    """
    return member(body, "context", Context) if "context" in body else NO_CONTEXT


def member(body: Document, name: str, kind: type[T]) -> T:
    """Read one member of a request.

    Raises:
        InvalidInput: it is missing, or not what is expected.
    """
    if name not in body:
        raise InvalidInput.at(f"$.{name}", f"'{name}' is missing.")
    return converted(body[name], kind, f"$.{name}")


def converted(value: Json | dict[str, object] | Struct, kind: type[T], path: str) -> T:
    """Read a value, unless it was read already.

    Raises:
        InvalidInput: it is not what is expected, or has a member in another spelling; says where.
    """
    if isinstance(value, kind):
        return value
    if isinstance(value, dict) and issubclass(kind, Struct):
        require_spelling(value, kind.__struct_encode_fields__, path)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        where = path + place.rstrip("`")
        raise InvalidInput.at(where, f"{where}: {message}.") from None
