"""What does the API look like to a program? The types of a version as CSDL XML, generated from the model.

Types are written with everything they inherit, so the abstract types of the service's own metadata are not needed.
The document has what is served, and nothing else.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from xtap.graph.odata.shape import Collection, EnumType, Navigation, Scalar, Shape
from xtap.graph.shapes import shape_of
from xtap.graph.sign_in_types import SHAPE_BETA, SHAPE_V1
from xtap.model import directory, neighbours, organizations, policies
from xtap.model.capabilities import ON_DEFAULT, ON_PARTNERS, Capability
from xtap.model.schema import wire_name
from xtap.model.versions import BETA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xtap.graph.odata.shape import PropertyType
    from xtap.model.versions import Version

_EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"
_EDMX: Final = "http://docs.oasis-open.org/odata/ns/edmx"
_GRAPH: Final = "microsoft.graph"
_NAMESPACE: Final = f"{_GRAPH}."

_ENTITY_SETS: Final = MappingProxyType(
    {"groups": directory.Group, "organization": directory.Organization, "users": directory.User}
)
_ACTIONS: Final = (
    ("resetToDefaultSettings", policies.SyncTemplate),
    ("resetToDefaultSettings", policies.PartnerTemplate),
    ("resetToSystemDefault", policies.Default),
)
"""Each action, and the type that it is bound to."""

_RESTORED: Final = (policies.BetaPartner, policies.BetaIdentitySync, policies.BetaServiceProviderConstraints)
"""What the action restore of beta is bound to, and returns."""

_DERIVED: Final = MappingProxyType({wire_name(Capability): sorted(ON_DEFAULT | ON_PARTNERS)})
"""The types that are derived from an abstract one and add nothing to it: answers name them in ``@odata.type``."""

_EXTENDED: Final = MappingProxyType(
    {wire_name(policies.ServiceProviderConstraints): policies.DelegatedAdminConstraints}
)
"""The types that a type is the base of which add properties to it."""

_KEYS: Final = ("id", "tenantId", "name")
"""The key is the first of these that an entity has; a partner has no id, and the root of tenants no key."""

_CONTAINERS: Final = MappingProxyType(
    {
        "policies": "policyRoot",
        "tenantRelationships": "tenantRelationship",
        "auditLogs": "auditLogRoot",
        "networkAccess": "networkaccess.networkAccessRoot",
    }
)
"""The type of each root that is no set."""

_KEYLESS: Final = frozenset(
    {"tenantRelationship", "auditLogRoot", "networkAccessRoot", "settings", "crossTenantAccessSettings"}
)
"""Entities that are there once; ours show no id, or the metadata of the service has none."""

_FOUND: Final = MappingProxyType(
    {
        ("findTenantInformationByDomainName", "domainName"): shape_of(directory.TenantInformation),
        ("findTenantInformationByTenantId", "tenantId"): shape_of(directory.TenantInformation),
    }
)
"""Functions of the relationships with other tenants: name, parameter and what each returns."""

_WRITTEN: Final = MappingProxyType({Scalar.GUID: "Edm.String", Scalar.TEXT: "Edm.String", Scalar.INT: "Edm.Int32"})
"""Types that the metadata of the service writes otherwise than query options treat them."""

_GUIDS: Final = frozenset(
    {("multiTenantOrganizationMember", "addedByTenantId"), ("authorizationPolicy", "guestUserRoleId")}
)
"""Which identifiers the metadata of the service does not call strings."""

_VALUES: Final = MappingProxyType({"signInUserType": (0, 1, 3)})
"""Members that are numbered neither in a row nor by powers of two."""

_FROM_ONE: Final = frozenset(
    {
        "crossTenantAccessPolicyTargetConfigurationAccessType",
        "crossTenantAccessPolicyTargetType",
        "b2bIdentityProvidersType",
    }
)
"""The enums whose members the service numbers from 1."""

_NEVER_NULL: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "crossTenantAccessPolicy": frozenset({"allowedCloudEndpoints", "definition"}),
        "multiTenantOrganizationPartnerConfigurationTemplate": frozenset({"templateApplicationLevel"}),
        "multiTenantOrganizationIdentitySyncPolicyTemplate": frozenset({"templateApplicationLevel"}),
        "m365CapabilityBase": frozenset({"lastModifiedDateTime"}),
        "delegatedAdminServiceProviderConstraints": frozenset({"createdDateTime", "lastModifiedDateTime"}),
        "crossTenantGroupSyncInbound": frozenset({"isSyncAllowed"}),
        "crossTenantRoleEnabledGroupSyncInbound": frozenset({"isSyncAllowed"}),
        "organization": frozenset({"verifiedDomains"}),
        "tenantInformation": frozenset({"tenantId"}),
        "directoryAudit": frozenset({"activityDateTime", "activityDisplayName", "category", "initiatedBy"}),
        "signIn": frozenset({"createdDateTime", "userId"}),
        "authorizationPolicy": frozenset(
            {"enabledPreviewFeatures", "permissionGrantPolicyIdsAssignedToDefaultUserRole"}
        ),
    }
)
"""What the metadata of the service calls not nullable, besides keys; the model is stricter in other places."""

_NEVER_NULL_IN_BETA: Final = frozenset({"servicePrincipalId"})
"""What of a sign-in is nullable in v1.0 only."""


@cache
def document(version: Version) -> bytes:
    """Return the metadata of a version: XML in UTF-8."""
    singletons = _singletons(version)
    sets = {name: shape_of(kind) for name, kind in _ENTITY_SETS.items()}
    roots = (*singletons.values(), *sets.values())
    found: dict[str, PropertyType] = {}
    for shape in (*roots, *_FOUND.values()):
        found |= _reached(shape)
    entities = {shape.type_name for shape in roots}
    entities |= {kind.type_name for each in found.values() for kind in _linked(each)}
    edmx = ET.Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    services = ET.SubElement(edmx, "edmx:DataServices")
    schemas: dict[str, ET.Element] = {}
    for namespace in sorted({kind.rpartition(".")[0] for kind in found}):
        alias = {"Alias": "graph"} if namespace == _GRAPH else {}
        schemas[namespace] = ET.SubElement(services, "Schema", {"Namespace": namespace, **alias, "xmlns": _EDM})
    for name, kind in sorted(found.items(), key=lambda item: (_element(item[1], entities), _name(item[1]))):
        _add_type(schemas[name.rpartition(".")[0]], kind, _element(kind, entities))
    _add_operations(schemas[_GRAPH], version)
    container = ET.SubElement(schemas[_GRAPH], "EntityContainer", {"Name": "GraphService"})
    for name, shape in sets.items():
        ET.SubElement(container, "EntitySet", {"Name": name, "EntityType": shape.type_name})
    for name, shape in sorted(singletons.items()):
        ET.SubElement(container, "Singleton", {"Name": name, "Type": shape.type_name})
    ET.indent(edmx)
    written: bytes = ET.tostring(edmx, encoding="utf-8", xml_declaration=True)
    return written


def _singletons(version: Version) -> dict[str, Shape]:
    """Return the roots of a version that are no sets: containers of links, which nothing answers by themselves."""
    policy: dict[str, PropertyType] = {
        "id": Scalar.STRING,
        "crossTenantAccessPolicy": Navigation(shape_of(version.policy)),
        "authorizationPolicy": Navigation(shape_of(version.authorization_policy)),
    }
    logs = {
        "directoryAudits": shape_of(version.directory_audit),
        "signIns": SHAPE_BETA if version is BETA else SHAPE_V1,
    }
    organization = Navigation(shape_of(organizations.MultiTenantOrganization))
    found: dict[str, dict[str, PropertyType]] = {
        "policies": policy,
        "tenantRelationships": {"multiTenantOrganization": organization},
        "auditLogs": {name: Navigation(shape, many=True) for name, shape in logs.items()},
    }
    if version is BETA:
        policy["deletedItems"] = Navigation(shape_of(policies.DeletedItems))
        access: dict[str, PropertyType] = {"crossTenantAccess": Navigation(shape_of(neighbours.NetworkAccess))}
        found["networkAccess"] = {"settings": Navigation(Shape(f"{_NAMESPACE}networkaccess.settings", access))}
    return {name: Shape(f"{_NAMESPACE}{_CONTAINERS[name]}", links) for name, links in found.items()}


def _add_operations(schema: ET.Element, version: Version) -> None:
    for action, bound in _ACTIONS:
        _add_operation(schema, "Action", action, f"graph.{wire_name(bound)}")
    for restored in _RESTORED if version is BETA else ():
        name = f"graph.{wire_name(restored)}"
        ET.SubElement(_add_operation(schema, "Action", "restore", name), "ReturnType", {"Type": name})
    for (function, parameter), returned in _FOUND.items():
        added = _add_operation(schema, "Function", function, f"graph.{_CONTAINERS['tenantRelationships']}")
        ET.SubElement(added, "Parameter", {"Name": parameter, "Type": Scalar.STRING.value, "Unicode": "false"})
        ET.SubElement(added, "ReturnType", {"Type": _name(returned)})


def _reached(kind: PropertyType) -> dict[str, PropertyType]:
    """Return the named types that a type leads to, itself included."""
    match kind:
        case Scalar():
            return {}
        case EnumType():
            return {kind.type_name: kind}
        case Collection():
            return _reached(kind.of)
        case Navigation():
            return _reached(kind.to)
    found: dict[str, PropertyType] = {kind.type_name: kind}
    for each in kind.properties.values():
        found |= _reached(each)
    return found


def _linked(kind: PropertyType) -> Iterator[Shape]:
    if isinstance(kind, Shape):
        yield from (each.to for each in kind.properties.values() if isinstance(each, Navigation))


def _element(kind: PropertyType, entities: set[str]) -> str:
    if isinstance(kind, EnumType):
        return "EnumType"
    return "EntityType" if isinstance(kind, Shape) and kind.type_name in entities else "ComplexType"


def _add_type(schema: ET.Element, kind: PropertyType, element: str) -> None:
    name = _name(kind).rpartition(".")[2]
    added = ET.SubElement(schema, element, {"Name": name})
    if isinstance(kind, EnumType):
        _add_members(added, kind)
    if not isinstance(kind, Shape):
        return
    never_null = _NEVER_NULL.get(name, frozenset()) | (_NEVER_NULL_IN_BETA if kind is SHAPE_BETA else frozenset())
    if not kind.properties:
        added.set("OpenType", "true")
    if element == "EntityType" and name not in _KEYLESS:
        key = next(each for each in _KEYS if each in kind.properties)
        ET.SubElement(ET.SubElement(added, "Key"), "PropertyRef", {"Name": key})
        never_null |= {key}
    links = {each: to for each, to in sorted(kind.properties.items()) if isinstance(to, Navigation)}
    for each in sorted(kind.properties.keys() - links.keys()):
        nullable = {"Nullable": "false"} if each in never_null else {}
        typed = Scalar.GUID.value if (name, each) in _GUIDS else _name(kind.properties[each])
        ET.SubElement(added, "Property", {"Name": each, "Type": typed, **nullable})
    for each, to in links.items():
        ET.SubElement(added, "NavigationProperty", {"Name": each, "Type": _name(to), "ContainsTarget": "true"})
    if name in _EXTENDED:
        _add_extension(schema, kind, shape_of(_EXTENDED[name]))
    for each in _DERIVED.get(name, ()):
        added.set("Abstract", "true")
        ET.SubElement(schema, "EntityType", {"Name": each, "BaseType": f"graph.{name}"})


def _add_extension(schema: ET.Element, base: Shape, extended: Shape) -> None:
    """Write a derived type: what it has beside the properties of its base."""
    name = extended.type_name.removeprefix(_NAMESPACE)
    added = ET.SubElement(schema, "EntityType", {"Name": name, "BaseType": _name(base)})
    for each in sorted(extended.properties.keys() - base.properties.keys()):
        nullable = {"Nullable": "false"} if each in _NEVER_NULL[name] else {}
        ET.SubElement(added, "Property", {"Name": each, "Type": _name(extended.properties[each]), **nullable})


def _add_members(added: ET.Element, kind: EnumType) -> None:
    """Number the members as the service does: flags by powers of two, with none at 0; others from 0, some from 1."""
    if kind.flags:
        added.set("IsFlags", "true")
    name = _name(kind).rpartition(".")[2]
    values = _VALUES.get(name)
    for number, member in enumerate(kind.members):
        value = (1 << number) >> 1 if kind.flags else number + (name in _FROM_ONE)
        value = value if values is None else values[number]
        ET.SubElement(added, "Member", {"Name": member, "Value": str(value)})


def _add_operation(schema: ET.Element, kind: str, name: str, bound: str) -> ET.Element:
    added = ET.SubElement(schema, kind, {"Name": name, "IsBound": "true"})
    ET.SubElement(added, "Parameter", {"Name": "bindingParameter", "Type": bound, "Nullable": "false"})
    return added


def _name(kind: PropertyType) -> str:
    """Return the name of a type, with the alias of the namespace if it is in ours and in none below it."""
    match kind:
        case Scalar():
            return _WRITTEN.get(kind, kind.value)
        case Collection():
            return f"Collection({_name(kind.of)})"
        case Navigation():
            return f"Collection({_name(kind.to)})" if kind.many else _name(kind.to)
        case EnumType() | Shape():
            name = kind.type_name.removeprefix(_NAMESPACE)
            return kind.type_name if "." in name else f"graph.{name}"
