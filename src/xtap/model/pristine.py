"""What does a tenant have before anybody configured anything? The service default, as dated data.

Ids of singletons are derived from the tenant's id, so an untouched tenant needs no stored object.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from msgspec import Raw, Struct, convert, json

from xtap.model.organizations import JoinRequest
from xtap.model.policies import (
    BetaDelegatedAdminConstraints,
    BetaIdentitySync,
    BetaPartner,
    BetaPolicy,
    DeletedItems,
    PartnerTemplate,
    SyncTemplate,
    Templates,
)
from xtap.model.settings import TenantRestrictions
from xtap.model.undocumented import ObservedDefault

if TYPE_CHECKING:
    from xtap.model.ids import TenantId


class _ServiceDefault(Struct, rename="camel"):
    as_of: str
    default: Raw
    created_tenant_restrictions: TenantRestrictions


_DATA = json.decode(Path(__file__).with_name("service_default.json").read_bytes(), type=_ServiceDefault)

SERVICE_DEFAULT_AS_OF = _DATA.as_of
"""The month in which the service default was recorded."""

CREATED_TENANT_RESTRICTIONS = _DATA.created_tenant_restrictions
"""What tenant restrictions start from when a policy is first created: everything blocked (observed 2026)."""


def policy(tenant: TenantId) -> BetaPolicy:
    """Return the root of an untouched tenant; its name is as captured from the service in 2026."""
    return BetaPolicy(id=policy_id(tenant), display_name=f"CrossTenantAccessPolicy for {tenant}")


def default(tenant: TenantId) -> ObservedDefault:
    """Return the default policy of an untouched tenant: the service default, with the id of the root."""
    values = json.decode(_DATA.default)
    return convert({"id": policy_id(tenant), "isServiceDefault": True} | values, ObservedDefault)


def partner(tenant_id: TenantId) -> BetaPartner:
    """Return the partner entry that configures nothing: everything inherits."""
    return BetaPartner(tenant_id=tenant_id)


def identity_sync(tenant_id: TenantId) -> BetaIdentitySync:
    """Return the synchronization policy that allows nothing."""
    return BetaIdentitySync(tenant_id=tenant_id)


def constraints(tenant: TenantId, tenant_id: TenantId, now: str) -> BetaDelegatedAdminConstraints:
    """Return the constraints of a service provider that allow no role; a partner has one set, with one id for ever."""
    own_id = derived_id(tenant, f"serviceProviderConstraints/{tenant_id}")
    return BetaDelegatedAdminConstraints(id=own_id, created_date_time=now, last_modified_date_time=now)


def partner_template(tenant: TenantId) -> PartnerTemplate:
    """Return the partner configuration template as a reset leaves it."""
    return PartnerTemplate(id=derived_id(tenant, "partnerTemplate"))


def sync_template(tenant: TenantId) -> SyncTemplate:
    """Return the identity synchronization template as a reset leaves it."""
    return SyncTemplate(id=derived_id(tenant, "identitySynchronizationTemplate"))


def templates(tenant: TenantId) -> Templates:
    """Return the container of the templates."""
    return Templates(id=derived_id(tenant, "templates"))


def join_request(tenant: TenantId) -> JoinRequest:
    """Return the join request of a tenant that accepted no invitation."""
    return JoinRequest(id=derived_id(tenant, "joinRequest"))


def deleted_items(tenant: TenantId) -> DeletedItems:
    """Return the container of deleted items."""
    return DeletedItems(id=derived_id(tenant, "deletedItems"))


def policy_id(tenant: TenantId) -> str:
    """Return the id of a tenant's cross-tenant access policy, which its default policy and its audit records show."""
    return derived_id(tenant, "policy")


def derived_id(tenant: TenantId, name: str) -> str:
    """Return the GUID of a singleton of a tenant, the same for ever (RFC 9562, version 5)."""
    return str(uuid5(UUID(tenant), name))
