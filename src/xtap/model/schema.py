"""Which properties a wire type has: read once from the msgspec types, so that the types stay the only source.

Reading, merging and ``$metadata`` walk these tables; nothing here knows a rule of policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from msgspec import NODEFAULT, Struct, inspect, to_builtins

from xtap.model import capabilities, directory, directory_audit, neighbours, organizations, policies, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A decoded JSON value."""

Document: TypeAlias = "dict[str, Json]"
"""A decoded JSON object with wire names."""

Shape: TypeAlias = type[Struct]
"""A wire type, as a class of ``xtap.model``."""

WIRE_NAMES: Mapping[Shape, str] = MappingProxyType(
    {
        policies.Policy: "crossTenantAccessPolicy",
        policies.Default: "crossTenantAccessPolicyConfigurationDefault",
        policies.Partner: "crossTenantAccessPolicyConfigurationPartner",
        policies.IdentitySync: "crossTenantIdentitySyncPolicyPartner",
        policies.ServiceProviderConstraints: "serviceProviderConstraints",
        policies.DelegatedAdminConstraints: "delegatedAdminServiceProviderConstraints",
        policies.PartnerTemplate: "multiTenantOrganizationPartnerConfigurationTemplate",
        policies.SyncTemplate: "multiTenantOrganizationIdentitySyncPolicyTemplate",
        policies.Templates: "policyTemplate",
        organizations.MultiTenantOrganization: "multiTenantOrganization",
        organizations.BasicMember: "multiTenantOrganizationMember",
        organizations.Member: "multiTenantOrganizationMember",
        organizations.MemberTransition: "multiTenantOrganizationMemberTransitionDetails",
        organizations.JoinRequest: "multiTenantOrganizationJoinRequestRecord",
        organizations.JoinTransition: "multiTenantOrganizationJoinRequestTransitionDetails",
        policies.DeletedItems: "policyDeletableRoot",
        capabilities.Capability: "m365CapabilityBase",
        capabilities.InboundAccess: "m365CapabilityInboundAccess",
        capabilities.ResourceScopes: "m365CapabilityResourceScopes",
        capabilities.ResourceScope: "m365CapabilityResourceScope",
        directory.User: "user",
        directory.Group: "group",
        directory.Organization: "organization",
        directory.VerifiedDomain: "verifiedDomain",
        directory.TenantInformation: "tenantInformation",
        directory_audit.DirectoryAudit: "directoryAudit",
        directory_audit.Initiator: "auditActivityInitiator",
        directory_audit.AppIdentity: "appIdentity",
        directory_audit.UserIdentity: "userIdentity",
        directory_audit.TargetResource: "targetResource",
        directory_audit.ModifiedProperty: "modifiedProperty",
        directory_audit.KeyValue: "keyValue",
        neighbours.AuthorizationPolicy: "authorizationPolicy",
        neighbours.DefaultUserRolePermissions: "defaultUserRolePermissions",
        neighbours.NetworkAccess: "networkaccess.crossTenantAccessSettings",
        settings.B2BSetting: "crossTenantAccessPolicyB2BSetting",
        settings.TenantRestrictions: "crossTenantAccessPolicyTenantRestrictions",
        settings.DevicesFilter: "devicesFilter",
        settings.TargetConfiguration: "crossTenantAccessPolicyTargetConfiguration",
        settings.Target: "crossTenantAccessPolicyTarget",
        settings.InboundTrust: "crossTenantAccessPolicyInboundTrust",
        settings.AutomaticUserConsent: "inboundOutboundPolicyConfiguration",
        settings.InvitationRedemption: "defaultInvitationRedemptionIdentityProviderConfiguration",
        settings.M365CollaborationInbound: "crossTenantAccessPolicyM365CollaborationInboundSetting",
        settings.M365CollaborationOutbound: "crossTenantAccessPolicyM365CollaborationOutboundSetting",
        settings.AppServiceConnect: "crossTenantAccessPolicyAppServiceConnectSetting",
        settings.SyncInbound: "crossTenantUserSyncInbound",
        settings.GroupSyncInbound: "crossTenantGroupSyncInbound",
        settings.RoleEnabledGroupSyncInbound: "crossTenantRoleEnabledGroupSyncInbound",
    }
)
"""The name of each type in the CSDL; a beta type and a specialised one share the name of their base."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a wire type.

    Attributes:
        name: the wire name.
        attribute: the name in Python.
        type: ``bool``, ``str``, an enum class, or another wire type; the item type if ``many``.
        many: whether it is a collection.
        nullable: whether null is a value it can have.
        required: whether an object without it is incomplete.
        omitted: whether it is left out of the document while it is not configured.
        unset: what it is while it is not configured.
        shape: the wire type of a complex property, None for a scalar one.
        members: the values of an enum by their wire form, None for other types.
    """

    name: str
    attribute: str
    type: type
    many: bool
    nullable: bool
    required: bool
    omitted: bool
    unset: Json
    shape: Shape | None
    members: Mapping[str, StrEnum] | None


@cache
def properties(shape: Shape) -> Mapping[str, Property]:
    """Return the properties of a wire type by wire name, in wire order."""
    info = inspect.type_info(shape)
    if not isinstance(info, inspect.StructType):
        raise TypeError(shape)
    return MappingProxyType({field.encode_name: _property(field) for field in info.fields})


def wire_name(shape: Shape) -> str:
    """Return the CSDL name of a wire type, without namespace."""
    return next(WIRE_NAMES[base] for base in shape.__mro__ if base in WIRE_NAMES)


def _property(field: inspect.Field) -> Property:
    options = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    (inner,) = (option for option in options if not isinstance(option, inspect.NoneType))
    many = isinstance(inner, inspect.VarTupleType)
    kind = _class(inner.item_type if isinstance(inner, inspect.VarTupleType) else inner)
    return Property(
        name=field.encode_name,
        attribute=field.name,
        type=kind,
        many=many,
        nullable=len(options) > 1,
        required=field.required,
        omitted=not field.required and field.default is NODEFAULT,
        unset=None if field.default is NODEFAULT else to_builtins(field.default),
        shape=kind if issubclass(kind, Struct) else None,
        members={str(member): member for member in kind} if issubclass(kind, StrEnum) else None,
    )


def _class(kind: inspect.Type) -> type:
    match kind:
        case inspect.BoolType():
            return bool
        case inspect.StrType():
            return str
        case inspect.EnumType(cls=cls) if issubclass(cls, StrEnum):
            return cls
        case inspect.StructType(cls=cls):
            return cls
        case _:
            raise TypeError(kind)
