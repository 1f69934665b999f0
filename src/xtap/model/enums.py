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


class OperationResult(StrEnum):
    """operationResult: how an audited activity ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMEOUT = "timeout"


class GroupType(StrEnum):
    """groupType: of what kind an audited group is."""

    UNIFIED_GROUPS = "unifiedGroups"
    AZURE_AD = "azureAD"


class AllowInvitesFrom(StrEnum):
    """allowInvitesFrom: who may invite guests."""

    NONE = "none"
    ADMINS_AND_GUEST_INVITERS = "adminsAndGuestInviters"
    ADMINS_GUEST_INVITERS_AND_ALL_MEMBERS = "adminsGuestInvitersAndAllMembers"
    EVERYONE = "everyone"


class GuestUserRole(StrEnum):
    """The roles that ``guestUserRoleId`` may name: as members, limited, restricted."""

    USER = "a0b1b346-4d3e-4e8b-98f8-753987be4970"
    GUEST_USER = "10dae51f-b6af-4016-8d66-8c2a99b929b3"
    RESTRICTED_GUEST_USER = "2af84b1e-32c8-42b7-82bc-daa82404023b"


class TaggingStatus(StrEnum):
    """networkaccess.status: whether traffic is marked with the tenant."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class OrganizationState(StrEnum):
    """multiTenantOrganizationState."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class MemberRole(StrEnum):
    """multiTenantOrganizationMemberRole."""

    OWNER = "owner"
    MEMBER = "member"


class MemberState(StrEnum):
    """multiTenantOrganizationMemberState."""

    PENDING = "pending"
    ACTIVE = "active"
    REMOVED = "removed"


class ProcessingStatus(StrEnum):
    """multiTenantOrganizationMemberProcessingStatus."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class CloudEndpoint(StrEnum):
    """The other Microsoft clouds that ``allowedCloudEndpoints`` may name (semantics R5.1)."""

    COMMERCIAL = "microsoftonline.com"
    US_GOVERNMENT = "microsoftonline.us"
    CHINA = "partner.microsoftonline.cn"
