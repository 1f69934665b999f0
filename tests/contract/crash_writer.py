"""A process that writes as fast as it can and says what was acknowledged, until somebody kills it.

Each change gets a number and writes two objects under it, overwrites the two counters of its client, and leaves one
audit record. The number is printed once the change was acknowledged. The parent is ``test_crash.py``.

Two ways of cheating show that the parent would notice: ``early`` prints before the change is durable, ``halves`` makes
two changes of one.
"""

from __future__ import annotations

import asyncio
import os
import sys

from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore

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


async def write_for_ever(store: SqliteStore, tenant: TenantId, client: int, mode: str) -> None:
    count = 0
    while True:
        count += 1
        number = f"{client}-{count}"
        whole = writing(number, client)
        if mode == "early":
            os.write(1, f"{number}\n".encode())
        if mode == "halves":
            await store.change(tenant, lambda _, half=whole: Change(half.writes[:2]))  # type: ignore[misc]
            await store.change(tenant, lambda _, half=whole: Change(half.writes[2:], half.audit))  # type: ignore[misc]
        else:
            await store.change(tenant, lambda _, whole=whole: whole)  # type: ignore[misc]
        if mode != "early":
            os.write(1, f"{number}\n".encode())


async def main(path: str, tenant: TenantId, mode: str) -> None:
    store = SqliteStore.open(path)
    await asyncio.gather(*(write_for_ever(store, tenant, client, mode) for client in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], TenantId(sys.argv[2]), sys.argv[3]))
