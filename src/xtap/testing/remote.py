"""Does a server mean the same by a policy? Cases asked over HTTP: policies written by Graph, answers read by AuthZEN.

The tenants of a case take the places of tenants that the server knows and that the tokens belong to; **what these
tenants have configured is replaced**. A case that cannot be asked this way says why and is passed over: other clouds,
words that Graph refuses, and the kinds that AuthZEN has no question for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import httpx
from msgspec import Struct, convert
from msgspec.structs import replace

from xtap.errors import NotSupported, Unavailable
from xtap.model.ids import GUID, PERSONAL_ACCOUNTS
from xtap.semantics.invitation import Invitation
from xtap.testing.decisions import Case, compare

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

POLICY: Final = "/beta/policies/crossTenantAccessPolicy"
STRANGER: Final = "eeeeeeee-0000-4000-8000-{:012x}"
"""Tenants of a question whose policy is not given: nobody has them."""

_LET_IN: Final = ("allowed", "notApplicable")
_TENANTS_OF: Final = ("home", "resource", "policyTenant", "source", "target")


class Remote(Struct, frozen=True):
    """A server to ask.

    Attributes:
        client: bound to its base URL.
        tokens: a token for each tenant that may be configured, by tenant id; it may write policies and evaluate.
        operator: a token that may ask about every tenant; without it, answers are compared as far as they are told.
    """

    client: httpx.Client
    tokens: Mapping[str, str]
    operator: str | None = None

    def placed(self, case: Case) -> Case:
        """Return the case with tenants that the server knows.

        Raises:
            NotSupported: it cannot be asked over HTTP.
        """
        if case.kind not in _QUESTIONS:
            raise NotSupported(f"AuthZEN has no question of kind '{case.kind}'")
        if any(tenant.get("cloud", "microsoftonline.com") != "microsoftonline.com" for tenant in case.tenants):
            raise NotSupported("a tenant lives in another cloud")
        if case.kind == "invite" and convert(case.question, Invitation).contradicts_itself:
            raise NotSupported("AuthZEN refuses facts that contradict each other")
        given = [str(tenant["tenantId"]).lower() for tenant in case.tenants]
        if len(given) > len(self.tokens):
            raise NotSupported(f"it needs {len(given)} tenants")
        places = dict(zip(given, self.tokens, strict=False)) | {PERSONAL_ACCOUNTS: PERSONAL_ACCOUNTS}
        for number, name in enumerate(_TENANTS_OF):
            asked = str(case.question.get(name, "")).lower()
            places.setdefault(asked, STRANGER.format(number))
        return replace(
            case,
            tenants=tuple(_moved(list(case.tenants), places)),
            question=_moved(case.question, places),
            expected={name: _moved(value, places) for name, value in case.expected.items() if name != "message"},
        )

    def answer(self, case: Case) -> dict[str, Any]:
        """Configure the tenants of a placed case, ask its question, and return the answer in the words of cases.

        Raises:
            NotSupported: Graph refuses the policies.
            Unavailable: the server failed.
        """
        for tenant in self.tokens:
            self._reset(tenant)
        for document in case.tenants:
            self._configure(document)
        asked = _QUESTIONS[case.kind](case.question)
        token = self.operator or self._token(case)
        told = self._send("POST", "/access/v1/evaluation", token, asked | {"context": _context(case)})
        context = told["context"]
        if told["decision"] and (context["outcome"] not in _LET_IN or context.get("pending")):
            raise Unavailable(f"the decision is true although the outcome is '{context['outcome']}'")
        return _answer(context, everything=self.operator is not None)

    def _token(self, case: Case) -> str:
        """Return the token of whom most is told: the tenant that decides, else one that has a part in the question."""
        names = [case.expected.get("decidedBy", {}).get("tenant"), *(case.question.get(name) for name in _TENANTS_OF)]
        found = [self.tokens[str(name).lower()] for name in names if str(name).lower() in self.tokens]
        if not found:
            raise NotSupported("no token belongs to a tenant of the question")
        return found[0]

    def _reset(self, tenant: str) -> None:
        token = self.tokens[tenant]
        for partner in self._send("GET", f"{POLICY}/partners?$top=999&$expand=identitySynchronization", token)["value"]:
            path = f"{POLICY}/partners/{partner['tenantId']}"
            if partner.get("identitySynchronization"):
                self._send("DELETE", f"{path}/identitySynchronization", token)
            self._send("DELETE", path, token)
        self._send("POST", f"{POLICY}/default/resetToSystemDefault", token)
        self._send("PATCH", POLICY, token, {"allowedCloudEndpoints": []})

    def _configure(self, document: dict[str, Any]) -> None:
        token = self.tokens[document["tenantId"].lower()]
        if document.get("policy"):
            self._send("PATCH", POLICY, token, document["policy"])
        if document.get("default"):
            self._send("PATCH", f"{POLICY}/default", token, document["default"])
        for partner in document.get("partners") or ():
            own = {name: value for name, value in partner.items() if name != "identitySynchronization"}
            self._send("POST", f"{POLICY}/partners", token, own)
            if partner.get("identitySynchronization"):
                path = f"{POLICY}/partners/{partner['tenantId']}/identitySynchronization"
                self._send("PUT", path, token, partner["identitySynchronization"])

    def _send(self, method: str, path: str, token: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.client.request(method, path, json=body, headers=headers)
        if answer.status_code == 400 and path.startswith(POLICY):
            raise NotSupported(f"{method} {path} was refused: {answer.text[:200]}")
        if answer.status_code >= 400:
            raise Unavailable(f"{method} {path} answered {answer.status_code}: {answer.text[:200]}")
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found


def ask(remote: Remote, cases: Iterable[Case]) -> list[tuple[Case, list[str]]]:
    """Ask every case that can be asked, and return what was not as expected."""
    found = []
    for case in cases:
        try:
            placed = remote.placed(case)
            answer = remote.answer(placed)
        except NotSupported:
            continue
        except (Unavailable, httpx.HTTPError) as failure:
            found.append((case, [str(failure)]))
            continue
        found.append((case, [*compare(_told(placed, answer), answer)]))
    return found


def _told(case: Case, answer: Mapping[str, Any]) -> Case:
    """Return the case without expectations that the answer cannot meet: what is not told to this caller."""
    by = answer["decidedBy"]
    expected = dict(case.expected)
    if "decidedBy" in expected:
        expected["decidedBy"] = {name: value for name, value in expected["decidedBy"].items() if name in by}
    if "missing" in expected:
        expected["missing"] = sorted(expected["missing"])
    if "rules" not in answer:
        expected.pop("missing", None)
    return replace(case, expected=expected)


def _moved(value: Any, places: Mapping[str, str]) -> Any:
    """Put other tenants in the places of the case's, in the case of letters that it wrote them in."""

    def other(match: re.Match[str]) -> str:
        place = places.get(match[0].lower(), match[0])
        return place.upper() if match[0].isupper() else place

    return json.loads(GUID.sub(other, json.dumps(value)))


