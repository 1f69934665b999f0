"""Which policy stands in this JSON? From one tenant's document, as exported or as Graph answers, to its meaning.

    {"tenantId": "…", "cloud": "microsoftonline.com",
     "policy": {…crossTenantAccessPolicy}, "default": {…}, "partners": [{"tenantId": "…", …}]}

``policy``, ``default`` and ``partners`` may be Graph answers as they are: annotations are passed over, ``partners`` may
be the whole list answer. What is left out is not configured. What is not understood is refused, because an answer
that passed over it could allow too much; only the words of an access type or a target may be new (they block, or
make the answer unknown).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, ValidationError, convert

from xtap.errors import InvalidInput, Violation
from xtap.model.enums import CloudEndpoint
from xtap.model.ids import DIRECTORY, TenantId, is_guid, no_partner
from xtap.model.policies import BetaDefault, BetaIdentitySync, BetaPartner, BetaPolicy
from xtap.model.schema import properties
from xtap.semantics.documents import Default, IdentitySync, Partner, TenantPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.schema import Document, Json, Shape

T = TypeVar("T", bound=Struct)

MEMBERS = ("tenantId", "displayName", "cloud", "policy", "default", "partners")
"""What a document may have; ``displayName`` is for its readers."""

SYNC = "identitySynchronization"
NEIGHBOURS = frozenset(
    {"crossCloudMeetingConfiguration", "protectedContentSharing", "isCompliantNetworkAccepted", "m365Capabilities"}
)
"""Properties that the service shows and that decide none of the questions here (semantics section 13)."""


def tenant_policy(document: Json, path: str = "$") -> TenantPolicy:
    """Read one tenant's document.

    Args:
        document: the decoded JSON.
        path: where it stands, for errors.

    Raises:
        InvalidInput: it cannot be understood; all reasons at once.
    """
    found: list[Violation] = []
    whole = _object(document, path, found)
    if found:
        raise InvalidInput(found)
    found += [
        Violation(f"{path}.{name}", f"'{name}' is not known. A tenant's document has {', '.join(MEMBERS)}.")
        for name in whole
        if name not in MEMBERS and "@" not in name
    ]
    tenant = _tenant(whole.get("tenantId"), f"{path}.tenantId", found)
    name = whole.get("displayName")
    if name is not None and not isinstance(name, str):
        found.append(Violation(f"{path}.displayName", f"Expected text, found {_kind(name)}."))
    cloud = _cloud(whole.get("cloud"), f"{path}.cloud", found)
    policy = _checked(whole.get("policy"), BetaPolicy, f"{path}.policy", found)
    default = _read(whole.get("default"), (BetaDefault, Default), f"{path}.default", found)
    partners, sync = _partners(whole.get("partners"), tenant, f"{path}.partners", found)
    clouds = policy.get("allowedCloudEndpoints") or []
    if not isinstance(clouds, list) or not all(isinstance(each, str) for each in clouds):
        found.append(Violation(f"{path}.policy.allowedCloudEndpoints", "Expected a list of cloud endpoints."))
    if found:
        raise InvalidInput(found)
    return TenantPolicy(
        tenant_id=tenant,
        display_name=name if isinstance(name, str) else None,
        cloud=cloud,
        allowed_clouds=frozenset(map(str, clouds)) if isinstance(clouds, list) else frozenset(),
        default=default or Default(is_service_default=True),
        partners=partners,
        identity_sync=sync,
    )


def _partners(
    value: Json, own: TenantId, path: str, found: list[Violation]
) -> tuple[dict[TenantId, Partner], dict[TenantId, IdentitySync]]:
    partners: dict[TenantId, Partner] = {}
    sync: dict[TenantId, IdentitySync] = {}
    for place, item in enumerate(_list(value, path, found)):
        here = f"{path}[{place}]"
        entry = _object(item, here, found)
        tenant = _tenant(entry.get("tenantId"), f"{here}.tenantId", found)
        if tenant and tenant in {own, DIRECTORY}:
            found.append(Violation(f"{here}.tenantId", no_partner(tenant)))
        if tenant in partners:
            found.append(Violation(f"{here}.tenantId", f"Tenant {tenant} is a partner twice. Keep one entry."))
        policy = _read(entry.get(SYNC), (BetaIdentitySync, IdentitySync), f"{here}.{SYNC}", found)
        if policy is not None:
            sync[tenant] = policy
        members: Document = {name: member for name, member in entry.items() if name != SYNC}
        partner = _read(members | {"tenantId": tenant}, (BetaPartner, Partner), here, found)
        if partner is not None:
            partners[tenant] = partner
    return partners, sync


def _list(value: Json, path: str, found: list[Violation]) -> list[Json]:
    """Return the items of a list, or of a Graph answer with a list that is complete."""
    if isinstance(value, dict) and "value" in value:
        if "@odata.nextLink" in value:
            message = "The list goes on at '@odata.nextLink': it is only a page. Export all pages."
            found.append(Violation(path, message))
        value = value["value"]
    if value is None:
        return []
    if not isinstance(value, list):
        found.append(Violation(path, "Expected a list of partners, or the list answer of Graph."))
        return []
    return value


def _read(value: Json, shapes: tuple[Shape, type[T]], path: str, found: list[Violation]) -> T | None:
    """Read one object: check that everything in it is known, and take what counts."""
    if value is None:
        return None
    known, decisive = shapes
    checked = _checked(value, known, path, found)
    try:
        return convert(checked, decisive)
    except ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        found.append(Violation(f"{path}{where.rstrip('`')}", f"{message}."))
        return None


def _checked(value: Json, shape: Shape, path: str, found: list[Violation]) -> Document:
    document = _object(value, path, found)
    found += _strangers(document, shape, path)
    return document


def _strangers(document: Document, shape: Shape, path: str) -> Iterator[Violation]:
    """Yield every member that no rule knows, at any depth."""
    known = properties(shape)
    for name, value in document.items():
        if "@" in name or name in NEIGHBOURS:
            continue
        if name not in known:
            message = f"'{name}' is not known here, so its meaning is not either. Known: {', '.join(known)}."
            yield Violation(f"{path}.{name}", message, "UnknownProperty")
            continue
        nested = known[name].shape
        items = value if isinstance(value, list) else [value]
        for place, item in enumerate(items):
            if nested is not None and isinstance(item, dict):
                here = f"{path}.{name}[{place}]" if isinstance(value, list) else f"{path}.{name}"
                yield from _strangers(item, nested, here)


def _object(value: Json, path: str, found: list[Violation]) -> Document:
    if value is None:
        return {}
    if not isinstance(value, dict):
        found.append(Violation(path, f"Expected a JSON object, found {_kind(value)}."))
        return {}
    return value


def _kind(value: Json) -> str:
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else f"'{str(value)[:40]}'"


def _tenant(value: Json, path: str, found: list[Violation]) -> TenantId:
    if not isinstance(value, str) or not is_guid(value):
        found.append(Violation(path, f"Expected the tenant id (GUID), found {_kind(value)}."))
        return TenantId("")
    return TenantId(value.lower())


def _cloud(value: Json, path: str, found: list[Violation]) -> str:
    if value is None:
        return CloudEndpoint.COMMERCIAL
    if value not in {*CloudEndpoint}:
        message = f"The cloud {_kind(value)} is not known. Expected one of {', '.join(CloudEndpoint)}."
        found.append(Violation(path, message))
    return str(value)
