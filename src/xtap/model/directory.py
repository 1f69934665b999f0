"""Who lives on this server: tenants, the applications that may ask the embedded issuer for tokens, users and groups.

Users, groups and service principals are a small read-only directory: what decisions need to know about people.
"""

from __future__ import annotations

import msgspec

from xtap.model.enums import CloudEndpoint
from xtap.model.ids import TenantId


class Tenant(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One organization.

    Attributes:
        id: its tenant id.
        display_name: its name.
        domains: verified domains, lower case; the first is the default one.
        cloud: the Microsoft cloud it lives in.
        created: when it was registered here, UTC, RFC 3339; empty if that was not kept. Nothing is known of before.
    """

    id: TenantId
    display_name: str
    domains: tuple[str, ...] = ()
    cloud: CloudEndpoint = CloudEndpoint.COMMERCIAL
    created: str = ""


class Application(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One registered application of one tenant, for the embedded issuer only.

    ``secret`` is the salted scrypt hash of the client secret, ``permissions`` are the application
    permissions (``roles`` of the token) that it was granted.
    """

    client_id: str
    display_name: str
    object_id: str
    secret: str
    permissions: tuple[str, ...] = ()


class User(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A person of a tenant, with the properties that Graph returns by default and those that decisions need.

    Attributes:
        id: object id, lower case.
        user_principal_name: name to sign in with.
        display_name: name.
        mail: primary address.
        user_type: ``Member`` or ``Guest``.
        account_enabled: whether the account can sign in.
    """

    id: str
    user_principal_name: str
    display_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    job_title: str | None = None
    mail: str | None = None
    user_type: str = "Member"
    account_enabled: bool = True

    @property
    def is_external(self) -> bool:
        """Whether the person lives in another tenant: a guest, or a member that was synchronized from there.

        Source: https://learn.microsoft.com/entra/external-id/user-properties (user type; ``#EXT#`` in the name).
        """
        return self.user_type.lower() == "guest" or "#ext#" in self.user_principal_name.lower()


class Group(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A group of a tenant, as Graph lists it."""

    id: str
    display_name: str
    description: str | None = None
    mail: str | None = None
    mail_enabled: bool = False
    security_enabled: bool = True


class StoredGroup(Group, frozen=True, rename="camel", gc=False):
    """A group with the object ids of its direct members: users, and groups of the same tenant."""

    members: tuple[str, ...] = ()


class VerifiedDomain(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A domain of an organization."""

    name: str
    is_default: bool
    is_initial: bool
    type: str = "Managed"


class Organization(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A tenant as Graph shows it to its own people."""

    id: TenantId
    display_name: str
    verified_domains: tuple[VerifiedDomain, ...]
    tenant_type: str = "AAD"


def organization_of(tenant: Tenant) -> Organization:
    """Return a tenant as Graph shows it."""
    domains = (
        VerifiedDomain(name=name, is_default=place == 0, is_initial=place == 0)
        for place, name in enumerate(tenant.domains)
    )
    return Organization(tenant.id, tenant.display_name, tuple(domains))


class TenantInformation(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """tenantInformation: what anybody who may ask learns of a tenant."""

    tenant_id: TenantId
    federation_brand_name: str | None
    display_name: str | None
    default_domain_name: str | None


def tenant_information_of(tenant: Tenant) -> TenantInformation:
    """Return what other tenants may learn of a tenant."""
    return TenantInformation(tenant.id, None, tenant.display_name, tenant.domains[0] if tenant.domains else None)


class ServicePrincipal(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An application as one tenant uses it; searches look for resources here.

    Attributes:
        id: object id, lower case.
        app_id: application id, lower case: what policies and decisions name.
        display_name: name.
    """

    id: str
    app_id: str
    display_name: str
