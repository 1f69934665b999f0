"""The collected worked cases, asked as they stand; our own of ``conformance/decisions`` say the same in our words.

Writes, templates and multitenant organizations are no questions to the engine; their tests are ``conformance/graph``
and ``tests/unit/model/test_templates.py``.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xtap.testing import engine

COLLECTED = Path(__file__).parents[3] / "shared" / "data" / "semantic_cases.json"
FOUND = json.loads(COLLECTED.read_text("utf-8"))["cases"] if COLLECTED.exists() else []

Document = dict[str, Any]

CONTROLS = {"mfa", "compliantDevice", "hybridJoinedDevice"}
FULFILLED = {"satisfied-by-home-claim": "satisfiedByHomeClaim", "challenge-in-home-tenant": "challengeInHomeTenant"}
FACTS = {
    "entraAccount": "entraAccount",
    "samlFederatedDomain": "federatedDomain",
    "socialAccount": "socialAccount",
    "msaAccount": "microsoftAccount",
    "otpEnabled": "passcodeEnabled",
}
PROVIDERS = {"microsoftAccount(new)": "newMicrosoftAccount"}


def tenants(given: Document) -> list[Document]:
    """Return the documents of both tenants as the engine reads them."""
    return [document(given[f"{side}TenantId"], given[side], given.get(f"{side}Cloud")) for side in ("home", "resource")]


def document(tenant: str, policy: Document, cloud: str | None = None) -> Document:
    partners = [{"tenantId": other} | entry for other, entry in policy.get("partners", {}).items()]
    found: Document = {"tenantId": tenant, "default": policy.get("default", {}), "partners": partners}
    if cloud is not None:
        found["cloud"] = cloud
    if "allowedCloudEndpoints" in policy:
        found["policy"] = {"allowedCloudEndpoints": policy["allowedCloudEndpoints"]}
    return found


def access(case: Document) -> Document:
    given, attempt = case["given"], case["attempt"]
    asked: Document = {
        "home": given["homeTenantId"],
        "resource": given["resourceTenantId"],
        "channel": attempt["how"],
        "user": attempt["userId"],
        "groups": given["homeGroupMemberships"].get(attempt["userId"], []),
        "clientApp": attempt["clientAppId"],
        "resourceApp": attempt["resourceAppId"],
    }
    if "homeClaims" in attempt:
        asked["claims"] = {control: control in attempt["homeClaims"] for control in CONTROLS}
    if "caRequires" in attempt:
        asked["requires"] = {"controls": sorted(CONTROLS & {*attempt["caRequires"]})}
    return {"kind": "decide", "tenants": tenants(given), "question": asked}


def restriction(case: Document) -> Document:
    given, attempt = case["given"], case["attempt"]
    asked = {
        "policyTenant": given["policyTenantId"],
        "home": attempt["identityHomeTenantId"] or attempt["resourceTenantId"],
        "resource": attempt["resourceTenantId"],
        "user": attempt["userId"],
        "groups": [],
        "clientApp": attempt["clientAppId"],
        "resourceApp": attempt["resourceAppId"],
        "anonymous": attempt["anonymous"],
    }
    policy = document(given["policyTenantId"], given["policy"] or {})
    return {"kind": "restrictions", "tenants": [policy], "question": asked}


def invitation(case: Document) -> Document:
    given = case["given"]
    lists = {"allowedDomains": given.get("domainAllowList"), "blockedDomains": given.get("domainBlockList")}
    asked = {"resource": given["resourceTenantId"], "home": given["homeTenantId"], **lists}
    return {
        "kind": "invite",
        "tenants": tenants(given),
        "question": asked | {"domain": case["attempt"].get("inviteeDomain", "fabrikam.com")},
    }


def synchronization(case: Document) -> Document:
    given = case["given"]
    asked = {"source": given["homeTenantId"], "target": given["resourceTenantId"]}
    return {"kind": "sync", "tenants": tenants(given), "question": asked}


def redemption(case: Document) -> Document:
    given = case["given"]
    tenant = "11111111-1111-4111-8111-111111111111"
    default = {"default": {"invitationRedemptionIdentityProviderConfiguration": given["config"]}}
    known: Document = {name: fact in given["inviteeFacts"] for fact, name in FACTS.items()}
    return {
        "kind": "redeem",
        "tenants": [document(tenant, default)],
        "question": {"tenant": tenant, "invitee": known},
    }


QUESTIONS = {
    "signin": access,
    "consent": access,
    "tenantRestriction": restriction,
    "invite": invitation,
    "crossTenantSync": synchronization,
    "redemption": redemption,
}
ASKED = [case for case in FOUND if case["kind"] in QUESTIONS]


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case["id"])
def test_the_engine_answers_as_collected(case: Document) -> None:
    answer: Document = engine.answer(QUESTIONS[case["kind"]](case))  # looked into as a client would
    expected = case["expected"]
    assert "error" not in answer, answer
    match case["kind"]:
        case "consent":
            assert answer["consent"] == expected["consentPrompt"]
        case "redemption":
            assert answer["provider"] == PROVIDERS.get(expected["idp"], expected["idp"])
        case _:
            assert answer["outcome"] == expected.get("access", expected.get("invite", "blocked"))
    if "error" in expected:
        assert answer["errorCode"] == expected["error"]
    if expected.get("blockedBy") in {"inbound", "outbound"}:
        assert answer["decidedBy"]["direction"] == expected["blockedBy"]
    if "mfa" in expected:
        assert answer["trust"]["mfa"] == FULFILLED[expected["mfa"]]


def test_no_question_is_left_out() -> None:
    if not COLLECTED.exists():
        pytest.skip("the collected worked cases are not in this checkout")
    others = Counter(case["kind"] for case in FOUND) - Counter(case["kind"] for case in ASKED)
    assert set(others) == {"write", "template", "mto"}
    assert len(ASKED) == 61
