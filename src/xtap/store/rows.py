"""What does a whole store consist of? Rows, the same for every kind of database: what a backup holds.

A dump has each row once, all of one moment: kind after kind in the order below, each ordered by its key. Each row
names its tenant, and says its kind in ``row``, so that the rows of one tenant can be picked out with ordinary tools.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from xtap.model.ids import TenantId
from xtap.model.objects import Kind


class TenantRow(Struct, frozen=True, tag_field="row", tag="tenant"):
    """How many changes a tenant has seen, and the number of its last audit record."""

    tenant: TenantId
    version: int
    sequence: int


class ObjectRow(Struct, frozen=True, tag_field="row", tag="object"):
    """One object of a tenant, its JSON document as text."""

    tenant: TenantId
    kind: Kind
    key: str
    document: str


class AuditRow(Struct, frozen=True, tag_field="row", tag="audit"):
    """One audit record, with its number."""

    tenant: TenantId
    sequence: int
    id: str
    document: str


class DecisionRow(Struct, frozen=True, tag_field="row", tag="decision"):
    """One document of a tenant's log, with its number."""

    tenant: TenantId
    sequence: int
    document: str


class SignInRow(Struct, frozen=True, tag_field="row", tag="signIn"):
    """One sign-in; the time is text that sorts like time."""

    tenant: TenantId
    time: str
    id: str
    document: str


Row: TypeAlias = TenantRow | ObjectRow | AuditRow | DecisionRow | SignInRow

NOT_EMPTY: Final = (
    "The store is not empty. Restore into a new one, or say that everything in it is to be replaced (--replace)."
)
"""Why a store takes no dump."""
