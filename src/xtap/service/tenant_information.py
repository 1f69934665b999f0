"""Which tenant has this id or domain? What anybody who may ask learns of a tenant of the register."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xtap.errors import InvalidInput, UnknownTenant
from xtap.model.directory import tenant_information_of
from xtap.model.ids import parse_tenant_id
from xtap.service import tenants
from xtap.service.permissions import Operation, require

if TYPE_CHECKING:
    from xtap.model.directory import TenantInformation
    from xtap.service.context import Call, Service

_DOMAIN: Final = re.compile(r"(?=.{4,253}\Z)[\w-]{1,63}(?:\.[\w-]{1,63})+")


async def by_tenant_id(service: Service, call: Call, text: str) -> TenantInformation:
    """Find a tenant by its id.

    Raises:
        Forbidden: the caller may not ask.
        InvalidInput: the text is no GUID.
        UnknownTenant: no such tenant is registered.
    """
    require(call.caller, Operation.FIND_TENANT)
    return await _found(service, parse_tenant_id(text))


async def by_domain_name(service: Service, call: Call, text: str) -> TenantInformation:
    """Find a tenant by one of its verified domains.

    Raises:
        Forbidden: the caller may not ask.
        InvalidInput: the text is no domain name.
        UnknownTenant: no tenant has this domain.
    """
    require(call.caller, Operation.FIND_TENANT)
    if not _DOMAIN.fullmatch(text):
        raise InvalidInput.at("$.domainName", f"Invalid domain name '{text[:64]}'. Expected one like contoso.com.")
    return await _found(service, text)


async def _found(service: Service, name: str) -> TenantInformation:
    tenant = await tenants.find_now(service.store, name)
    if tenant is None:
        raise UnknownTenant("Unable to read the company information from the directory.")
    return tenant_information_of(tenant)
