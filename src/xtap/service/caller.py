"""Who asks, as every service function sees it: made by ``xtap.identity`` from a verified token, by nobody else."""

from __future__ import annotations

from msgspec import Struct

from xtap.model.ids import TenantId


class Caller(Struct, frozen=True):
    """The authenticated caller of one request.

    Attributes:
        tenant: the tenant whose policy is meant (the token's ``tid``).
        object_id: the user's or service principal's object id in that tenant (``oid``).
        client_id: the application that asks (``appid`` or ``azp``).
        name: user principal name or application name, for the audit record.
        is_application: True for an app-only token; such calls need no directory role.
        permissions: delegated scopes (``scp``) or application permissions (``roles``).
        directory_roles: template ids of the user's directory roles (``wids``), lower case.
    """

    tenant: TenantId
    object_id: str
    client_id: str
    name: str | None
    is_application: bool
    permissions: frozenset[str]
    directory_roles: frozenset[str] = frozenset()
