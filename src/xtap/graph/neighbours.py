"""The addresses of settings beside cross-tenant access."""

from __future__ import annotations

from xtap.graph.singletons import Address
from xtap.service.neighbours import AUTHORIZATION_POLICY, NETWORK_ACCESS

authorization_policy = Address(AUTHORIZATION_POLICY, "policies/authorizationPolicy")
network_access = Address(NETWORK_ACCESS, "networkAccess/settings/crossTenantAccess")
