"""Which type does each API version show? v1.0 shows the base type, beta the type with everything."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.model import directory_audit, neighbours, policies

if TYPE_CHECKING:
    from collections.abc import Mapping


class Version(Struct, frozen=True):
    """One API version and the wire type of each object in it.

    ``name`` is the first path segment.
    """

    name: str
    policy: type[Struct]
    default: type[Struct]
    partner: type[Struct]
    identity_sync: type[Struct]
    constraints: type[Struct]
    authorization_policy: type[Struct]
    directory_audit: type[Struct]


V1 = Version(
    "v1.0",
    policies.Policy,
    policies.Default,
    policies.Partner,
    policies.IdentitySync,
    policies.DelegatedAdminConstraints,
    neighbours.AuthorizationPolicy,
    directory_audit.DirectoryAudit,
)
BETA = Version(
    "beta",
    policies.BetaPolicy,
    policies.BetaDefault,
    policies.BetaPartner,
    policies.BetaIdentitySync,
    policies.BetaDelegatedAdminConstraints,
    neighbours.BetaAuthorizationPolicy,
    directory_audit.BetaDirectoryAudit,
)

VERSIONS: Mapping[str, Version] = MappingProxyType({V1.name: V1, BETA.name: BETA})
"""The versions that are served, by name."""