def _person(question: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"tenantId": question["home"], "groups": question.get("groups"), "claims": question.get("claims")}
    if question.get("isEntraAccount") is False:
        properties["identityProvider"] = "externalFederation"
    known = {name: value for name, value in properties.items() if value is not None}
    return {"type": "user", "id": question.get("user") or "not known", "properties": known}


def _application(question: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"tenantId": question["resource"]}
    if question.get("clientApp"):
        properties["clientAppId"] = question["clientApp"]
    return {"type": "application", "id": question.get("resourceApp") or "not known", "properties": properties}


def _access(question: Mapping[str, Any]) -> dict[str, Any]:
    action = {"name": question.get("channel", "b2bCollaboration")}
    return {"subject": _person(question), "action": action, "resource": _application(question)}


def _restrictions(question: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"policyTenantId": question["policyTenant"]}
    properties |= {name: question[name] for name in ("anonymous", "signalled") if name in question}
    action = {"name": "tenantRestrictions", "properties": properties}
    return {"subject": _person(question), "action": action, "resource": _application(question)}


def _invitation(question: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"tenantId": question["home"]} if question.get("home") else {}
    if question.get("isEntraAccount") is False:
        properties["identityProvider"] = "externalFederation"
    lists = {name: question[name] for name in ("allowedDomains", "blockedDomains") if name in question}
    return {
        "subject": {"type": "user", "id": f"somebody@{question['domain']}", "properties": properties},
        "action": {"name": "invite", "properties": lists},
        "resource": {"type": "tenant", "id": question["resource"]},
    }


def _synchronization(question: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "subject": {"type": "tenant", "id": question["source"]},
        "action": {"name": "crossTenantSync"},
        "resource": {"type": "tenant", "id": question["target"]},
    }


_QUESTIONS: Final = {
    "decide": _access,
    "restrictions": _restrictions,
    "invite": _invitation,
    "sync": _synchronization,
}


def _context(case: Case) -> dict[str, Any]:
    context: dict[str, Any] = {"explain": "full"}
    requires = case.question.get("requires")
    if requires is not None:
        demanded: dict[str, Any] = dict.fromkeys(requires.get("controls", ()), True)
        demanded["operator"] = "OR" if requires.get("anyOf") else "AND"
        if requires.get("authenticationStrength") is not None:
            demanded["authenticationStrength"] = requires["authenticationStrength"]
        context["conditionalAccess"] = demanded
    return context


def _answer(context: Mapping[str, Any], *, everything: bool) -> dict[str, Any]:
    by = context["decided_by"]
    told = {"tenant": by.get("tenantId"), "direction": by.get("direction")}
    told |= {name: by.get(name) for name in ("rule", "setting", "origin")} if everything else {}
    found = {
        "outcome": context["outcome"],
        "errorCode": context.get("error_code"),
        "decidedBy": told,
        "consent": context.get("consent_prompt"),
        "trust": context.get("trust", {}),
        "missing": sorted(context.get("missing", [])),
    }
    return found | {"rules": context["rules"]} if everything else found
