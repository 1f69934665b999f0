"""The closed vocabularies of the wire, in the order of the CSDL.

``unknownFutureValue`` is the sentinel of evolvable enums: it is never stored, and refused in writes.
"""

from __future__ import annotations

from enum import StrEnum

UNKNOWN_FUTURE_VALUE = "unknownFutureValue"


class AccessType(StrEnum):
    """crossTenantAccessPolicyTargetConfigurationAccessType."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"


class TargetType(StrEnum):
    """crossTenantAccessPolicyTargetType."""

    USER = "user"
    GROUP = "group"
    APPLICATION = "application"


class IdentityProvider(StrEnum):
    """b2bIdentityProvidersType: the first three redeem an invitation, the last three are the fallback."""

    AZURE_ACTIVE_DIRECTORY = "azureActiveDirectory"
    EXTERNAL_FEDERATION = "externalFederation"
    SOCIAL_IDENTITY_PROVIDERS = "socialIdentityProviders"
    EMAIL_ONE_TIME_PASSCODE = "emailOneTimePasscode"
    MICROSOFT_ACCOUNT = "microsoftAccount"
    DEFAULT_CONFIGURED_IDP = "defaultConfiguredIdp"


class ResourceType(StrEnum):
    """m365ResourceType: of what kind a capability's resource is."""

    NONE = "none"
    GROUP = "group"
    USER = "user"


class TemplateApplicationLevel(StrEnum):
    """templateApplicationLevel, a flags enum: each member is one canonical comma-separated combination."""

    NONE = "none"
    NEW_PARTNERS = "newPartners"
    EXISTING_PARTNERS = "existingPartners"
    NEW_AND_EXISTING_PARTNERS = "newPartners,existingPartners"

    @classmethod
    def from_flags(cls, text: str) -> TemplateApplicationLevel:
        """Read a combination in any order, with spaces, or empty for none.

        Raises:
            ValueError: a part is no member.
        """
        parts = {cls(part.strip()) for part in text.split(",")} if text.strip() else set()
        if cls.NEW_AND_EXISTING_PARTNERS in parts or {cls.NEW_PARTNERS, cls.EXISTING_PARTNERS} <= parts:
            return cls.NEW_AND_EXISTING_PARTNERS
        return max(parts - {cls.NONE}, default=cls.NONE)


class CloudEndpoint(StrEnum):
    """The other Microsoft clouds that ``allowedCloudEndpoints`` may name (semantics R5.1)."""

    COMMERCIAL = "microsoftonline.com"
    US_GOVERNMENT = "microsoftonline.us"
    CHINA = "partner.microsoftonline.cn"
