"""A second evaluator of one access: slow, simple, on raw JSON, written from the sentences of the rules.

It shares no code with ``xtap.semantics``, so that the two can be compared. What is not known is tried both ways: if
both ways give the same verdict, the fact did not matter. Only the dated lists (service default, Office 365) are shared
data.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

SOURCES = Path(__file__).parents[1] / "src" / "xtap"
SERVICE_DEFAULT = json.loads((SOURCES / "model" / "service_default.json").read_text())["default"]
OFFICE = set(json.loads((SOURCES / "semantics" / "office365.json").read_text())["applications"])
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
COMMERCIAL = "microsoftonline.com"
GUID_LENGTH = 36


def decide(tenants: list[Json], question: Json) -> Json:  # noqa: PLR0911 - one return for each rule that ends it
    """Answer with outcome, the error codes that are right, and the side that decides a block."""
    home_id, resource_id = question["home"].lower(), question["resource"].lower()
    home, resource = _find(tenants, home_id), _find(tenants, resource_id)
    channel = question.get("channel", "b2bCollaboration")
    if home_id in (resource_id, PERSONAL) or not question.get("isEntraAccount", True):
        return _answer("notApplicable")
    if channel == "serviceProvider":
        if home is None:
            return _answer("unknown")
        stopped = _whole(home, resource_id, "blockServiceProviderOutboundAccess")
        return _answer("blocked" if stopped else "notApplicable")
    if home is not None and resource is not None and _clouds_are_closed(home, resource, channel):
        return _answer("blocked")
    name = "b2bDirectConnect" if channel == "b2bDirectConnect" else "b2bCollaboration"
    outbound = _side(home, resource_id, f"{name}Outbound", question)
    inbound = _side(resource, home_id, f"{name}Inbound", question)
    if outbound == "blocked":
        return _answer("blocked", {"AADSTS500212"}, "outbound")
    if inbound == "blocked":
        return _answer("blocked", {"AADSTS500213"}, "inbound")
    if home is None or resource is None:
        return _answer("unknown")
    trust, codes = _conditional_access(resource, home_id, channel, question)
    if trust == "blocked":
        return _answer("blocked", codes)
    return _answer("unknown" if "unknown" in (outbound, inbound, trust) else "allowed")


def _answer(outcome: str, codes: set[str] | None = None, side: str | None = None) -> Json:
    return {"outcome": outcome, "codes": codes or {None}, "side": side}


def _find(tenants: list[Json], wanted: str) -> Json | None:
    for tenant in tenants:
        if tenant["tenantId"].lower() == wanted:
            return tenant
    return None


def _entry(tenant: Json, other: str) -> Json | None:
    for partner in tenant.get("partners") or []:
        if partner["tenantId"].lower() == other:
            return dict(partner)
    return None


def _layers(tenant: Json, other: str) -> list[Json]:
    """Partner entry over default policy over service default (XT-INH-1 to -3)."""
    return [_entry(tenant, other) or {}, tenant.get("default") or {}, SERVICE_DEFAULT]


def _whole(tenant: Json, other: str, name: str) -> Any:
    for layer in _layers(tenant, other):
        if layer.get(name) is not None:
            return layer[name]
    return None


def _half(tenant: Json, other: str, name: str, half: str) -> Json:
    """Return the first half that is configured (XT-INH-4)."""
    for layer in _layers(tenant, other):
        found = (layer.get(name) or {}).get(half)
        if found is not None:
            return dict(found)
    raise AssertionError(name)


def _clouds_are_closed(home: Json, resource: Json, channel: str) -> bool:
    """XT-CLOUD-1 to -4: commercial with another one, both enabled it, both added the other."""
    here, there = home.get("cloud") or COMMERCIAL, resource.get("cloud") or COMMERCIAL
    if here == there:
        return False
    if channel == "b2bDirectConnect" or COMMERCIAL not in (here, there):
        return True
    for tenant, other, cloud in ((home, resource, there), (resource, home, here)):
        enabled = (tenant.get("policy") or {}).get("allowedCloudEndpoints") or []
        if cloud not in enabled or _entry(tenant, other["tenantId"].lower()) is None:
            return True
    return False


def _side(tenant: Json | None, other: str, name: str, question: Json) -> str:
    """Try every way in which what is not known could be."""
    if tenant is None:
        return "unknown"
    people, apps = _half(tenant, other, name, "usersAndGroups"), _half(tenant, other, name, "applications")
    ways = product(_may_be_named(people, question), _may_be_used(apps, question))
    verdicts = {_passes(people["accessType"], apps["accessType"], user=user, app=app) for user, app in ways}
    if len(verdicts) == 2:
        return "unknown"
    return "passes" if verdicts == {True} else "blocked"


def _passes(users: str, apps: str, *, user: bool, app: bool) -> bool:
    """XT-CELL-1 to -5."""
    if (users, apps) == ("allowed", "allowed"):
        return user and app
    if (users, apps) == ("allowed", "blocked"):
        return user and not app
    if (users, apps) == ("blocked", "allowed"):
        return not user and app
    if (users, apps) == ("blocked", "blocked"):
        return not (user and app)
    return False


def _may_be_named(people: Json, question: Json) -> set[bool]:
    """XT-USER-1 to -5: whether the person is listed; both if that is not known."""
    user, groups = question.get("user"), question.get("groups")
    doubt = False
    for target in people["targets"]:
        name, kind = target["target"], target["targetType"]
        if kind == "user" and name == "AllUsers":
            return {True}
        if kind not in ("user", "group") or len(name) != GUID_LENGTH:
            doubt = True
        elif kind == "user":
            if user and name.lower() == user.lower():
                return {True}
            doubt = doubt or not user
        else:
            if groups is not None and name.lower() in [group.lower() for group in groups]:
                return {True}
            doubt = doubt or groups is None
    return {True, False} if doubt else {False}


def _may_be_used(apps: Json, question: Json) -> set[bool]:
    """XT-APP-1 to -6: whether the client or the resource is listed; both if that is not known."""
    asked = [question.get("clientApp"), question.get("resourceApp")]
    used = [app.lower() for app in asked if app]
    doubt = False
    for target in apps["targets"]:
        name, kind = target["target"], target["targetType"]
        if kind != "application":
            doubt = True
        elif name == "AllApplications":
            return {True}
        elif name in ("Office365", "AllMicrosoftApps"):
            if OFFICE & set(used):
                return {True}
            doubt = doubt or name == "AllMicrosoftApps" or len(used) < 2
        elif len(name) != GUID_LENGTH:
            doubt = True
        else:
            if name.lower() in used:
                return {True}
            doubt = doubt or len(used) < 2
    return {True, False} if doubt else {False}


def _conditional_access(resource: Json, home_id: str, channel: str, question: Json) -> tuple[str, set[str]]:
    """XT-TRUST-1 to -9, with the codes of everything that blocks."""
    requires = question.get("requires")
    if requires is None:
        return "passes", set()
    trust = _whole(resource, home_id, "inboundTrust") or {}
    claims = question.get("claims") or {}
    found = [_control(control, trust, claims, channel) for control in requires.get("controls") or []]
    if requires.get("authenticationStrength") is not None:
        found.append(_strength(requires["authenticationStrength"], trust, channel))
    verdicts = [verdict for verdict, _ in found]
    order = ["passes", "unknown", "blocked"] if requires.get("anyOf") else ["blocked", "unknown", "passes"]
    outcome = next((verdict for verdict in order if verdict in verdicts), "passes")
    return outcome, {code for verdict, code in found if verdict == "blocked"} if outcome == "blocked" else set()


def _strength(methods: list[str], trust: Json, channel: str) -> tuple[str, str]:
    """One demand beside the controls: the operator of the grant relates them all."""
    reachable = {"sms", "voice", "microsoftAuthenticatorPush", "softwareOath"}
    if trust.get("isMfaAccepted"):
        more = {"deviceBasedPush", "hardwareOath", "fido2", "windowsHelloForBusiness", "x509CertificateMultiFactor"}
        reachable |= more
    elif channel == "b2bDirectConnect":
        return "blocked", "AADSTS90071"
    return ("passes" if reachable & set(methods) else "blocked"), "AADSTS53003"


def _control(control: str, trust: Json, claims: Json, channel: str) -> tuple[str, str]:
    if control == "mfa":
        stuck = channel == "b2bDirectConnect" and not trust.get("isMfaAccepted")
        return ("blocked" if stuck else "passes"), "AADSTS90071"
    if control == "compliantDevice":
        return _device(trust.get("isCompliantDeviceAccepted"), claims.get("compliantDevice")), "AADSTS53000"
    if control == "hybridJoinedDevice":
        return _device(
            trust.get("isHybridAzureADJoinedDeviceAccepted"), claims.get("hybridJoinedDevice")
        ), "AADSTS53001"
    if control == "termsOfUse" and channel != "b2bDirectConnect":
        return "passes", ""
    return "blocked", "AADSTS53003"


def _device(trusted: Any, claimed: Any) -> str:
    if trusted and claimed is None:
        return "unknown"
    return "passes" if trusted and claimed else "blocked"
