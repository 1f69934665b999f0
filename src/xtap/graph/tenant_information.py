"""The functions that find a tenant by its id or domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

from xtap.graph import querying, render
from xtap.graph.exchange import BARE_JSON, JSON, Answer
from xtap.service import tenant_information

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange
    from xtap.model.directory import TenantInformation


async def by_tenant_id(exchange: Exchange) -> Answer:
    """Answer 200 with what may be known of the tenant, 404 if there is none."""
    querying.options(exchange, querying.ON_FUNCTION)
    return _answer(exchange, await tenant_information.by_tenant_id(exchange.service, exchange.call, exchange.key))


async def by_domain_name(exchange: Exchange) -> Answer:
    """Answer 200 with what may be known of the tenant, 404 if there is none."""
    querying.options(exchange, querying.ON_FUNCTION)
    return _answer(exchange, await tenant_information.by_domain_name(exchange.service, exchange.call, exchange.key))


def _answer(exchange: Exchange, found: TenantInformation) -> Answer:
    context = exchange.context("microsoft.graph.tenantInformation")
    return Answer(200, render.with_context(json.encode(found), context), JSON if context else BARE_JSON)
