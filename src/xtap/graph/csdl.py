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
from xtap.model import directory, organizations, policies
from xtap.model.capabilities import ON_DEFAULT, ON_PARTNERS, Capability
from xtap.model.schema import wire_name
from xtap.model.versions import BETA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xtap.graph.odata.shape import PropertyType
    from xtap.model.versions import Version

_EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"
_EDMX: Final = "http://docs.oasis-open.org/odata/ns/edmx"
_NAMESPACE: Final = "microsoft.graph."

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

_KEYLESS: Final = "tenantRelationship"
_GUIDS: Final = frozenset({("multiTenantOrganizationMember", "addedByTenantId")})
"""Which identifiers the metadata of the service does not call strings."""

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
    }
)
"""What the metadata of the service calls not nullable, besides keys; the model is stricter in other places."""


@cache
def document(version: Version) -> bytes:
    """Return the metadata of a version: XML in UTF-8."""
    policy = Navigation(shape_of(version.policy))
    deleted = {"deletedItems": Navigation(shape_of(policies.DeletedItems))} if version is BETA else {}
    organization = Navigation(shape_of(organizations.MultiTenantOrganization))
    singletons = {
        "policies": Shape(
            f"{_NAMESPACE}policyRoot", {"id": Scalar.STRING, "crossTenantAccessPolicy": policy, **deleted}
        ),
        "tenantRelationships": Shape(f"{_NAMESPACE}{_KEYLESS}", {"multiTenantOrganization": organization}),
    }
    sets = {name: shape_of(kind) for name, kind in _ENTITY_SETS.items()}
    roots = (*singletons.values(), *sets.values())
    found: dict[str, PropertyType] = {}
    for shape in roots:
        found |= _reached(shape)
    entities = {shape.type_name for shape in roots}
    entities |= {kind.type_name for each in found.values() for kind in _linked(each)}
    edmx = ET.Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    services = ET.SubElement(edmx, "edmx:DataServices")
    schema = ET.SubElement(services, "Schema", {"Namespace": "microsoft.graph", "Alias": "graph", "xmlns": _EDM})
    for kind in sorted(found.values(), key=lambda kind: (_element(kind, entities), _name(kind))):
        _add_type(schema, kind, _element(kind, entities))
    for action, bound in _ACTIONS:
        _add_action(schema, action, f"graph.{wire_name(bound)}")
    for restored in _RESTORED if version is BETA else ():
        name = f"graph.{wire_name(restored)}"
        ET.SubElement(_add_action(schema, "restore", name), "ReturnType", {"Type": name})
    container = ET.SubElement(schema, "EntityContainer", {"Name": "GraphService"})
    for name, shape in sets.items():
        ET.SubElement(container, "EntitySet", {"Name": name, "EntityType": shape.type_name})
    for name, shape in singletons.items():
        ET.SubElement(container, "Singleton", {"Name": name, "Type": shape.type_name})
    ET.indent(edmx)
    written: bytes = ET.tostring(edmx, encoding="utf-8", xml_declaration=True)
    return written


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
    name = _name(kind).removeprefix("graph.")
    added = ET.SubElement(schema, element, {"Name": name})
    if isinstance(kind, EnumType):
        _add_members(added, kind)
    if not isinstance(kind, Shape):
        return
    never_null = _NEVER_NULL.get(name, frozenset())
    if element == "EntityType" and name != _KEYLESS:
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
    for number, member in enumerate(kind.members):
        value = (1 << number) >> 1 if kind.flags else number + (_name(kind).removeprefix("graph.") in _FROM_ONE)
        ET.SubElement(added, "Member", {"Name": member, "Value": str(value)})


def _add_action(schema: ET.Element, name: str, bound: str) -> ET.Element:
    action = ET.SubElement(schema, "Action", {"Name": name, "IsBound": "true"})
    ET.SubElement(action, "Parameter", {"Name": "bindingParameter", "Type": bound, "Nullable": "false"})
    return action


def _name(kind: PropertyType) -> str:
    """Return the name of a type, with the alias of the namespace; a GUID is a string in the metadata."""
    match kind:
        case Scalar():
            return Scalar.STRING.value if kind is Scalar.GUID else kind.value
        case Collection():
            return f"Collection({_name(kind.of)})"
        case Navigation():
            return f"Collection({_name(kind.to)})" if kind.many else _name(kind.to)
        case EnumType() | Shape():
            return f"graph.{kind.type_name.removeprefix(_NAMESPACE)}"
