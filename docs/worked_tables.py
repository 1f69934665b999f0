"""Which answers does the engine give to the examples worked in docs/semantics.md? Asked whenever the page is built.

Two tenants, fabrikam (home) and contoso (resource). Ana belongs to the group *sales* of fabrikam, Ben does not; *mail*
and *wiki* are applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.ids import parse_tenant_id
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies
from xtap.semantics.request import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.schema import Document, Json

FABRIKAM = parse_tenant_id("22222222-2222-4222-8222-222222222222")
CONTOSO = parse_tenant_id("11111111-1111-4111-8111-111111111111")
ANA, BEN, SALES, MAIL, WIKI = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 6))

TARGETS = {
    "AllUsers": ("AllUsers", "user"),
    "AllApplications": ("AllApplications", "application"),
    "sales": (SALES, "group"),
    "mail": (MAIL, "application"),
}

Half = tuple[str, str]
"""Access type and the one target of a half of a setting."""

ALL_IN, ALL_OUT = ("allowed", "AllUsers"), ("blocked", "AllUsers")

SETTINGS: dict[tuple[Half, Half], str] = {
    (("allowed", "sales"), ("allowed", "mail")): "sales may use mail, and that is all",
    (("allowed", "sales"), ("blocked", "mail")): "sales may use everything except mail; others nothing",
    (("blocked", "sales"), ("allowed", "mail")): "everybody outside sales may use mail, and that is all",
    (("blocked", "sales"), ("blocked", "mail")): "sales may not use mail; nothing else is blocked",
    (("blocked", "sales"), ("blocked", "AllApplications")): "sales is locked out; nobody else is",
    (ALL_OUT, ("blocked", "mail")): "nobody may use mail; everything else is open",
    (ALL_OUT, ("blocked", "AllApplications")): "nobody may use anything",
    (ALL_OUT, ("allowed", "mail")): "nobody may use anything: nobody is left to be allowed",
    (("allowed", "sales"), ("blocked", "AllApplications")): "nobody may use anything: nothing is left to be allowed",
}
"""The worked settings, and what each means in words."""

PEOPLE = {"Ana": (ANA, frozenset({SALES})), "Ben": (BEN, frozenset[str]())}
APPLICATIONS = {"mail": MAIL, "wiki": WIKI}
ACCESSES = tuple(f"{person}, {application}" for person in PEOPLE for application in APPLICATIONS)
"""The columns of the first table."""

SIDES = {
    "passes": (ALL_IN, ("allowed", "AllApplications")),
    "blocks": (ALL_OUT, ("blocked", "AllApplications")),
    "unknown": (("allowed", "sales"), ("allowed", "AllApplications")),
}
"""The columns and lines of the second table, and a setting for each: whether Ana is in sales is not known there."""


def cells() -> Iterator[tuple[str, ...]]:
    """Yield a line for each setting of contoso: who may use what, while fabrikam lets everybody out."""
    for setting, words in SETTINGS.items():
        answers = (
            _decide(SIDES["passes"], setting, _access(user, groups, application))
            for user, groups in PEOPLE.values()
            for application in APPLICATIONS.values()
        )
        yield (*(f"{access_type} {target}" for access_type, target in setting), *answers, words)


def joint() -> Iterator[tuple[str, ...]]:
    """Yield a line for each verdict of the home tenant: what comes out with each verdict of the resource tenant."""
    for outbound, home in SIDES.items():
        yield (f"**{outbound}**", *(_decide(home, resource, _access(ANA, None, MAIL)) for resource in SIDES.values()))


def _access(user: str, groups: frozenset[str] | None, application: str) -> Access:
    return Access(
        home=FABRIKAM, resource=CONTOSO, user=user, groups=groups, client_app=application, resource_app=application
    )


def _decide(outbound: tuple[Half, Half], inbound: tuple[Half, Half], access: Access) -> str:
    toward_contoso: Document = {"tenantId": CONTOSO, "b2bCollaborationOutbound": _setting(outbound)}
    toward_fabrikam: Document = {"tenantId": FABRIKAM, "b2bCollaborationInbound": _setting(inbound)}
    fabrikam = tenant_policy({"tenantId": FABRIKAM, "partners": [toward_contoso]})
    contoso = tenant_policy({"tenantId": CONTOSO, "partners": [toward_fabrikam]})
    return Policies((fabrikam, contoso)).decide(access).outcome


def _setting(halves: tuple[Half, Half]) -> Document:
    return {"usersAndGroups": _half(halves[0]), "applications": _half(halves[1])}


def _half(half: Half) -> Json:
    target, kind = TARGETS[half[1]]
    return {"accessType": half[0], "targets": [{"target": target, "targetType": kind}]}
