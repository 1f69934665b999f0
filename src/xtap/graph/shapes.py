"""The wire types as query options see them: built from the model, so that a property exists in one place only."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from xtap.graph.odata.shape import Collection, EnumType, Navigation, Scalar, Shape
from xtap.model import capabilities, directory, organizations, policies
from xtap.model.enums import UNKNOWN_FUTURE_VALUE, TemplateApplicationLevel
from xtap.model.schema import properties, wire_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Struct

    from xtap.graph.odata.shape import PropertyType
    from xtap.model.schema import Property

_GUIDS = frozenset({"id", "tenantId", "externalCloudAuthorizedApplicationId", "addedByTenantId"})
_LINKS: Mapping[type[Struct], Mapping[str, type[Struct]]] = MappingProxyType(
    {
        policies.Policy: {"default": policies.Default, "partners": policies.Partner, "templates": policies.Templates},
        policies.BetaPolicy: {"default": policies.BetaDefault, "partners": policies.BetaPartner},
        policies.Default: {"m365Capabilities": capabilities.Capability},
        policies.Partner: {
            "m365Capabilities": capabilities.Capability,
            "serviceProviderConstraints": policies.ServiceProviderConstraints,
        },
        policies.BetaPartner: {"serviceProviderConstraints": policies.BetaServiceProviderConstraints},
        policies.DeletedItems: {
            "crossTenantPartners": policies.BetaPartner,
            "crossTenantSyncPolicyPartners": policies.BetaIdentitySync,
        },
        policies.Templates: {
            "multiTenantOrganizationPartnerConfiguration": policies.PartnerTemplate,
            "multiTenantOrganizationIdentitySynchronization": policies.SyncTemplate,
        },
        organizations.MultiTenantOrganization: {
            "tenants": organizations.Member,
            "joinRequest": organizations.JoinRequest,
        },
    }
)
"""Links that exist and cannot be expanded: CSDL annotation ExpandRestrictions, wire.md section 7."""

_MANY = frozenset({"partners", "tenants", "m365Capabilities", "crossTenantPartners", "crossTenantSyncPolicyPartners"})
"""The links that lead to several objects."""

_IN_ANY_CASE = frozenset({directory.User, directory.Group})
"""Objects of the directory, whose texts the service compares without regard to case (observed, for users)."""

_SYNC: Mapping[type[Struct], type[Struct]] = MappingProxyType(
    {
        policies.Partner: policies.IdentitySync,
        policies.BetaPartner: policies.BetaIdentitySync,
    }
)
"""The synchronization policy that a partner is expanded with, by version."""


@cache
def shape_of(kind: type[Struct]) -> Shape:
    """Return what query options may name on a wire type."""
    found: dict[str, PropertyType] = {name: _type(known) for name, known in properties(kind).items()}
    if kind in _IN_ANY_CASE:
        found = {name: Scalar.TEXT if each is Scalar.STRING else each for name, each in found.items()}
    for base in reversed(kind.__mro__):
        for name, target in _LINKS.get(base, {}).items():
            found[name] = Navigation(shape_of(target), many=name in _MANY, expandable=False)
    if kind in _SYNC:
        found["identitySynchronization"] = Navigation(shape_of(_SYNC[kind]))
    return Shape(f"microsoft.graph.{wire_name(kind)}", found)


def _type(known: Property) -> PropertyType:
    item = _item(known)
    return Collection(item) if known.many else item


def _item(known: Property) -> Scalar | EnumType | Shape:
    if known.shape is not None:
        return shape_of(known.shape)
    if issubclass(known.type, StrEnum):
        return _enum(known.type)
    if known.type is bool:
        return Scalar.BOOLEAN
    if known.name.endswith("DateTime"):
        return Scalar.DATETIME
    return Scalar.GUID if known.name in _GUIDS else Scalar.STRING


def _enum(kind: type[StrEnum]) -> EnumType | Scalar:
    name = _ENUMS.get(kind.__name__)
    if name is None:
        return Scalar.STRING
    flags = kind is TemplateApplicationLevel
    members = tuple(member for member in kind if "," not in member)
    return EnumType(f"microsoft.graph.{name}", (*members, UNKNOWN_FUTURE_VALUE), flags=flags)


_ENUMS = MappingProxyType(
    {
        "AccessType": "crossTenantAccessPolicyTargetConfigurationAccessType",
        "TargetType": "crossTenantAccessPolicyTargetType",
        "ResourceType": "m365ResourceType",
        "IdentityProvider": "b2bIdentityProvidersType",
        "TemplateApplicationLevel": "templateApplicationLevel",
        "OperationResult": "operationResult",
        "GroupType": "groupType",
        "AllowInvitesFrom": "allowInvitesFrom",
        "TaggingStatus": "networkaccess.status",
        "OrganizationState": "multiTenantOrganizationState",
        "MemberRole": "multiTenantOrganizationMemberRole",
        "MemberState": "multiTenantOrganizationMemberState",
        "ProcessingStatus": "multiTenantOrganizationMemberProcessingStatus",
    }
)
"""CSDL names of the enums; ``allowedCloudEndpoints`` is a collection of strings in the CSDL."""
