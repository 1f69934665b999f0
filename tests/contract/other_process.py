"""A process that opens a SQLite store given by its path and adds one to a number, as often as asked."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from xtap.store.snapshot import Snapshot


def add_one(snapshot: Snapshot) -> Change:
    number = int(snapshot.get(Kind.PARTNER, "n") or b"0") + 1
    return Change((Write(Kind.PARTNER, "n", b"%d" % number),), (AuditEntry(f"n-{number}", b"%d" % number),))


async def main(path: str, tenant: str, times: int, *, exclusive: bool) -> None:
    try:
        store = SqliteStore.open(path, exclusive=exclusive)
    except ConfigurationError as refusal:
        sys.exit(refusal.message)
    for _ in range(times):
        await store.change(TenantId(tenant), add_one)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), exclusive=sys.argv[4] == "server"))
