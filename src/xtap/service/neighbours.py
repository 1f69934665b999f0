"""Settings beside cross-tenant access: the authorization policy, and the tagging of network packets."""

from __future__ import annotations

from xtap.model import neighbours
from xtap.model.audit import Activity
from xtap.model.objects import Kind
from xtap.service.permissions import Operation
from xtap.service.singletons import Singleton

AUTHORIZATION_POLICY = Singleton(
    kind=Kind.AUTHORIZATION_POLICY,
    shape=neighbours.BetaAuthorizationPolicy,
    pristine=lambda _: neighbours.BetaAuthorizationPolicy(),
    seen_as=lambda version: version.authorization_policy,
    reads=Operation.READ_AUTHORIZATION_POLICY,
    writes=Operation.WRITE_AUTHORIZATION_POLICY,
    updated=Activity.UPDATE_AUTHORIZATION_POLICY,
)
NETWORK_ACCESS = Singleton(
    kind=Kind.NETWORK_ACCESS,
    shape=neighbours.NetworkAccess,
    pristine=lambda _: neighbours.NetworkAccess(),
    seen_as=lambda _: neighbours.NetworkAccess,
    reads=Operation.READ_NETWORK_ACCESS,
    writes=Operation.WRITE_NETWORK_ACCESS,
    updated=Activity.UPDATE_NETWORK_ACCESS,
)
