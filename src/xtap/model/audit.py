"""What is known of a past change?

A record keeps facts: who, when, what, and the whole object before and after, so that any past state can be had again.
What clients read is made from it when they read (``xtap.model.directory_audit``). Activity
names: audit activity reference, and for adding and deleting roles of service providers the page on support cases of
Microsoft 365. The names for the root policy, for network access, and for other changes of such roles are ours.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Raw, Struct

from xtap.model.objects import Kind


class Activity(Enum):
    """What can be done to an object: (category, activityDisplayName, operationType)."""

    UPDATE_POLICY = ("CrossTenantAccessSettings", "Update the company cross-tenant access setting", "Update")
    UPDATE_DEFAULT = ("CrossTenantAccessSettings", "Update the company default cross-tenant access setting", "Update")
    RESET_DEFAULT = ("CrossTenantAccessSettings", "Reset the cross-tenant access default setting", "Update")
    ADD_PARTNER = ("CrossTenantAccessSettings", "Add a partner to cross-tenant access setting", "Add")
    UPDATE_PARTNER = ("CrossTenantAccessSettings", "Update a partner cross-tenant access setting", "Update")
    DELETE_PARTNER = ("CrossTenantAccessSettings", "Delete partner specific cross-tenant access setting", "Delete")
    RESTORE_PARTNER = ("CrossTenantAccessSettings", "Restore partner specific cross-tenant access setting", "Restore")
    PURGE_PARTNER = ("CrossTenantAccessSettings", "Hard Delete partner specific cross-tenant access setting", "Delete")
    CREATE_SYNC = ("CrossTenantIdentitySyncSettings", "Create a partner cross-tenant identity sync setting", "Add")
    UPDATE_SYNC = ("CrossTenantIdentitySyncSettings", "Update a partner cross-tenant identity sync setting", "Update")
    DELETE_SYNC = ("CrossTenantIdentitySyncSettings", "Delete a partner cross-tenant identity sync setting", "Delete")
    RESTORE_SYNC = (
        "CrossTenantIdentitySyncSettings",
        "Restore a partner cross-tenant identity sync setting",
        "Restore",
    )
    PURGE_SYNC = (
        "CrossTenantIdentitySyncSettings",
        "Hard Delete a partner cross-tenant identity sync setting",
        "Delete",
    )
    ADD_CONSTRAINTS = ("DelegatedAdminServiceProviderConstraints", "Add allowed assignable roles", "Add")
    UPDATE_CONSTRAINTS = ("DelegatedAdminServiceProviderConstraints", "Update allowed assignable roles", "Update")
    DELETE_CONSTRAINTS = ("DelegatedAdminServiceProviderConstraints", "Delete allowed assignable roles", "Delete")
    RESTORE_CONSTRAINTS = ("DelegatedAdminServiceProviderConstraints", "Restore allowed assignable roles", "Restore")
    PURGE_CONSTRAINTS = ("DelegatedAdminServiceProviderConstraints", "Hard Delete allowed assignable roles", "Delete")
    ADD_CAPABILITY = ("CrossTenantAccessSettings", "Add a Microsoft 365 capability", "Add")
    UPDATE_CAPABILITY = ("CrossTenantAccessSettings", "Update a Microsoft 365 capability", "Update")
    DELETE_CAPABILITY = ("CrossTenantAccessSettings", "Delete a Microsoft 365 capability", "Delete")
    EMULATE = ("CrossTenantAccessSettings", "Set by the emulator", "Update")
    UPDATE_PARTNER_TEMPLATE = (
        "MultiTenantOrgPartnerConfigurationTemplate",
        "Update a multi tenant org partner configuration template",
        "Update",
    )
    RESET_PARTNER_TEMPLATE = (
        "MultiTenantOrgPartnerConfigurationTemplate",
        "Reset a multi tenant org partner configuration template",
        "Update",
    )
    UPDATE_SYNC_TEMPLATE = (
        "MultiTenantOrgIdentitySyncPolicyUpdate",
        "Update a multi tenant org identity sync policy template",
        "Update",
    )
    RESET_SYNC_TEMPLATE = (
        "MultiTenantOrgIdentitySyncPolicyUpdate",
        "Reset a multi tenant org identity sync policy template",
        "Update",
    )
    UPDATE_AUTHORIZATION_POLICY = ("AuthorizationPolicy", "Update authorization policy", "Update")
    UPDATE_NETWORK_ACCESS = ("NetworkAccess", "Update cross-tenant access settings of network access", "Update")
    CREATE_ORGANIZATION = ("MultiTenantOrg", "Create a MultiTenantOrg", "Add")
    UPDATE_ORGANIZATION = ("MultiTenantOrg", "Update a MultiTenantOrg", "Update")
    DELETE_ORGANIZATION = ("MultiTenantOrg", "Hard Delete MultiTenantOrg", "Delete")
    ADD_MEMBER = ("MultiTenantOrgTenant", "Add MultiTenantOrg tenant", "Add")
    UPDATE_MEMBER = ("MultiTenantOrgTenant", "Update MultiTenantOrg tenant", "Update")
    DELETE_MEMBER = ("MultiTenantOrgTenant", "Delete MultiTenantOrg tenant", "Delete")
    MEMBER_JOINS = ("MultiTenantOrgTenant", "Tenant joining MultiTenantOrg tenant", "Update")


class Author(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Who made a change, and in which request; see :class:`AuditRecord` for the members."""

    request_id: str
    client_id: str
    object_id: str
    name: str | None = None
    is_application: bool = False


NOTHING = Raw(b"null")
"""The document of an object that is not there."""


class Event(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What was done to an object, whoever did it; see :class:`AuditRecord` for the members."""

    activity: str
    kind: Kind
    key: str
    before: Raw = NOTHING
    after: Raw = NOTHING


class AuditRecord(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One change of one object.

    Attributes:
        id: of the record, a GUID.
        time: when, UTC, RFC 3339 with microseconds.
        activity: what was done, the name of an ``Activity``.
        kind: of the object.
        key: the partner's tenant id, or empty for a singleton.
        request_id: of the request that did it.
        client_id: the application that asked.
        object_id: of the user, or of the application's service principal.
        name: of the user or application.
        is_application: whether an application acted without a user.
        before: the stored document before, ``null`` if it is new.
        after: the stored document after, ``null`` if it is gone.
    """

    id: str
    time: str
    activity: str
    kind: Kind
    key: str
    request_id: str
    client_id: str
    object_id: str
    name: str | None = None
    is_application: bool = False
    before: Raw = NOTHING
    after: Raw = NOTHING
