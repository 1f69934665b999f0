"""What was acknowledged is there, and nothing is half there: the check after any crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.model.objects import Kind

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.store.protocol import Store


async def damages_of(store: Store, tenant: TenantId, acknowledged: set[str]) -> list[str]:
    """List what is wrong with a tenant that ``crash_writer.py`` changed, with these numbers acknowledged."""
    snapshot = await store.snapshot(tenant)
    records = await store.audit(tenant, limit=1_000_000)
    left, right = dict(snapshot.scan(Kind.PARTNER)), dict(snapshot.scan(Kind.IDENTITY_SYNC))
    numbers = {key for key in left if not key.startswith("counter-")}
    told = [entry.id for _, entry in records]
    latest = {f"counter-{client}": max(_counts(numbers, client)) for client in {key.split("-")[0] for key in numbers}}
    checks = {
        f"acknowledged and lost: {sorted(acknowledged - numbers)[:5]}": acknowledged <= numbers,
        "the two halves of some change differ": left == right,
        "records do not match objects one to one": sorted(told) == sorted(numbers),
        "records are not numbered without gaps": [number for number, _ in records] == list(range(1, len(told) + 1)),
        "the version is not the number of changes": snapshot.version == len(told),
        "a counter is not the last number of its client": all(
            left[counter].decode().split("-")[1] == str(count) for counter, count in latest.items()
        ),
    }
    return [text for text, fine in checks.items() if not fine]


def _counts(numbers: set[str], client: str) -> list[int]:
    return [int(key.split("-")[1]) for key in numbers if key.split("-")[0] == client]
