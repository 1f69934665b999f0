"""Every address, its methods and their handlers: the same for v1.0 and beta, and those that only beta has.

Addresses that only the metadata knows answer GET; their DELETE and PATCH are 405, because no page says what they
would do (wire.md section 2.3).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from xtap.graph import (
    batch,
    capabilities,
    constraints,
    deleted_items,
    estimates,
    multitenant,
    neighbours,
    organization,
    partners,
    tenant_information,
)
from xtap.graph.directory_audits import directory_audits
from xtap.graph.people import groups, users
from xtap.graph.sign_ins import sign_ins
from xtap.graph.singletons import ROOT, default, get_templates, partner_template, policy, sync_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.graph.exchange import Handler

_PARTNER = f"{ROOT}/partners/{{key}}"
_TEMPLATES = f"{ROOT}/templates"
_TENANTS = multitenant.TENANTS

ROUTES: Mapping[str, Mapping[str, Handler]] = MappingProxyType(
    {
        batch.PATH: {"POST": batch.post},
        ROOT: {"GET": policy.get, "PATCH": policy.patch},
        f"{ROOT}/default": {"GET": default.get, "PATCH": default.patch},
        f"{ROOT}/default/resetToSystemDefault": {"POST": default.reset},
        f"{ROOT}/partners": {"GET": partners.get_list, "POST": partners.post},
        f"{ROOT}/partners/$count": {"GET": partners.get_count},
        _PARTNER: {"GET": partners.get, "PATCH": partners.patch, "DELETE": partners.delete},
        f"{_PARTNER}/identitySynchronization": {
            "GET": partners.get_sync,
            "PUT": partners.put_sync,
            "PATCH": partners.patch_sync,
            "DELETE": partners.delete_sync,
        },
        f"{_PARTNER}/serviceProviderConstraints": {
            "GET": constraints.get,
            "PATCH": constraints.patch,
            "DELETE": constraints.delete,
        },
        f"{ROOT}/default/m365Capabilities": {
            "GET": capabilities.on_default.get_list,
            "POST": capabilities.on_default.post,
        },
        f"{ROOT}/default/m365Capabilities/$count": {"GET": capabilities.on_default.get_count},
        f"{ROOT}/default/m365Capabilities/{{key}}": {
            "GET": capabilities.on_default.get,
            "PATCH": capabilities.on_default.patch,
        },
        f"{_PARTNER}/m365Capabilities": {
            "GET": capabilities.on_partners.get_list,
            "POST": capabilities.on_partners.post,
        },
        f"{_PARTNER}/m365Capabilities/$count": {"GET": capabilities.on_partners.get_count},
        f"{_PARTNER}/m365Capabilities/{{key}}": {
            "GET": capabilities.on_partners.get,
            "PATCH": capabilities.on_partners.patch,
            "DELETE": capabilities.on_partners.delete,
        },
        "directory/deletedItems/{key}": {"DELETE": deleted_items.partners.delete},
        "users": {"GET": users.get_list},
        "users/$count": {"GET": users.get_count},
        "users/{key}": {"GET": users.get},
        "groups": {"GET": groups.get_list},
        "groups/$count": {"GET": groups.get_count},
        "groups/{key}": {"GET": groups.get},
        "organization": {"GET": organization.get_list},
        "organization/{key}": {"GET": organization.get},
        multitenant.PATH: {"GET": multitenant.get, "PUT": multitenant.put, "PATCH": multitenant.patch},
        f"{multitenant.PATH}/joinRequest": {
            "GET": multitenant.get_join_request,
            "PATCH": multitenant.patch_join_request,
        },
        _TENANTS: {"GET": multitenant.get_tenants, "POST": multitenant.post_tenant},
        f"{_TENANTS}/$count": {"GET": multitenant.get_count},
        f"{_TENANTS}/{{key}}": {
            "GET": multitenant.get_tenant,
            "PATCH": multitenant.patch_tenant,
            "DELETE": multitenant.delete_tenant,
        },
        "tenantRelationships/findTenantInformationByTenantId(tenantId={key})": {"GET": tenant_information.by_tenant_id},
        "tenantRelationships/findTenantInformationByDomainName(domainName={key})": {
            "GET": tenant_information.by_domain_name
        },
        "policies/authorizationPolicy": {
            "GET": neighbours.authorization_policy.get,
            "PATCH": neighbours.authorization_policy.patch,
        },
        "auditLogs/directoryAudits": {"GET": directory_audits.get_list},
        "auditLogs/directoryAudits/{key}": {"GET": directory_audits.get},
        "auditLogs/signIns": {"GET": sign_ins.get_list},
        "auditLogs/signIns/{key}": {"GET": sign_ins.get},
        _TEMPLATES: {"GET": get_templates},
        f"{_TEMPLATES}/multiTenantOrganizationPartnerConfiguration": {
            "GET": partner_template.get,
            "PATCH": partner_template.patch,
        },
        f"{_TEMPLATES}/multiTenantOrganizationPartnerConfiguration/resetToDefaultSettings": {
            "POST": partner_template.reset
        },
        f"{_TEMPLATES}/multiTenantOrganizationIdentitySynchronization": {
            "GET": sync_template.get,
            "PATCH": sync_template.patch,
        },
        f"{_TEMPLATES}/multiTenantOrganizationIdentitySynchronization/resetToDefaultSettings": {
            "POST": sync_template.reset
        },
    }
)

_DELETED_PARTNERS = deleted_items.partners.path
_DELETED_PARTNER = f"{_DELETED_PARTNERS}/{{key}}"
_DELETED_SYNCS = deleted_items.sync_policies.path
_DELETED_SYNC = f"{_DELETED_SYNCS}/{{key}}"

BETA_ROUTES: Mapping[str, Mapping[str, Handler]] = MappingProxyType(
    {
        f"{_PARTNER}/restore": {"POST": deleted_items.partners.restore},
        f"{_PARTNER}/identitySynchronization/restore": {"POST": deleted_items.sync_policies.restore},
        f"{_PARTNER}/serviceProviderConstraints/restore": {"POST": deleted_items.constraints.restore},
        deleted_items.ROOT: {"GET": deleted_items.get_root},
        _DELETED_PARTNERS: {"GET": deleted_items.partners.get_list},
        f"{_DELETED_PARTNERS}/$count": {"GET": deleted_items.partners.get_count},
        _DELETED_PARTNER: {"GET": deleted_items.partners.get, "DELETE": deleted_items.partners.delete},
        f"{_DELETED_PARTNER}/restore": {"POST": deleted_items.partners.restore},
        f"{_DELETED_PARTNER}/identitySynchronization": {
            "GET": deleted_items.sync_policies.get,
            "DELETE": deleted_items.sync_policies.delete,
        },
        f"{_DELETED_PARTNER}/identitySynchronization/restore": {"POST": deleted_items.sync_policies.restore},
        f"{_DELETED_PARTNER}/m365Capabilities": {
            "GET": capabilities.on_deleted.get_list,
            "POST": capabilities.on_deleted.post,
        },
        f"{_DELETED_PARTNER}/m365Capabilities/$count": {"GET": capabilities.on_deleted.get_count},
        f"{_DELETED_PARTNER}/m365Capabilities/{{key}}": {
            "GET": capabilities.on_deleted.get,
            "PATCH": capabilities.on_deleted.patch,
            "DELETE": capabilities.on_deleted.delete,
        },
        f"{_DELETED_PARTNER}/serviceProviderConstraints": {
            "GET": deleted_items.constraints.get,
            "PATCH": constraints.patch_deleted,
            "DELETE": deleted_items.constraints.delete,
        },
        f"{_DELETED_PARTNER}/serviceProviderConstraints/restore": {"POST": deleted_items.constraints.restore},
        _DELETED_SYNCS: {"GET": deleted_items.sync_policies.get_list},
        f"{_DELETED_SYNCS}/$count": {"GET": deleted_items.sync_policies.get_count},
        _DELETED_SYNC: {"GET": deleted_items.sync_policies.get, "DELETE": deleted_items.sync_policies.delete},
        f"{_DELETED_SYNC}/restore": {"POST": deleted_items.sync_policies.restore},
        "policies/authorizationPolicy/authorizationPolicy": {  # its id: how beta was documented before
            "GET": neighbours.authorization_policy.get,
            "PATCH": neighbours.authorization_policy.patch,
        },
        "networkAccess/settings/crossTenantAccess": {
            "GET": neighbours.network_access.get,
            "PATCH": neighbours.network_access.patch,
        },
        "roleManagement/directory/estimateAccess": {"POST": estimates.post},
    }
)
"""What only beta has."""
