"""Which types does a sign-in consist of? Names, properties and members of the CSDL, for filters and ``$metadata``.

Nothing of this is in the model: a sign-in is kept as it was brought in (``xtap.model.sign_in_files``). Parts whose
properties stand in no public CSDL are open types.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from xtap.graph.odata.shape import Collection, EnumType, Scalar, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.graph.odata.shape import PropertyType

_NAMESPACE: Final = "microsoft.graph"
_TEXTS: Final = Collection(Scalar.STRING)


def _enum(name: str, members: str, *, flags: bool = False) -> EnumType:
    return EnumType(f"{_NAMESPACE}.{name}", tuple(members.split()), flags=flags)


def _complex(name: str, texts: str = "", **others: PropertyType) -> Shape:
    return Shape(f"{_NAMESPACE}.{name}", {**dict.fromkeys(texts.split(), Scalar.STRING), **others})


ACCESS_TYPE: Final = _enum(
    "signInAccessType",
    "none b2bCollaboration b2bDirectConnect microsoftSupport serviceProvider unknownFutureValue passthrough",
    flags=True,
)
_APPLIED_RESULT: Final = _enum(
    "appliedConditionalAccessPolicyResult",
    "success failure notApplied notEnabled unknown unknownFutureValue "
    "reportOnlySuccess reportOnlyFailure reportOnlyNotApplied reportOnlyInterrupted",
)
_CONDITIONAL_ACCESS: Final = _enum("conditionalAccessStatus", "success failure notApplied unknownFutureValue")
_RISK_DETAIL: Final = _enum(
    "riskDetail",
    "none adminGeneratedTemporaryPassword userPerformedSecuredPasswordChange userPerformedSecuredPasswordReset "
    "adminConfirmedSigninSafe aiConfirmedSigninSafe userPassedMFADrivenByRiskBasedPolicy "
    "adminDismissedAllRiskForUser adminConfirmedSigninCompromised hidden adminConfirmedUserCompromised "
    "unknownFutureValue m365DAdminDismissedDetection adminConfirmedServicePrincipalCompromised "
    "adminDismissedAllRiskForServicePrincipal userChangedPasswordOnPremises adminDismissedRiskForSignIn "
    "adminConfirmedAccountSafe microsoftRevokedSessions",
)
_RISK_EVENT: Final = _enum(
    "riskEventType",
    "unlikelyTravel anonymizedIPAddress maliciousIPAddress unfamiliarFeatures malwareInfectedIPAddress "
    "suspiciousIPAddress leakedCredentials investigationsThreatIntelligence generic adminConfirmedUserCompromised "
    "mcasImpossibleTravel mcasSuspiciousInboxManipulationRules investigationsThreatIntelligenceSigninLinked "
    "maliciousIPAddressValidCredentialsBlockedIP unknownFutureValue",
)
_RISK_LEVEL: Final = _enum("riskLevel", "low medium high hidden none unknownFutureValue")
_RISK_STATE: Final = _enum(
    "riskState", "none confirmedSafe remediated dismissed atRisk confirmedCompromised unknownFutureValue"
)
_BOUND: Final = _enum("tokenProtectionStatus", "none bound unbound unknownFutureValue")
_PROTOCOL: Final = _enum(
    "protocolType",
    "none oAuth2 ropc wsFederation saml20 deviceCode unknownFutureValue authenticationTransfer nativeAuth "
    "implicitAccessTokenAndGetResponseMode implicitIdTokenAndGetResponseMode implicitAccessTokenAndPostResponseMode "
    "implicitIdTokenAndPostResponseMode authorizationCodeWithoutPkce authorizationCodeWithPkce clientCredentials "
    "refreshTokenGrant encryptedAuthorizeResponse directUserGrant kerberos prtGrant seamlessSso prtBrokerBased "
    "prtNonBrokerBased onBehalfOf samlOnBehalfOf officeS2S wsTrust",
    flags=True,
)
_REQUIREMENT: Final = _enum(
    "requirementProvider",
    "user request servicePrincipal v1ConditionalAccess multiConditionalAccess tenantSessionRiskPolicy "
    "accountCompromisePolicies v1ConditionalAccessDependency v1ConditionalAccessPolicyIdRequested "
    "mfaRegistrationRequiredByIdentityProtectionPolicy baselineProtection "
    "mfaRegistrationRequiredByBaselineProtection mfaRegistrationRequiredByMultiConditionalAccess "
    "enforcedForCspAdmins securityDefaults mfaRegistrationRequiredBySecurityDefaults proofUpCodeRequest "
    "crossTenantOutboundRule gpsLocationCondition riskBasedPolicy unknownFutureValue",
)
_APP_POLICY_STATUS: Final = _enum(
    "authenticationAppPolicyStatus",
    "unknown appLockOutOfDate appLockEnabled appLockDisabled appContextOutOfDate appContextShown "
    "appContextNotShown locationContextOutOfDate locationContextShown locationContextNotShown numberMatchOutOfDate "
    "numberMatchCorrectNumberEntered numberMatchIncorrectNumberEntered numberMatchDeny "
    "tamperResistantHardwareOutOfDate tamperResistantHardwareUsed tamperResistantHardwareNotUsed unknownFutureValue",
)

V1: Final[Mapping[str, PropertyType]] = MappingProxyType(
    {
        "id": Scalar.GUID,
        "createdDateTime": Scalar.DATETIME,
        **dict.fromkeys(("userDisplayName", "userPrincipalName"), Scalar.STRING),
        **dict.fromkeys(("userId", "appId", "resourceId"), Scalar.GUID),
        **dict.fromkeys(("appDisplayName", "ipAddress", "clientAppUsed", "correlationId"), Scalar.STRING),
        **dict.fromkeys(("resourceDisplayName", "userAgent", "servicePrincipalName"), Scalar.STRING),
        **dict.fromkeys(("homeTenantId", "resourceTenantId", "servicePrincipalId"), Scalar.GUID),
        "conditionalAccessStatus": _CONDITIONAL_ACCESS,
        "riskDetail": _RISK_DETAIL,
        "riskState": _RISK_STATE,
        **dict.fromkeys(("riskLevelAggregated", "riskLevelDuringSignIn"), _RISK_LEVEL),
        "isInteractive": Scalar.BOOLEAN,
        "riskEventTypes": Collection(_RISK_EVENT),
        "riskEventTypes_v2": _TEXTS,
        "status": _complex("signInStatus", "failureReason additionalDetails", errorCode=Scalar.INT),
        "deviceDetail": _complex(
            "deviceDetail",
            "deviceId displayName operatingSystem browser trustType",
            isCompliant=Scalar.BOOLEAN,
            isManaged=Scalar.BOOLEAN,
        ),
        "location": _complex(
            "signInLocation",
            "city state countryOrRegion",
            geoCoordinates=_complex(
                "geoCoordinates", altitude=Scalar.DOUBLE, latitude=Scalar.DOUBLE, longitude=Scalar.DOUBLE
            ),
        ),
        "appliedConditionalAccessPolicies": Collection(
            _complex(
                "appliedConditionalAccessPolicy",
                "id displayName",
                enforcedGrantControls=_TEXTS,
                enforcedSessionControls=_TEXTS,
                result=_APPLIED_RESULT,
            )
        ),
        "authenticationAppDeviceDetails": _complex(
            "authenticationAppDeviceDetails", "appVersion clientApp deviceId operatingSystem"
        ),
    }
)
"""The properties of a sign-in in v1.0."""

ONLY_IN_SDKS: Final[Mapping[str, PropertyType]] = MappingProxyType(
    {
        "resourceServicePrincipalId": Scalar.GUID,
        **dict.fromkeys(("homeTenantName", "uniqueTokenIdentifier", "incomingTokenType"), Scalar.STRING),
        **dict.fromkeys(("azureResourceId", "clientCredentialType", "federatedCredentialId"), Scalar.STRING),
        **dict.fromkeys(("rootActorId", "servicePrincipalCredentialKeyId"), Scalar.STRING),
        "servicePrincipalCredentialThumbprint": Scalar.STRING,
        "isTenantRestricted": Scalar.BOOLEAN,
        "autonomousSystemNumber": Scalar.INT,
        "appliedEventListeners": Collection(_complex("appliedAuthenticationEventListener")),
        "authenticationContextClassReferences": Collection(_complex("authenticationContext")),
        "sessionLifetimePolicies": Collection(_complex("sessionLifetimePolicy")),
        "privateLinkDetails": _complex("privateLinkDetails"),
        "agent": _complex("agentSignIn"),
    }
)
"""Properties of beta that its SDKs and pages have, and the public CSDL has not."""

BETA: Final[Mapping[str, PropertyType]] = MappingProxyType(
    {
        **V1,
        **ONLY_IN_SDKS,
        "crossTenantAccessType": ACCESS_TYPE,
        **dict.fromkeys(("appOwnerTenantId", "resourceOwnerTenantId"), Scalar.GUID),
        **dict.fromkeys(("tokenIssuerName", "authenticationRequirement", "sessionId"), Scalar.STRING),
        **dict.fromkeys(("alternateSignInName", "clientSessionId", "originalRequestId"), Scalar.STRING),
        **dict.fromkeys(("signInIdentifier", "globalSecureAccessIpAddress"), Scalar.STRING),
        "ipAddressFromResourceProvider": Scalar.STRING,
        "userType": _enum("signInUserType", "member guest unknownFutureValue"),
        "tokenIssuerType": _enum("tokenIssuerType", "AzureAD ADFederationServices UnknownFutureValue"),
        "authenticationProtocol": _PROTOCOL,
        "originalTransferMethod": _enum(
            "originalTransferMethods", "none deviceCodeFlow authenticationTransfer unknownFutureValue"
        ),
        "signInIdentifierType": _enum(
            "signInIdentifierType",
            "userPrincipalName phoneNumber proxyAddress qrCode onPremisesUserPrincipalName unknownFutureValue",
        ),
        **dict.fromkeys(("appTokenProtectionStatus", "signInTokenProtectionStatus"), _BOUND),
        **dict.fromkeys(("flaggedForReview", "isThroughGlobalSecureAccess"), Scalar.BOOLEAN),
        "processingTimeInMilliseconds": Scalar.INT,
        **dict.fromkeys(("signInEventTypes", "authenticationMethodsUsed", "conditionalAccessAudiences"), _TEXTS),
        "authenticationDetails": Collection(
            _complex(
                "authenticationDetail",
                "authenticationMethod authenticationMethodDetail authenticationStepRequirement "
                "authenticationStepResultDetail",
                authenticationStepDateTime=Scalar.DATETIME,
                succeeded=Scalar.BOOLEAN,
            )
        ),
        "authenticationProcessingDetails": Collection(_complex("keyValue", "key value")),
        "authenticationRequirementPolicies": Collection(
            _complex("authenticationRequirementPolicy", "detail", requirementProvider=_REQUIREMENT)
        ),
        "authenticationAppPolicyEvaluationDetails": Collection(
            _complex(
                "authenticationAppPolicyDetails",
                "policyName",
                adminConfiguration=_enum(
                    "authenticationAppAdminConfiguration", "notApplicable enabled disabled unknownFutureValue"
                ),
                authenticationEvaluation=_enum("authenticationAppEvaluation", "success failure unknownFutureValue"),
                status=_APP_POLICY_STATUS,
            )
        ),
        "networkLocationDetails": Collection(
            _complex(
                "networkLocationDetail",
                networkNames=_TEXTS,
                networkType=_enum("networkType", "intranet extranet namedNetwork trusted unknownFutureValue"),
            )
        ),
        "mfaDetail": _complex("mfaDetail", "authDetail authMethod"),
        "managedServiceIdentity": _complex(
            "managedIdentity",
            "associatedResourceId federatedTokenId federatedTokenIssuer",
            msiType=_enum("msiType", "none userAssigned systemAssigned unknownFutureValue"),
        ),
        "tokenProtectionStatusDetails": _complex(
            "tokenProtectionStatusDetails", signInSessionStatus=_BOUND, signInSessionStatusCode=Scalar.INT
        ),
    }
)
"""The properties of a sign-in in beta."""

SHAPE_V1: Final = Shape(f"{_NAMESPACE}.signIn", V1)
SHAPE_BETA: Final = Shape(f"{_NAMESPACE}.signIn", BETA)
