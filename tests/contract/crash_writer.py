"""A process that writes as fast as it can and says what was acknowledged, until somebody kills it.

Each change gets a number and writes two objects under it, overwrites the two counters of its client, and leaves one
audit record. The number is printed once the change was acknowledged; a refused change is left out. The parents are
``test_crash.py`` and ``test_postgres_crash.py``.

Two ways of cheating show that the parent would notice: ``early`` prints before the change is durable, ``halves`` makes
two changes of one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from xtap.store.protocol import Store

CLIENTS = 16


def writing(number: str, client: int) -> Change:
    document = b'{"number":"%s","padding":"%s"}' % (number.encode(), b"x" * 300)
    return Change(
        (
            Write(Kind.PARTNER, number, document),
            Write(Kind.PARTNER, f"counter-{client}", number.encode()),
            Write(Kind.IDENTITY_SYNC, number, document),
            Write(Kind.IDENTITY_SYNC, f"counter-{client}", number.encode()),
        ),
        (AuditEntry(number, document),),
    )


def halves(whole: Change) -> tuple[Change, Change]:
    return Change(whole.writes[:2]), Change(whole.writes[2:], whole.audit)


def opened(place: str) -> Store:
    """Open the store of a file or of a URL; the client of PostgreSQL is loaded only for its own."""
    if "://" not in place:
        return SqliteStore.open(place)
    from tests.contract.cluster import open_node  # noqa: PLC0415 - see above

    return open_node(place)


async def write_for_ever(store: Store, tenant: TenantId, client: int, mode: str) -> None:
    count = 0
    while True:
        count += 1
        number = f"{client}-{count}"
        whole = writing(number, client)
        if mode == "early":
            os.write(1, f"{number}\n".encode())
        try:
            for part in halves(whole) if mode == "halves" else (whole,):
                await store.change(tenant, lambda _, part=part: part)  # type: ignore[misc]
        except Unavailable:
            await asyncio.sleep(0.01)
            continue
        if mode != "early":
            os.write(1, f"{number}\n".encode())


async def main(place: str, tenant: TenantId, mode: str) -> None:
    store = opened(place)
    await asyncio.gather(*(write_for_ever(store, tenant, client, mode) for client in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], TenantId(sys.argv[2]), sys.argv[3]))
