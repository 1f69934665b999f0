"""Every address, its methods and their handlers: the same for v1.0 and beta.

Addresses that only the metadata knows answer GET; their DELETE and PATCH are 405, because no page says what they
would do (wire.md section 2.3).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from xtap.graph import batch, organization, partners
from xtap.graph.people import groups, users
from xtap.graph.singletons import ROOT, default, get_templates, partner_template, policy, sync_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.graph.exchange import Handler

_PARTNER = f"{ROOT}/partners/{{key}}"
_TEMPLATES = f"{ROOT}/templates"

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
        "users": {"GET": users.get_list},
        "users/$count": {"GET": users.get_count},
        "users/{key}": {"GET": users.get},
        "groups": {"GET": groups.get_list},
        "groups/$count": {"GET": groups.get_count},
        "groups/{key}": {"GET": groups.get},
        "organization": {"GET": organization.get_list},
        "organization/{key}": {"GET": organization.get},
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
