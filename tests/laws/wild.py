"""Random questions and documents as nobody would write them: words of tomorrow, capitals, gaps, facts not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tests.laws import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

GOVERNMENT, CHINA = drawn.GOVERNMENT, "partner.microsoftonline.cn"
FACTS = ("user", "groups", "clientApp", "resourceApp", "claims")
STRANGERS = (("AllManagers", "user"), ("AllUsers", "group"), ("AllMicrosoftApps", "application"), ("x", "device"))


def tenants(rng: Random) -> list[dict[str, Any]]:
    """Draw the documents of the home and the resource tenant; sometimes one is not known."""
    others = (drawn.RESOURCE, drawn.THIRD), (drawn.HOME, drawn.THIRD)
    found = [
        drawn.tenant(rng, drawn.HOME, others[0], clouds=True),
        drawn.tenant(rng, drawn.RESOURCE, others[1], clouds=True),
    ]
    for document in found:
        if rng.random() < 0.05:
            document["cloud"] = CHINA
        for configuration in (document["default"], *document["partners"]):
            _gaps(rng, configuration)
        for half in halves(document):
            _words(rng, half)
    if rng.random() < 0.05:
        found.pop(rng.randint(0, 1))
    return found


def _gaps(rng: Random, configuration: dict[str, Any]) -> None:
    if rng.random() < 0.1:
        configuration["blockServiceProviderOutboundAccess"] = rng.choice([True, False, None])
    if rng.random() < 0.1:
        configuration[rng.choice(drawn.SETTINGS)] = None
    trust = configuration.get("inboundTrust")
    if trust and rng.random() < 0.2:
        trust[rng.choice(sorted(trust))] = None


def _words(rng: Random, half: dict[str, Any]) -> None:
    if rng.random() < 0.02:
        half["accessType"] = "allowedLater"
    if rng.random() < 0.05:
        target, kind = rng.choice(STRANGERS)
        half["targets"].append({"target": target, "targetType": kind})
    if rng.random() < 0.02:
        half["targets"] = []
    for target in half["targets"]:
        if rng.random() < 0.1 and len(target["target"]) == 36:
            target["target"] = target["target"].upper()


def halves(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every list of users or applications in a tenant's document."""
    for configuration in (document["default"], *document["partners"]):
        for name in (*drawn.SETTINGS, "tenantRestrictions"):
            yield from (configuration.get(name) or {}).values()


def question(rng: Random) -> dict[str, Any]:
    """Draw an access as JSON, with facts left out."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(drawn.access(rng)))
    if rng.random() < 0.05:
        found["channel"] = "serviceProvider"
    if rng.random() < 0.03:
        found["isEntraAccount"] = False
    if rng.random() < 0.02:
        found["home"] = rng.choice([drawn.RESOURCE, "9188040D-6C67-4C5B-B112-36A304B66DAD"])
    for fact in FACTS:
        if rng.random() < 0.07:
            found.pop(fact)
    return found
