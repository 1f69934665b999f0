"""What does this error code mean, whose setting causes it, and who can change that?

The codes of sign-ins, invitations and synchronization that have to do with cross-tenant access, and those that are
often taken for it. Sources: Entra error code reference and troubleshooting pages; ``observed`` where only third
parties saw the code.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Code(Struct, frozen=True, rename="camel"):
    """One error code.

    Attributes:
        code: as people see it.
        meaning: what happened.
        remedy: who can do what about it.
        setting: the property of the policy that causes it; None if the policy does not.
        certainty: ``documented`` or ``observed``.
    """

    code: str
    meaning: str
    remedy: str
    setting: str | None = None
    certainty: str = "documented"


_OTHER = "Cross-tenant access settings do not cause this."

_CODES = (
    Code(
        "AADSTS500212",
        "The home tenant of the user does not let this access out.",
        "An administrator of the home tenant changes the outbound settings for the resource tenant, in its partner "
        "entry or in the default policy.",
        "b2bCollaborationOutbound or b2bDirectConnectOutbound",
    ),
    Code(
        "AADSTS500213",
        "The resource tenant does not let this access in.",
        "An administrator of the resource tenant changes the inbound settings for the home tenant, in its partner "
        "entry or in the default policy.",
        "b2bCollaborationInbound or b2bDirectConnectInbound",
    ),
    Code(
        "AADSTS90071",
        "The resource tenant demands multifactor authentication of a direct connect user and does not trust that of "
        "the home tenant; there is no other way to do it, because the user has no account there.",
        "An administrator of the resource tenant accepts multifactor authentication of the home tenant.",
        "inboundTrust.isMfaAccepted",
    ),
    Code(
        "AADSTS5000211",
        "Tenant restrictions that a network or device added do not let this foreign account be used.",
        "An administrator of the tenant named in the signal changes its tenant restrictions for the account's tenant.",
        "tenantRestrictions",
        "observed",
    ),
    Code(
        "AADSTS500021",
        "Tenant restrictions of the first version (a list of tenants set by a proxy) deny access to the tenant.",
        f"{_OTHER} The list of the proxy does.",
    ),
    Code(
        "AADSTS500022",
        "Tenant restrictions of the first version deny access to the tenant.",
        f"{_OTHER} The list of the proxy does.",
    ),
    Code(
        "AADSTS53000",
        "Conditional Access demands a compliant device, and the session proves none that is accepted.",
        "If the device is compliant in the home tenant, the resource tenant can accept that claim.",
        "inboundTrust.isCompliantDeviceAccepted",
    ),
    Code(
        "AADSTS53001",
        "Conditional Access demands a hybrid joined device, and the session proves none that is accepted.",
        "If the device is joined in the home tenant, the resource tenant can accept that claim.",
        "inboundTrust.isHybridAzureADJoinedDeviceAccepted",
    ),
    Code(
        "AADSTS53003",
        "Conditional Access of the resource tenant blocks the access.",
        f"{_OTHER} The Conditional Access policy demands what people from outside cannot fulfil, or blocks them.",
    ),
    Code(
        "AADSTS50076",
        "Multifactor authentication is demanded and was not done.",
        "The user completes it. It is asked for in the home tenant if the resource tenant accepts it from there.",
        "inboundTrust.isMfaAccepted",
    ),
    Code(
        "AADSTS50079",
        "Multifactor authentication is demanded and the user has not registered for it.",
        "The user registers, in the home tenant if the resource tenant accepts it from there.",
        "inboundTrust.isMfaAccepted",
    ),
    Code(
        "AADSTS90072",
        "The account does not exist in the tenant that the user signed in to.",
        f"{_OTHER} The user has to be invited first.",
    ),
    Code(
        "AADSTS50020",
        "The account of another identity provider does not exist in the tenant.",
        f"{_OTHER} The user has to be invited first.",
    ),
    Code("AADSTS50014", "The invitation was not redeemed yet.", f"{_OTHER} The user redeems the invitation."),
    Code("AADSTS50034", "The account does not exist in the tenant.", f"{_OTHER} The user name may be wrong."),
    Code(
        "AADSTS50105",
        "The application wants its users to be assigned, and this one is not.",
        f"{_OTHER} An administrator of the resource tenant assigns the user or a group.",
    ),
    Code(
        "AzureActiveDirectoryCrossTenantSyncPolicyCheckFailure",
        "Cross-tenant synchronization is not permitted by one of the tenants.",
        "The source tenant allows automatic consent outbound, the target tenant allows it inbound and allows user "
        "synchronization from the source.",
        "automaticUserConsentSettings, identitySynchronization.userSyncInbound",
    ),
)

CODES: Mapping[str, Code] = MappingProxyType({code.code.lower(): code for code in _CODES})
"""Every code that is explained, by its text in lower case."""


def find_code(text: str) -> Code | None:
    """Return what is known of a code, written with or without its prefix, in any case."""
    wanted = text.strip().lower()
    return CODES.get(wanted) or CODES.get(f"aadsts{wanted}")
