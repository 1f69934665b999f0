"""Objects of the Python SDK that several tests send: the examples of the reference pages, built as a user would."""

from __future__ import annotations

from msgraph.generated.models.cross_tenant_access_policy_b2_b_setting import CrossTenantAccessPolicyB2BSetting
from msgraph.generated.models.cross_tenant_access_policy_configuration_partner import (
    CrossTenantAccessPolicyConfigurationPartner,
)
from msgraph.generated.models.cross_tenant_access_policy_inbound_trust import CrossTenantAccessPolicyInboundTrust
from msgraph.generated.models.cross_tenant_access_policy_target import CrossTenantAccessPolicyTarget
from msgraph.generated.models.cross_tenant_access_policy_target_configuration import (
    CrossTenantAccessPolicyTargetConfiguration,
)
from msgraph.generated.models.cross_tenant_access_policy_target_configuration_access_type import (
    CrossTenantAccessPolicyTargetConfigurationAccessType,
)
from msgraph.generated.models.cross_tenant_access_policy_target_type import CrossTenantAccessPolicyTargetType
from msgraph.generated.models.cross_tenant_identity_sync_policy_partner import CrossTenantIdentitySyncPolicyPartner
from msgraph.generated.models.cross_tenant_user_sync_inbound import CrossTenantUserSyncInbound
from msgraph.generated.models.inbound_outbound_policy_configuration import InboundOutboundPolicyConfiguration

ALLOWED = CrossTenantAccessPolicyTargetConfigurationAccessType.Allowed
BLOCKED = CrossTenantAccessPolicyTargetConfigurationAccessType.Blocked
USER = CrossTenantAccessPolicyTargetType.User
GROUP = CrossTenantAccessPolicyTargetType.Group
APPLICATION = CrossTenantAccessPolicyTargetType.Application

WOODGROVE = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a"
NOBODY = "99999999-9999-4999-8999-999999999999"
GROUP_ID = "6f546279-4da5-4b53-a095-09ea0cef9971"


def targets(
    access: CrossTenantAccessPolicyTargetConfigurationAccessType, target: str, kind: CrossTenantAccessPolicyTargetType
) -> CrossTenantAccessPolicyTargetConfiguration:
    return CrossTenantAccessPolicyTargetConfiguration(
        access_type=access, targets=[CrossTenantAccessPolicyTarget(target=target, target_type=kind)]
    )


def documented_partner() -> CrossTenantAccessPolicyConfigurationPartner:
    """The example of 'Create crossTenantAccessPolicyConfigurationPartner'."""
    return CrossTenantAccessPolicyConfigurationPartner(
        tenant_id=WOODGROVE,
        b2b_direct_connect_outbound=CrossTenantAccessPolicyB2BSetting(
            users_and_groups=targets(BLOCKED, GROUP_ID, GROUP)
        ),
        b2b_direct_connect_inbound=CrossTenantAccessPolicyB2BSetting(
            applications=targets(ALLOWED, "Office365", APPLICATION)
        ),
    )


def trust_everything() -> CrossTenantAccessPolicyInboundTrust:
    """The trust of 'Update crossTenantAccessPolicyConfigurationPartner'."""
    return CrossTenantAccessPolicyInboundTrust(
        is_mfa_accepted=True, is_compliant_device_accepted=True, is_hybrid_azure_a_d_joined_device_accepted=True
    )


def consent_both_ways() -> InboundOutboundPolicyConfiguration:
    """The second example of that page."""
    return InboundOutboundPolicyConfiguration(inbound_allowed=True, outbound_allowed=True)


def user_sync(display_name: str) -> CrossTenantIdentitySyncPolicyPartner:
    """The example of 'Create identitySynchronization'."""
    return CrossTenantIdentitySyncPolicyPartner(
        display_name=display_name, user_sync_inbound=CrossTenantUserSyncInbound(is_sync_allowed=True)
    )
