"""Does this node know what the client knows already? Policy versions that a client demands at least.

A node that is behind looks into the database, which has whatever another node acknowledged, and refuses when the
version does not come (docs/adr/0017-at-least-this-version.md).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtap.errors import Forbidden, InvalidInput, Unavailable
from xtap.model.ids import TenantId
from xtap.service import tenants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xtap.service.disclosure import View
    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot

WAIT: Final = 2.0
"""Seconds for which a request waits for a version."""

LOOK_AGAIN: Final = 0.1
"""Seconds between two looks into the database."""


class Lacking(Struct, frozen=True):
    """A version that a node does not know: the tenant's number that was demanded."""

    tenant: TenantId
    demanded: int


def require_visible(view: View, tenants: Iterable[TenantId], named_in: str) -> None:
    """Refuse versions of policies that a caller may not see: asking would tell which they have.

    Raises:
        Forbidden: one of the tenants is hidden from the caller.
    """
    for tenant in tenants:
        if not view.shows(tenant):
            raise Forbidden(f"'{named_in}' names tenant {tenant}, whose policy this caller may not see.")


def patience() -> float:
    """Return until when a request that begins now may wait (``time.monotonic``)."""
    return monotonic() + WAIT


async def lacking(store: Store, demanded: Mapping[TenantId, int], until: float) -> Lacking | None:
    """Wait until the store knows these versions at least; return one that did not come in time.

    Args:
        store: of this node.
        demanded: policy versions (``Snapshot.sequence``) by tenant.
        until: as ``patience`` said when the request began.

    Raises:
        InvalidInput: a tenant is not registered. Its version would be kept in memory, whatever id somebody makes up.
        Unavailable: the database cannot be asked.
    """
    for tenant, version in demanded.items():
        known = store.at_hand(tenant) or await _known(store, tenant, until)
        if known is not None and known.sequence >= version:
            continue
        if not await _comes(store, tenant, version, until):
            return Lacking(tenant, version)
    return None


async def _known(store: Store, tenant: TenantId, until: float) -> Snapshot | None:
    """Return a registered tenant as this node knows it, None if that takes too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(until - monotonic(), LOOK_AGAIN)):  # memory answers also when it is too late
            if not await tenants.is_registered(store, tenant):
                raise InvalidInput.at("$", f"A version of tenant {tenant} is demanded, which is not registered here.")
            return await store.snapshot(tenant)
    return None


async def _comes(store: Store, tenant: TenantId, version: int, until: float) -> bool:
    """Look into the database until it has a version, or it is too late."""
    while (left := until - monotonic()) > 0:
        with suppress(TimeoutError):
            if (await asyncio.wait_for(store.refresh(tenant), left)).sequence >= version:
                return True
        await asyncio.sleep(LOOK_AGAIN)
    return False


async def require(store: Store, demanded: Mapping[TenantId, int], until: float) -> None:
    """Wait until the store knows these versions at least.

    Raises:
        InvalidInput: a tenant is not registered.
        Unavailable: one did not come in time, or the database cannot be asked.
    """
    found = await lacking(store, demanded, until)
    if found is not None:
        raise Unavailable(
            f"This node does not know version {found.demanded} of the policy of tenant {found.tenant}, and it did not "
            f"come within {WAIT:g} seconds. Send the request again, or without this demand for what is known."
        )
