"""The log of sign-ins, as ``auditLogs/signIns``: which properties a version has, and what clients may filter by.

Complex properties that nobody filters by are shown as they were brought in (CSDL of signIn, wire.md section 10.2).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from xtap.graph.log import Log
from xtap.graph.odata.shape import Collection, EnumType, Scalar, Shape
from xtap.model.enums import UNKNOWN_FUTURE_VALUE
from xtap.model.versions import BETA
from xtap.service import sign_ins as service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from xtap.graph.exchange import Exchange
    from xtap.graph.log import Start
    from xtap.graph.odata.orderby import Position
    from xtap.graph.odata.shape import PropertyType
    from xtap.model.schema import Document
    from xtap.model.versions import Version

_NAMESPACE: Final = "microsoft.graph"
_TEXTS: Final = Collection(Scalar.STRING)
_PASSTHROUGH: Final = "passthrough"
_ACCESS_TYPE: Final = EnumType(
    f"{_NAMESPACE}.signInAccessType",
    (
        *("none", "b2bCollaboration", "b2bDirectConnect", "microsoftSupport", "serviceProvider"),
        *(UNKNOWN_FUTURE_VALUE, _PASSTHROUGH),
    ),
    flags=True,
)


def _complex(name: str, **properties: PropertyType) -> Shape:
    return Shape(f"{_NAMESPACE}.{name}", properties)


_V1: Final[Mapping[str, PropertyType]] = MappingProxyType(
    {
        "id": Scalar.GUID,
        "createdDateTime": Scalar.DATETIME,
        **dict.fromkeys(("userDisplayName", "userPrincipalName"), Scalar.STRING),
        **dict.fromkeys(("userId", "appId", "resourceId"), Scalar.GUID),
        **dict.fromkeys(("appDisplayName", "ipAddress", "clientAppUsed", "correlationId"), Scalar.STRING),
        **dict.fromkeys(("conditionalAccessStatus", "resourceDisplayName", "userAgent"), Scalar.STRING),
        **dict.fromkeys(("homeTenantId", "resourceTenantId", "servicePrincipalId"), Scalar.GUID),
        **dict.fromkeys(("servicePrincipalName", "riskDetail", "riskState"), Scalar.STRING),
        **dict.fromkeys(("riskLevelAggregated", "riskLevelDuringSignIn"), Scalar.STRING),
        "isInteractive": Scalar.BOOLEAN,
        "riskEventTypes": _TEXTS,
        "riskEventTypes_v2": _TEXTS,
        "status": _complex(
            "signInStatus",
            errorCode=Scalar.INT,
            failureReason=Scalar.STRING,
            additionalDetails=Scalar.STRING,
        ),
        "deviceDetail": _complex(
            "deviceDetail",
            **dict.fromkeys(("deviceId", "displayName", "operatingSystem", "browser", "trustType"), Scalar.STRING),
            isCompliant=Scalar.BOOLEAN,
            isManaged=Scalar.BOOLEAN,
        ),
        "location": _complex(
            "signInLocation",
            **dict.fromkeys(("city", "state", "countryOrRegion"), Scalar.STRING),
            geoCoordinates=_complex("geoCoordinates"),
        ),
        "appliedConditionalAccessPolicies": Collection(_complex("appliedConditionalAccessPolicy")),
        "authenticationAppDeviceDetails": _complex("authenticationAppDeviceDetails"),
    }
)
_BETA: Final[Mapping[str, PropertyType]] = MappingProxyType(
    {
        **_V1,
        "crossTenantAccessType": _ACCESS_TYPE,
        **dict.fromkeys(("appOwnerTenantId", "resourceOwnerTenantId", "resourceServicePrincipalId"), Scalar.GUID),
        **dict.fromkeys(("homeTenantName", "userType", "tokenIssuerType", "tokenIssuerName"), Scalar.STRING),
        **dict.fromkeys(("authenticationRequirement", "authenticationProtocol", "sessionId"), Scalar.STRING),
        **dict.fromkeys(("alternateSignInName", "clientSessionId", "originalRequestId"), Scalar.STRING),
        **dict.fromkeys(("originalTransferMethod", "signInIdentifier", "signInIdentifierType"), Scalar.STRING),
        **dict.fromkeys(("appTokenProtectionStatus", "signInTokenProtectionStatus"), Scalar.STRING),
        **dict.fromkeys(("globalSecureAccessIpAddress", "ipAddressFromResourceProvider"), Scalar.STRING),
        **dict.fromkeys(("uniqueTokenIdentifier", "incomingTokenType", "azureResourceId"), Scalar.STRING),
        **dict.fromkeys(("clientCredentialType", "federatedCredentialId", "rootActorId"), Scalar.STRING),
        **dict.fromkeys(("servicePrincipalCredentialKeyId", "servicePrincipalCredentialThumbprint"), Scalar.STRING),
        **dict.fromkeys(("isTenantRestricted", "flaggedForReview", "isThroughGlobalSecureAccess"), Scalar.BOOLEAN),
        **dict.fromkeys(("processingTimeInMilliseconds", "autonomousSystemNumber"), Scalar.INT),
        **dict.fromkeys(("signInEventTypes", "authenticationMethodsUsed", "conditionalAccessAudiences"), _TEXTS),
        **{
            name: Collection(_complex(name))
            for name in (
                *("authenticationDetails", "authenticationProcessingDetails", "authenticationRequirementPolicies"),
                *("authenticationAppPolicyEvaluationDetails", "networkLocationDetails", "appliedEventListeners"),
                *("authenticationContextClassReferences", "sessionLifetimePolicies"),
            )
        },
        **{
            name: _complex(name)
            for name in (
                *("mfaDetail", "managedServiceIdentity", "tokenProtectionStatusDetails", "privateLinkDetails"),
                "agent",
            )
        },
    }
)
_SHAPES: Final = {False: Shape(f"{_NAMESPACE}.signIn", _V1), True: Shape(f"{_NAMESPACE}.signIn", _BETA)}


def _shape(version: Version) -> Shape:
    return _SHAPES[version is BETA]


async def _read(exchange: Exchange, start: Start) -> AsyncIterator[tuple[Position, Document]]:
    after = None if start.after is None else (str(start.after[0]), str(start.after[1]))
    found = service.entries(exchange.service, exchange.call, after=after, descending=start.descending)
    async for position, document in found:
        yield position, _evolved(document, exchange)


async def _find(exchange: Exchange) -> Document:
    return _evolved(await service.entry(exchange.service, exchange.call, exchange.key.lower()), exchange)


def _evolved(document: Document, exchange: Exchange) -> Document:
    """Hide the member that was added to an enum later, unless the client asked for it (wire.md section 3.4)."""
    asked_for = b"include-unknown-enum-members" in exchange.headers.get(b"prefer", b"")
    if document.get("crossTenantAccessType") == _PASSTHROUGH and not asked_for:
        document["crossTenantAccessType"] = UNKNOWN_FUTURE_VALUE
    return document


sign_ins = Log(path="auditLogs/signIns", time="createdDateTime", shape=_shape, read=_read, find=_find)
