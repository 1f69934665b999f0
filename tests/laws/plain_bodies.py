"""What the clients of the plain model's test write: bodies of requests, few enough that values meet often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.laws.plain_settings import B2B, TRUST, everyone, whole

SOMEBODY = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
TRUSTS = st.sampled_from((None, {}, {"isMfaAccepted": True}, {[*TRUST][1]: False, [*TRUST][2]: None}))
PART = {"usersAndGroups": {"accessType": "blocked"}}
ONE_APP = everyone("applications", "allowed") | {"usersAndGroups": None}
CHANNELS = st.sampled_from((None, {}, whole("blocked"), ONE_APP, PART, {"applications": {}}))
CONSENTS = st.sampled_from((None, {}, {"inboundAllowed": True}, {"inboundAllowed": False}, {"outboundAllowed": False}))
RESTRICTIONS = st.sampled_from((None, {}, everyone("applications", "allowed"), {"devices": {"rule": "x"}}, PART))
IN_BOTH: dict[str, st.SearchStrategy[Any]] = {
    "inboundTrust": TRUSTS,
    **dict.fromkeys(B2B[1:3], CHANNELS),
    "tenantRestrictions": RESTRICTIONS,
    "m365CollaborationInbound": st.sampled_from((None, everyone("users", "allowed"), {"users": None})),
    "blockServiceProviderOutboundAccess": st.sampled_from((None, True)),
}
REDEMPTION = st.sampled_from((None, {"fallbackIdentityProvider": "emailOneTimePasscode"}))
DEFAULTS = st.fixed_dictionaries(
    {}, optional=IN_BOTH | {"invitationRedemptionIdentityProviderConfiguration": REDEMPTION}
)
PARTNERS = st.fixed_dictionaries({}, optional=IN_BOTH | {"automaticUserConsentSettings": CONSENTS})
ALLOWED = st.sampled_from((None, {}, {"isSyncAllowed": True}, {"isSyncAllowed": True}, {"isSyncAllowed": False}))
SYNCS = st.fixed_dictionaries(
    {},
    optional={
        "displayName": st.sampled_from((None, "x", "")),
        "userSyncInbound": ALLOWED,
        "groupSyncInbound": ALLOWED,
        "externalCloudAuthorizedApplicationId": st.sampled_from((None, SOMEBODY)),
    },
)
LEVELS = {"templateApplicationLevel": st.sampled_from((None, "none", "newPartners", "existingPartners"))}
PARTNER_TEMPLATES: dict[str, st.SearchStrategy[Any]] = {
    **LEVELS,
    "inboundTrust": TRUSTS,
    B2B[0]: CHANNELS,
    "automaticUserConsentSettings": CONSENTS,
}
POLICIES: dict[str, st.SearchStrategy[Any]] = {
    "displayName": st.sampled_from((None, "x")),
    "allowedCloudEndpoints": st.sampled_from(([], ["microsoftonline.us"])),
}
TEMPLATE, RESET = "/templates/multiTenantOrganization", "resetToDefaultSettings"
PLACES: dict[str, tuple[str, str, st.SearchStrategy[dict[str, Any]]]] = {
    "": ("policy", "", st.fixed_dictionaries({}, optional=POLICIES)),
    "/default": ("default", "resetToSystemDefault", DEFAULTS),
    f"{TEMPLATE}PartnerConfiguration": (
        "partner_template",
        RESET,
        st.fixed_dictionaries({}, optional=PARTNER_TEMPLATES),
    ),
    f"{TEMPLATE}IdentitySynchronization": (
        "sync_template",
        RESET,
        st.fixed_dictionaries({}, optional=LEVELS | {"userSyncInbound": ALLOWED}),
    ),
}
ORGANIZATIONS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    ({"displayName": "x"}, {"displayName": "y"}, {"description": "z"}, {"displayName": None}, {})
)
NAMES = st.sampled_from(("crossTenantOpenProfileCard", "crossTenantMailTipsAll"))
SCOPES = {"included": [{"resourceId": "All", "resourceType": "user"}], "excluded": []}
ACCESSES = st.sampled_from(({"isAllowed": True}, {"isAllowed": False}, {"isAllowed": True, "resourceScopes": SCOPES}))
