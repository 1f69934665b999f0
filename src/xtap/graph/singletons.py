"""The addresses of the policy, the default and the templates: parse, call the service, render."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from xtap.graph import querying
from xtap.graph.exchange import NO_CONTENT, Answer
from xtap.http.bodies import json_object
from xtap.model import policies
from xtap.service import singletons
from xtap.service.singletons import DEFAULT, PARTNER_TEMPLATE, POLICY, SYNC_TEMPLATE, Singleton

if TYPE_CHECKING:
    from xtap.graph.exchange import Exchange
    from xtap.model.schema import Shape

ROOT = "policies/crossTenantAccessPolicy"


class Address(Struct, frozen=True):
    """One singleton at one path: its handlers.

    Attributes:
        singleton: what the service calls it.
        path: the canonical path, as contexts show it.
    """

    singleton: Singleton[Any]
    path: str

    async def get(self, exchange: Exchange) -> Answer:
        """Answer 200 with the object."""
        shape = singletons.shown_as(self.singleton, exchange.service, exchange.call)
        projection = querying.entity_projection(exchange, shape)
        document = await singletons.read(exchange.service, exchange.call, self.singleton)
        return querying.one(exchange, document, shape, self.path, projection)

    async def patch(self, exchange: Exchange) -> Answer:
        """Answer 204, or 200 with the object if the client prefers it."""
        querying.entity_projection(exchange, singletons.shown_as(self.singleton, exchange.service, exchange.call))
        body = json_object(exchange.body, exchange.headers)
        await singletons.update(exchange.service, exchange.call, self.singleton, body)
        return await querying.preferred(exchange, self.get)

    async def reset(self, exchange: Exchange) -> Answer:
        """Answer 204; a body is not looked at (clients send none, ``{}`` or ``null``)."""
        await singletons.reset(exchange.service, exchange.call, self.singleton)
        return NO_CONTENT


async def get_templates(exchange: Exchange) -> Answer:
    """Answer 200 with the container of the templates."""
    shape: Shape = policies.Templates
    projection = querying.entity_projection(exchange, shape)
    document = singletons.read_templates(exchange.call)
    return querying.one(exchange, document, shape, f"{ROOT}/templates", projection)


policy = Address(POLICY, ROOT)
default = Address(DEFAULT, f"{ROOT}/default")
partner_template = Address(PARTNER_TEMPLATE, f"{ROOT}/templates/multiTenantOrganizationPartnerConfiguration")
sync_template = Address(SYNC_TEMPLATE, f"{ROOT}/templates/multiTenantOrganizationIdentitySynchronization")
