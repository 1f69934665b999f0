"""May this caller do that? Resource actions of the directory's roles, answered from the table of permissions.

What is asked is what a role allows, so a user's scopes do not count; an application has no role, and is asked for its
permissions. Actions that this server does not serve are not allowed. Names: custom role permissions reference.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from xtap.service.permissions import RULES, Operation, has_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.service.caller import Caller

_ROOT: Final = "microsoft.directory/crossTenantAccessPolicy"
_SETTINGS: Final = ("b2bCollaboration", "b2bDirectConnect", "crossCloudMeetings", "tenantRestrictions")
_TEMPLATES: Final = (
    "multiTenantOrganizationIdentitySynchronization",
    "multiTenantOrganizationPartnerConfiguration",
)

ACTIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        f"{_ROOT}/{name}".lower(): operation
        for names, operation in (
            (("standard/read", "default/standard/read", "partners/standard/read"), Operation.READ_POLICY),
            (("basic/update", "allowedCloudEndpoints/update", "partners/create"), Operation.WRITE_POLICY),
            (("partners/delete",), Operation.WRITE_POLICY),
            (
                [f"{place}/{name}/update" for place in ("default", "partners") for name in _SETTINGS],
                Operation.WRITE_POLICY,
            ),
            (("partners/identitySynchronization/standard/read",), Operation.READ_IDENTITY_SYNC),
            (
                [f"partners/identitySynchronization/{what}" for what in ("create", "basic/update")],
                Operation.WRITE_IDENTITY_SYNC,
            ),
            ([f"partners/templates/{name}/standard/read" for name in _TEMPLATES], Operation.READ_TEMPLATES),
        )
        for name in names
    }
)
"""The operation that each action is, in lower case."""

WHOLE_TENANT: Final = "/"
"""The only scope that these actions have."""


def decide(caller: Caller, action: str, scope: str) -> Literal["allowed", "notAllowed"]:
    """Say whether the caller may do something.

    Args:
        caller: who asks.
        action: such as ``microsoft.directory/crossTenantAccessPolicy/basic/update``, in any case.
        scope: where; ``/`` for the whole tenant.
    """
    operation = ACTIONS.get(action.lower())
    if operation is None or scope != WHOLE_TENANT:
        return "notAllowed"
    if caller.is_application:
        allowed = not caller.permissions.isdisjoint(RULES[operation].permissions)
    else:
        allowed = has_role(caller, operation)
    return "allowed" if allowed else "notAllowed"
