"""What a join makes of a partner: templates are applied once, property by property, to the partners they mean."""

from __future__ import annotations

import pytest
from msgspec import structs

from xtap.model import pristine
from xtap.model.enums import AccessType, TargetType
from xtap.model.enums import TemplateApplicationLevel as Level
from xtap.model.ids import TenantId
from xtap.model.policies import BetaIdentitySync, PartnerTemplate, SyncTemplate
from xtap.model.settings import AutomaticUserConsent, B2BSetting, InboundTrust, SyncInbound, Target, UsersAndGroups
from xtap.model.templates import partner_after_joining, partner_after_leaving, sync_after_joining

TENANT = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
BLANK = pristine.partner(TENANT)
BLANK_SYNC = pristine.identity_sync(TENANT)
MFA_ONLY = InboundTrust(
    is_mfa_accepted=True, is_compliant_device_accepted=False, is_hybrid_azure_ad_joined_device_accepted=False
)
CONSENT = AutomaticUserConsent(inbound_allowed=True, outbound_allowed=True)
TEMPLATE = PartnerTemplate(id="x", inbound_trust=MFA_ONLY, automatic_user_consent_settings=CONSENT)
SYNC_TEMPLATE = SyncTemplate(id="x", user_sync_inbound=SyncInbound(is_sync_allowed=True))
EVERYBODY = UsersAndGroups(
    access_type=AccessType.ALLOWED, targets=(Target(target="AllUsers", target_type=TargetType.USER),)
)
BOTH = Level.NEW_AND_EXISTING_PARTNERS
NEW, EXISTING, NEITHER = Level.NEW_PARTNERS, Level.EXISTING_PARTNERS, Level.NONE


def test_a_new_partner_is_generated_and_amended_from_the_template():
    after = partner_after_joining(TEMPLATE, None, TENANT)
    assert after == structs.replace(
        BLANK, inbound_trust=MFA_ONLY, automatic_user_consent_settings=CONSENT, is_in_multi_tenant_organization=True
    )
    assert after.b2b_collaboration_inbound is None


def test_level_none_still_generates_an_entry_that_configures_nothing():
    after = partner_after_joining(structs.replace(TEMPLATE, template_application_level=NEITHER), None, TENANT)
    assert after == structs.replace(BLANK, is_in_multi_tenant_organization=True)


def test_leaving_undoes_nothing_but_the_mark():
    before = partner_after_joining(TEMPLATE, None, TENANT)
    assert partner_after_leaving(before) == structs.replace(before, is_in_multi_tenant_organization=False)


@pytest.mark.parametrize(
    ("level", "new", "existing"),
    [(BOTH, True, True), (NEW, True, False), (EXISTING, False, True), (NEITHER, False, False)],
)
def test_the_level_says_which_partners_are_meant(level: Level, *, new: bool, existing: bool) -> None:
    partner_template = structs.replace(TEMPLATE, template_application_level=level)
    sync_template = structs.replace(SYNC_TEMPLATE, template_application_level=level)
    for before, applies in ((None, new), (BLANK, existing)):
        partner = partner_after_joining(partner_template, before, TENANT)
        assert partner.is_in_multi_tenant_organization is True
        assert partner.inbound_trust == (MFA_ONLY if applies else None)
        sync = sync_after_joining(sync_template, None, TENANT, is_new=before is None)
        assert (sync is not None) == applies


def test_what_the_template_does_not_configure_stays():
    setting = B2BSetting(users_and_groups=EVERYBODY)
    before = structs.replace(
        BLANK,
        inbound_trust=InboundTrust(is_mfa_accepted=False, is_compliant_device_accepted=True),
        b2b_collaboration_inbound=setting,
        automatic_user_consent_settings=AutomaticUserConsent(outbound_allowed=False),
    )
    template = PartnerTemplate(
        id="x",
        inbound_trust=InboundTrust(is_mfa_accepted=True),
        automatic_user_consent_settings=AutomaticUserConsent(inbound_allowed=True),
    )
    assert partner_after_joining(template, before, TENANT) == structs.replace(
        before,
        is_in_multi_tenant_organization=True,
        inbound_trust=InboundTrust(is_mfa_accepted=True, is_compliant_device_accepted=True),
        automatic_user_consent_settings=AutomaticUserConsent(inbound_allowed=True, outbound_allowed=False),
    )


def test_what_the_template_configures_overwrites():
    nobody = structs.replace(EVERYBODY, access_type=AccessType.BLOCKED)
    before = structs.replace(BLANK, b2b_collaboration_inbound=B2BSetting(users_and_groups=nobody))
    template = PartnerTemplate(id="x", b2b_collaboration_inbound=B2BSetting(users_and_groups=EVERYBODY))
    after = partner_after_joining(template, before, TENANT)
    assert after.b2b_collaboration_inbound == B2BSetting(users_and_groups=EVERYBODY)


def test_an_untouched_template_makes_no_synchronization_policy():
    assert sync_after_joining(pristine.sync_template(TENANT), None, TENANT, is_new=True) is None
    before = structs.replace(BLANK_SYNC, user_sync_inbound=SyncInbound(is_sync_allowed=False))
    assert sync_after_joining(pristine.sync_template(TENANT), before, TENANT, is_new=False) == before


@pytest.mark.parametrize("before", [None, structs.replace(BLANK_SYNC, display_name="kept")])
def test_the_synchronization_template_makes_or_changes_the_policy(before: BetaIdentitySync | None) -> None:
    after = sync_after_joining(SYNC_TEMPLATE, before, TENANT, is_new=False)
    start = BLANK_SYNC if before is None else before
    assert after == structs.replace(start, user_sync_inbound=SyncInbound(is_sync_allowed=True))
