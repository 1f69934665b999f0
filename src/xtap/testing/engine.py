"""How does our engine answer the questions of ``conformance/decisions``? One JSON document in, one out.

    python -m xtap.testing.engine        one question in each line of standard input, one answer in each of output

A question is ``{"kind": …, "tenants": […], "question": {…}}``; what cannot be understood is answered ``{"error": …}``.
Nothing is decided here: questions go to ``xtap.semantics``, and answers come from there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct, ValidationError, convert

from xtap.errors import InvalidInput, MalformedRequest, XtapError
from xtap.model.ids import parse_tenant_id
from xtap.semantics import effective
from xtap.semantics.decision import Outcome
from xtap.semantics.documents import SERVICE_DEFAULT
from xtap.semantics.effective import Property
from xtap.semantics.invitation import invite
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies
from xtap.semantics.redemption import redeem
from xtap.semantics.restrictions import restrict
from xtap.semantics.sync import synchronize
from xtap.semantics.trust import judge
from xtap.testing import questions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xtap.model.ids import TenantId
    from xtap.model.schema import Document, Json
    from xtap.semantics.answer import Answer
    from xtap.semantics.crossing import Decision
    from xtap.semantics.decision import DecidedBy, Step
    from xtap.semantics.documents import TargetList
    from xtap.semantics.effective import EffectiveSetting, Sourced
    from xtap.semantics.trust import TrustResult

T = TypeVar("T", bound=Struct)


def answer(asked: Document) -> Document:
    """Answer one question.

    Raises:
        InvalidInput: a tenant's document cannot be understood.
        MalformedRequest: the question cannot be.
    """
    kind, tenants, question = asked.get("kind"), asked.get("tenants"), asked.get("question")
    if kind not in _KINDS or not isinstance(tenants, list):
        raise MalformedRequest(f"Expected 'kind' ({', '.join(_KINDS)}), 'tenants' (a list) and 'question'.")
    read = [tenant_policy(document, f"$.tenants[{place}]") for place, document in enumerate(tenants)]
    if len({policy.tenant_id for policy in read}) < len(read):
        raise InvalidInput.at("$.tenants", "A tenant is there twice.")
    return _KINDS[kind](Policies(read), question)


def _read(question: Json, shape: type[T]) -> T:
    try:
        return convert(question, shape)
    except ValidationError as error:
        raise MalformedRequest(f"The question cannot be understood: {error}") from None


def _decide(policies: Policies, question: Json) -> Document:
    decision = policies.decide(_read(question, questions.AccessQuestion))
    return _answered(decision) | {
        "consent": str(decision.consent_prompt) if decision.allowed else None,
        "trust": _fulfilments(decision.trust),
    }


def _trust(policies: Policies, question: Json) -> Document:
    access = _read(question, questions.AccessQuestion)
    found = policies.crossing(access.home, access.resource, access.channel).trust
    if found is None or access.requires is None:
        missing = "requires" if found is not None else f"policy of tenant {access.resource}"
        return {"outcome": str(Outcome.UNKNOWN), "errorCode": None, "trust": {}, "missing": [missing], "rules": []}
    result = judge(access, access.requires, found.value)
    decisive = result.decisive
    return {
        "outcome": str({True: Outcome.ALLOWED, False: Outcome.BLOCKED, None: Outcome.UNKNOWN}[result.passes]),
        "errorCode": decisive.error if decisive is not None and result.passes is False else None,
        "decidedBy": None if decisive is None else {"rule": decisive.rule},
        "trust": _fulfilments(result),
        "missing": [decisive.missing] if decisive is not None and decisive.missing else [],
        "rules": _once(demand.rule for demand in result.demands),
    }


def _effective(policies: Policies, question: Json) -> Document:
    asked = _read(question, questions.EffectiveQuestion)
    tenant, other = _id(asked.tenant), _id(asked.other)
    policy = policies.get(tenant)
    if policy is None:
        return {"settings": None, "missing": [f"policy of tenant {tenant}"], "rules": ["XT-SCOPE-3"]}
    settings: Document = {str(name): _setting(effective.setting(policy, other, name)) for name in Property}
    trust = effective.trust(policy, other)
    settings["inboundTrust"] = _sourced(_plain(trust.value), trust)
    inbound, outbound = effective.consent(policy, other)
    settings["automaticUserConsentSettings"] = {
        "inboundAllowed": _sourced(inbound.value, inbound),
        "outboundAllowed": _sourced(outbound.value, outbound),
    }
    blocks = effective.blocks_service_providers(policy, other)
    settings["blockServiceProviderOutboundAccess"] = _sourced(blocks.value, blocks)
    return {"settings": settings, "missing": [], "rules": _once(_rules_in(settings))}


def _restrictions(policies: Policies, question: Json) -> Document:
    access = _read(question, questions.RestrictionsQuestion)
    return _answered(restrict(policies.get(access.policy_tenant), access))


def _invite(policies: Policies, question: Json) -> Document:
    asked = _read(question, questions.InviteQuestion)
    home = None if asked.home is None else policies.get(_id(asked.home))
    return _answered(invite(home, policies.get(_id(asked.resource)), asked))


def _sync(policies: Policies, question: Json) -> Document:
    asked = _read(question, questions.SyncQuestion)
    source, target = _id(asked.source), _id(asked.target)
    return _answered(synchronize(policies.get(source), policies.get(target), (source, target)))


def _redeem(policies: Policies, question: Json) -> Document:
    asked = _read(question, questions.RedeemQuestion)
    policy = policies.get(_id(asked.tenant))
    own = None if policy is None else policy.default.invitation_redemption_identity_provider_configuration
    configuration = own or SERVICE_DEFAULT.invitation_redemption_identity_provider_configuration
    if policy is None or configuration is None:
        return {"provider": "unknown", "missing": [f"policy of tenant {_id(asked.tenant)}"], "rules": ["XT-SCOPE-3"]}
    found = redeem(configuration, asked.invitee)
    return {"provider": str(found.provider), "missing": [*found.missing], "rules": _applied(found.steps)}


_KINDS = {
    "decide": _decide,
    "effective": _effective,
    "trust": _trust,
    "restrictions": _restrictions,
    "invite": _invite,
    "sync": _sync,
    "redeem": _redeem,
}


def _answered(found: Decision | Answer) -> Document:
    """Return what answers of most kinds have in common."""
    by, code = found.decided_by, found.error_code
    document: Document = {
        "outcome": str(found.outcome),
        "errorCode": code,
        "decidedBy": _by(by),
        "missing": [*sorted(found.missing)],
        "rules": _once([*_applied(found.steps), by.rule]),
    }
    message = getattr(found, "message", None)
    return document | {"message": message}


def _by(by: DecidedBy) -> Document:
    return {name: None if value is None else str(value) for name, value in msgspec.structs.asdict(by).items()}


def _applied(steps: Iterable[Step]) -> list[Json]:
    return _once(step.rule for step in steps)


def _once(rules: Iterable[Json]) -> list[Json]:
    return [*dict.fromkeys(str(rule) for rule in rules)]


def _fulfilments(trust: TrustResult | None) -> Document:
    return {} if trust is None else {str(demand.control): str(demand.fulfilment) for demand in trust.demands}


def _setting(found: EffectiveSetting | None) -> Document | None:
    if found is None:
        return None
    halves: dict[str, Sourced[TargetList]] = {
        "usersAndGroups": found.users_and_groups,
        "applications": found.applications,
    }
    return {name: _sourced(_plain(half.value), half) for name, half in halves.items()}


def _sourced(value: Json, found: Sourced[T] | Sourced[bool]) -> Document:
    return {"value": value, "origin": str(found.origin), "rule": found.rule}


def _plain(value: Struct) -> Document:
    """Return a struct as JSON is read: lists, no tuples."""
    return msgspec.json.decode(msgspec.json.encode(value), type=dict)


def _rules_in(settings: Json) -> Iterable[Json]:
    if isinstance(settings, dict):
        for name, member in settings.items():
            if name == "rule":
                yield member
            else:
                yield from _rules_in(member)


def _id(text: str) -> TenantId:
    return parse_tenant_id(text, "$.question")


def serve(lines: Iterable[str]) -> Iterable[str]:
    """Yield the answer to each line, as one line."""
    for line in lines:
        try:
            found = answer(msgspec.json.decode(line, type=dict))
        except (XtapError, msgspec.MsgspecError) as error:
            found = {"error": str(error)}
        yield msgspec.json.encode(found).decode()


if __name__ == "__main__":
    for each in serve(sys.stdin):
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()
