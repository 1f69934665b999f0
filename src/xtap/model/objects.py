"""Which objects a tenant keeps: each is one JSON document under a kind and a key."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of stored objects; the value is what stands in the database, so it never changes."""

    POLICY = "policy"
    DEFAULT = "default"
    PARTNER = "partner"
    IDENTITY_SYNC = "identitySynchronization"
    CONSTRAINTS = "serviceProviderConstraints"
    DELETED_PARTNER = "deletedPartner"
    DELETED_IDENTITY_SYNC = "deletedIdentitySynchronization"
    DELETED_CONSTRAINTS = "deletedServiceProviderConstraints"
    EXPIRY = "expiry"
    CAPABILITY = "capability"
    PARTNER_TEMPLATE = "partnerTemplate"
    SYNC_TEMPLATE = "identitySynchronizationTemplate"
    AUTHORIZATION_POLICY = "authorizationPolicy"
    NETWORK_ACCESS = "networkCrossTenantAccess"
    TENANT = "tenant"
    APPLICATION = "application"
    USER = "user"
    GROUP = "group"
    SERVICE_PRINCIPAL = "servicePrincipal"
    ORGANIZATION = "multiTenantOrganization"
    MEMBERSHIP = "multiTenantOrganizationMembership"
    MEMBER = "multiTenantOrganizationMember"
    JOIN_REQUEST = "multiTenantOrganizationJoinRequest"
    DUE_JOIN = "multiTenantOrganizationDueJoin"
    EFFECT = "multiTenantOrganizationEffect"
    CARRIED_OUT = "multiTenantOrganizationCarriedOut"
    FELLOW = "multiTenantOrganizationFellow"
    SECRET = "secret"  # noqa: S105 - a kind of object, not a password


SINGLETON = ""
"""The key of kinds of which a tenant has exactly one."""
