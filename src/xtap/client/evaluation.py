"""How does a server decide this access? The question as AuthZEN asks it, and the answer as the engine tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, ValidationError, convert, field, json, structs, to_builtins

from xtap.model.ids import TenantId
from xtap.semantics.decision import ConsentPrompt, DecidedBy, Outcome, Step
from xtap.semantics.repair import Change
from xtap.semantics.request import NO_CLAIMS_KNOWN
from xtap.semantics.telling import Telling, lets_in

if TYPE_CHECKING:
    from datetime import datetime

    from xtap.client.server import Server
    from xtap.model.schema import Document
    from xtap.semantics.request import Access, Requirements

NOT_KNOWN: Final = "not known"
"""Stands for an id, which AuthZEN demands and xtap need not know; no object has it, so nothing matches it."""


class _By(DecidedBy, frozen=True):
    """``decided_by``."""

    tenant: TenantId | None = field(default=None, name="tenantId")


class _Step(Step, frozen=True):
    """One of ``steps``."""

    tenant: str | None = field(default=None, name="tenantId")


class _Fix(Struct, frozen=True):
    """One of ``fix``: a request, or that another tenant keeps it to itself."""

    tenant: TenantId = field(name="tenantId")
    method: str = ""
    path: str = ""
    body: dict[str, object] = {}
    version: str = "v1.0"
    withheld: bool = False


class _Context(Struct, frozen=True):
    """What is told about a decision."""

    outcome: Outcome
    reason_user: str
    reason_admin: tuple[str, ...]
    pending: tuple[str, ...] = ()
    error_code: str | None = None
    decided_by: _By | None = None
    missing: tuple[str, ...] = ()
    steps: tuple[_Step, ...] = ()
    consent_prompt: ConsentPrompt | None = None
    trust: dict[str, str] = {}
    fix: tuple[_Fix, ...] = ()
    fix_impossible: str | None = None
    policy_versions: dict[TenantId, int] = {}


class _Answer(Struct, frozen=True):
    """The answer to one evaluation."""

    decision: bool
    context: _Context


def evaluate(server: Server, access: Access, as_of: datetime | None = None) -> Telling:
    """Ask a server for a decision with all its reasons.

    Args:
        server: who is asked.
        access: the question; ``user`` may also be a name that the server's directory knows.
        as_of: ask about policies as they were then; None for now.

    Raises:
        XtapError: as for ``Server.get``.
    """
    found = server.post("/access/v1/evaluation", _request(access, as_of))
    try:
        answer = convert(found, _Answer)
    except ValidationError as error:
        raise server.stranger(str(error)) from None
    told = _told(answer.decision, answer.context)
    expected = lets_in(told.outcome, access, told.pending)
    if answer.decision is not expected and (answer.decision or told.outcome is not Outcome.NOT_APPLICABLE):
        raise server.stranger(f"decision {answer.decision} with outcome '{told.outcome}'")
    return told


def _request(access: Access, as_of: datetime | None) -> Document:
    about_client: Document = {} if access.client_app is None else {"clientAppId": access.client_app}
    context: Document = {"explain": "full"}
    if access.requires is not None:
        context["conditionalAccess"] = _demands(access.requires)
    if as_of is not None:
        context["asOf"] = as_of.isoformat()
    return {
        "subject": {"type": "user", "id": access.user or NOT_KNOWN, "properties": _person(access)},
        "action": {"name": str(access.channel)},
        "resource": {
            "type": "application",
            "id": access.resource_app or NOT_KNOWN,
            "properties": {"tenantId": access.resource} | about_client,
        },
        "context": context,
    }


def _person(access: Access) -> Document:
    """Return what is known of the person; what is left out, the server's directory fills in or nobody knows."""
    found: Document = {"tenantId": access.home}
    if access.groups is not None:
        found["groups"] = [*sorted(access.groups)]
    if access.claims != NO_CLAIMS_KNOWN:
        claims: Document = to_builtins(access.claims)
        found["claims"] = claims
    if not access.is_entra_account:
        found["identityProvider"] = "externalFederation"
    return found


def _demands(requires: Requirements) -> Document:
    found: Document = {str(control): True for control in sorted(requires.controls)}
    found["operator"] = "OR" if requires.any_of else "AND"
    if requires.authentication_strength is not None:
        found["authenticationStrength"] = [*sorted(requires.authentication_strength)]
    return found


def _told(decision: bool, context: _Context) -> Telling:  # noqa: FBT001 - it is the answer itself
    by = context.decided_by
    return Telling(
        outcome=context.outcome,
        decision=decision,
        pending=context.pending,
        reason_user=context.reason_user,
        reason_admin=context.reason_admin,
        error_code=context.error_code,
        decided_by=None if by is None else DecidedBy(**structs.asdict(by)),
        steps=tuple(Step(**structs.asdict(step)) for step in context.steps),
        missing=context.missing,
        consent_prompt=context.consent_prompt,
        trust=context.trust,
        fix=tuple(_change(fix) for fix in context.fix if not fix.withheld),
        fix_withheld=tuple(fix.tenant for fix in context.fix if fix.withheld),
        fix_impossible=context.fix_impossible,
        policy_versions=context.policy_versions,
    )


def _change(fix: _Fix) -> Change:
    body: Document = json.decode(json.encode(fix.body))
    return Change(fix.tenant, fix.method, fix.path, body, fix.version)
