"""May this caller do that? One table, from the permission and role lists of the reference pages (wire.md section 6).

A delegated call needs one of the scopes *and* one of the directory roles; an app-only call needs one of the
application permissions, which have the same names. Global Administrator may everything a scope allows.
"""

from __future__ import annotations

from enum import StrEnum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.service.caller import Caller


class Operation(StrEnum):
    """What can be done; several addresses may be one operation."""

    READ_POLICY = auto()
    WRITE_POLICY = auto()
    READ_IDENTITY_SYNC = auto()
    WRITE_IDENTITY_SYNC = auto()
    READ_TEMPLATES = auto()
    WRITE_TEMPLATES = auto()
    READ_MULTITENANT = auto()
    READ_MULTITENANT_MEMBER = auto()
    READ_JOIN_REQUEST = auto()
    WRITE_MULTITENANT = auto()
    READ_USERS = auto()
    READ_GROUPS = auto()
    READ_ORGANIZATION = auto()
    READ_AUTHORIZATION_POLICY = auto()
    WRITE_AUTHORIZATION_POLICY = auto()
    READ_NETWORK_ACCESS = auto()
    WRITE_NETWORK_ACCESS = auto()
    FIND_TENANT = auto()
    READ_DIRECTORY_AUDITS = auto()
    READ_SIGN_INS = auto()
    READ_CAPABILITIES = auto()
    WRITE_CAPABILITIES = auto()
    WRITE_EXCHANGE_CAPABILITIES = auto()
    EVALUATE = auto()


