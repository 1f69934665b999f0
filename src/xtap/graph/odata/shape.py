"""What do query options need to know of a type: its properties, their types, and what the CSDL calls them.

A ``Shape`` is built once for each entity or complex type; this file has no knowledge of which types exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct


class Scalar(Enum):
    """A primitive type; the value is its EDM name.

    ``GUID`` is for every identifier that is a GUID, whether the CSDL calls it Edm.Guid or, as with ``tenantId``,
    Edm.String: it is compared without regard to case, and may be written with or without quotes. ``TEXT`` is an
    Edm.String that is compared without regard to case.
    """

    BOOLEAN = "Edm.Boolean"
    STRING = "Edm.String"
    TEXT = "Edm.String in any case"
    GUID = "Edm.Guid"
    DATETIME = "Edm.DateTimeOffset"
    INT = "Edm.Int64"
    DOUBLE = "Edm.Double"


class EnumType(Struct, frozen=True):
    """An enumeration; on the wire its values are member names.

    Attributes:
        type_name: qualified name, such as ``microsoft.graph.multiTenantOrganizationMemberRole``.
        members: in the order of the CSDL, which is the order that ``$orderby`` follows.
        flags: a value may be several members, separated by commas.
    """

    type_name: str
    members: tuple[str, ...]
    flags: bool = False


class Shape(Struct, frozen=True, eq=False):
    """An entity or complex type; equal only to itself.

    Attributes:
        type_name: qualified name, as error messages show it: ``microsoft.graph.crossTenantAccessPolicyTarget``.
        properties: wire name to type, in wire order.
    """

    type_name: str
    properties: Mapping[str, PropertyType]

    def find(self, name: str, *, ignore_case: bool = False) -> tuple[str, PropertyType] | None:
        """Return the declared name and the type of a property, or None."""
        if (exact := self.properties.get(name)) is not None:
            return name, exact
        if ignore_case:
            wanted = name.lower()
            return next((item for item in self.properties.items() if item[0].lower() == wanted), None)
        return None


class Collection(Struct, frozen=True):
    """An array of scalars, enum members or complex values."""

    of: Scalar | EnumType | Shape


class Navigation(Struct, frozen=True):
    """A link to another entity, or with ``many`` to several: absent from an object unless expanded."""

    to: Shape
    many: bool = False
    expandable: bool = True


PropertyType: TypeAlias = Scalar | EnumType | Shape | Collection | Navigation


def name_of(kind: PropertyType | None) -> str:
    """Return the name of a type as error messages of OData libraries print it; None is the type of null."""
    match kind:
        case None:
            return "<null>"
        case Scalar():
            return kind.value.partition(" ")[0]
        case EnumType() | Shape():
            return kind.type_name
        case Collection():
            return f"Collection({name_of(kind.of)})"
        case Navigation():
            return f"Collection({kind.to.type_name})" if kind.many else kind.to.type_name


def no_property(name: str, kind: PropertyType) -> str:
    """Word the error for a name that a type does not have, as Graph does."""
    return f"Could not find a property named '{name}' on type '{name_of(kind)}'."
