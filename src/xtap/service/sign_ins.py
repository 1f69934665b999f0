"""Who signed in? The log of sign-ins of a tenant: brought in from exports, read latest first."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec import json

from xtap.service.partners import no_such_object
from xtap.service.permissions import Operation, require
from xtap.store.protocol import SignInEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.model.sign_in_files import SignIn
    from xtap.service.context import Call, Service
    from xtap.store.protocol import Store

AT_ONCE: Final = 200
"""Sign-ins that are read without letting other requests in between."""

WRITTEN_AT_ONCE: Final = 2_000
"""Sign-ins of one transaction: a server that runs beside waits for no more than these."""


async def bring(store: Store, tenant: TenantId, sign_ins: Iterable[SignIn]) -> None:
    """Put sign-ins into the log of a tenant; one that is there already is replaced, so a broken-off run is repeated."""
    waiting = iter(sign_ins)
    while part := [
        SignInEntry(each.time, each.id, json.encode(each.document)) for each in islice(waiting, WRITTEN_AT_ONCE)
    ]:
        await store.add_sign_ins(tenant, part)


async def entries(
    service: Service, call: Call, *, after: tuple[str, str] | None, descending: bool
) -> AsyncIterator[tuple[tuple[str, str], Document]]:
    """Yield sign-ins of the caller's tenant, with the time and id by which they are ordered.

    Args:
        service: where they are.
        call: who asks.
        after: time and id of the one that was read last, None to begin.
        descending: latest first.

    Raises:
        Forbidden: the caller may not read them.
    """
    require(call.caller, Operation.READ_SIGN_INS)
    store, tenant = service.store, call.caller.tenant
    while part := await store.sign_ins(tenant, after=after, descending=descending, limit=AT_ONCE):
        for entry in part:
            after = (entry.time, entry.id)
            yield after, json.decode(entry.document)


async def entry(service: Service, call: Call, key: str) -> Document:
    """Return one sign-in.

    Raises:
        Forbidden: the caller may not read them.
        NotFound: there is none with this id.
    """
    require(call.caller, Operation.READ_SIGN_INS)
    stored = await service.store.sign_in(call.caller.tenant, key)
    if stored is None:
        raise no_such_object(key)
    found: Document = json.decode(stored)
    return found