DIRECTORY_ROLES: Mapping[str, str] = MappingProxyType(
    {
        "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
        "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
        "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
        "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
        "Teams Administrator": "69091246-20e8-4a56-aa4d-066075b2a7a8",
        "Global Secure Access Administrator": "ac434307-12b9-4fa1-a708-88bf58caabc1",
        "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
        "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
        "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
        "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    }
)
"""Template ids of the built-in directory roles that matter here, as they stand in the ``wids`` claim."""

READ_ALL, READ_WRITE = "Policy.Read.All", "Policy.ReadWrite.CrossTenantAccess"
CAPABILITY = "Policy.ReadWrite.CrossTenantCapability"
MTO_READ, MTO_READ_WRITE = "MultiTenantOrganization.Read.All", "MultiTenantOrganization.ReadWrite.All"
MTO_READ_BASIC = "MultiTenantOrganization.ReadBasic.All"
DIRECTORY_READ, USER_READ = "Directory.Read.All", "User.Read.All"
GROUP_READ, ORGANIZATION_READ = "Group.Read.All", "Organization.Read.All"
AUTHORIZATION_READ_WRITE = "Policy.ReadWrite.Authorization"
NETWORK_READ, NETWORK_READ_WRITE = "NetworkAccess.Read.All", "NetworkAccess.ReadWrite.All"
TENANT_INFORMATION = "CrossTenantInformation.ReadBasic.All"
AUDIT_LOG_READ = "AuditLog.Read.All"
EVALUATE = "CrossTenantAccess.Evaluate.All"
"""Ours: Graph has no decision point (docs/adr/0008-what-a-caller-learns.md)."""

PERMISSIONS = (
    READ_ALL,
    READ_WRITE,
    CAPABILITY,
    MTO_READ_BASIC,
    MTO_READ,
    MTO_READ_WRITE,
    USER_READ,
    GROUP_READ,
    ORGANIZATION_READ,
    DIRECTORY_READ,
    AUTHORIZATION_READ_WRITE,
    NETWORK_READ,
    NETWORK_READ_WRITE,
    TENANT_INFORMATION,
    AUDIT_LOG_READ,
    EVALUATE,
)
"""Every permission that some operation accepts."""


class Rule(Struct, frozen=True):
    """What one operation needs.

    Attributes:
        permissions: any of these, least privileged first.
        roles: for delegated calls also any of these directory roles, by display name; empty if none is needed.
        delegated: more permissions that do, but only for delegated calls.
    """

    permissions: tuple[str, ...]
    roles: tuple[str, ...]
    delegated: tuple[str, ...] = ()

    def accepted(self, caller: Caller) -> tuple[str, ...]:
        """Return the permissions of which this kind of caller needs one."""
        return self.permissions if caller.is_application else (*self.delegated, *self.permissions)


_READERS = ("Security Reader", "Global Reader", "Security Administrator")
_DIRECTORY_READERS = ("Directory Readers", *_READERS)
_POLICY_READERS = (*_READERS, "Global Secure Access Administrator", "Teams Administrator")

RULES: Mapping[Operation, Rule] = MappingProxyType(
    {
        Operation.READ_POLICY: Rule((READ_ALL, READ_WRITE), _POLICY_READERS),
        Operation.WRITE_POLICY: Rule((READ_WRITE,), ("Security Administrator", "Teams Administrator")),
        Operation.READ_IDENTITY_SYNC: Rule((READ_ALL, READ_WRITE), _READERS),
        Operation.WRITE_IDENTITY_SYNC: Rule((READ_WRITE,), ("Security Administrator",)),
        Operation.READ_TEMPLATES: Rule((READ_ALL, READ_WRITE, MTO_READ, MTO_READ_WRITE), _READERS),
        Operation.WRITE_TEMPLATES: Rule((READ_WRITE, MTO_READ_WRITE), ("Security Administrator",)),
        Operation.READ_MULTITENANT: Rule((MTO_READ, MTO_READ_WRITE), _READERS, (MTO_READ_BASIC,)),
        Operation.READ_MULTITENANT_MEMBER: Rule((MTO_READ, MTO_READ_WRITE), _READERS, (MTO_READ_BASIC, DIRECTORY_READ)),
        Operation.READ_JOIN_REQUEST: Rule((MTO_READ, MTO_READ_WRITE), _READERS),
        Operation.WRITE_MULTITENANT: Rule((MTO_READ_WRITE,), ("Security Administrator",)),
        Operation.READ_USERS: Rule((USER_READ, DIRECTORY_READ), _DIRECTORY_READERS),
        Operation.READ_GROUPS: Rule((GROUP_READ, DIRECTORY_READ), _DIRECTORY_READERS),
        Operation.READ_ORGANIZATION: Rule((ORGANIZATION_READ, DIRECTORY_READ), _DIRECTORY_READERS),
        Operation.READ_AUTHORIZATION_POLICY: Rule(
            (READ_ALL, AUTHORIZATION_READ_WRITE), (*_READERS, "Privileged Role Administrator")
        ),
        Operation.WRITE_AUTHORIZATION_POLICY: Rule((AUTHORIZATION_READ_WRITE,), ("Privileged Role Administrator",)),
        Operation.READ_NETWORK_ACCESS: Rule(
            (NETWORK_READ, NETWORK_READ_WRITE),
            ("Global Reader", "Security Administrator", "Global Secure Access Administrator"),
        ),
        Operation.WRITE_NETWORK_ACCESS: Rule(
            (NETWORK_READ_WRITE,), ("Security Administrator", "Global Secure Access Administrator")
        ),
        Operation.FIND_TENANT: Rule((TENANT_INFORMATION,), ()),
        Operation.READ_DIRECTORY_AUDITS: Rule((AUDIT_LOG_READ, DIRECTORY_READ), ("Reports Reader", *_READERS)),
        Operation.READ_SIGN_INS: Rule((AUDIT_LOG_READ,), ("Reports Reader", *_READERS)),
        Operation.READ_CAPABILITIES: Rule(
            (READ_ALL, CAPABILITY, READ_WRITE), (*_POLICY_READERS, "Exchange Administrator")
        ),
        Operation.WRITE_CAPABILITIES: Rule((CAPABILITY,), ("Global Administrator",)),
        Operation.WRITE_EXCHANGE_CAPABILITIES: Rule((CAPABILITY,), ("Exchange Administrator", "Global Administrator")),
        Operation.EVALUATE: Rule((EVALUATE,), _READERS),
    }
)

_ROLE_IDS = MappingProxyType(
    {
        operation: frozenset(DIRECTORY_ROLES[name] for name in (*rule.roles, "Global Administrator"))
        for operation, rule in RULES.items()
    }
)


def require(caller: Caller, operation: Operation) -> None:
    """Let the caller pass, or refuse.

    Raises:
        Forbidden: no permission, or (delegated) no directory role, for the operation; ``needs`` names what would do.
    """
    rule = RULES[operation]
    accepted = rule.accepted(caller)
    if caller.permissions.isdisjoint(accepted):
        kind = "application permissions" if caller.is_application else "delegated permissions"
        raise _refusal(f"One of the {kind} {', '.join(accepted)} is needed.")
    if not has_role(caller, operation):
        raise _refusal(f"One of the directory roles {', '.join(rule.roles)} is needed.")


def has_role(caller: Caller, operation: Operation) -> bool:
    """Say whether the caller has a directory role for the operation, or needs none."""
    needed = bool(RULES[operation].roles) and not caller.is_application
    return not needed or not caller.directory_roles.isdisjoint(_ROLE_IDS[operation])


def _refusal(need: str) -> Forbidden:
    return Forbidden("Insufficient privileges to complete the operation.", (need,))
