"""The state of one tenant at one version, immutable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.sorted_map import EMPTY, SortedMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.store.protocol import Change


Head = tuple[int, int, bytes]
"""Which state of a tenant: its version, the number of its last audit record, the mark of the commit that made it.

Two states are the same only if all three are. A database that lost its last commits, as after a failover or a restore,
gives their versions to others; it never gives their marks.
"""

NO_HEAD: Final[Head] = (0, 0, b"")
"""The state of a tenant that was never changed."""


def new_mark() -> bytes:
    """Draw the mark of one commit: 16 random bytes."""
    return os.urandom(16)


class Snapshot(Struct, frozen=True):
    """Every object of one tenant after its ``version``-th change.

    Keys are compared as they are; whoever makes keys lowers identifiers first (``xtap.model.ids``).

    Attributes:
        tenant: whose objects they are.
        version: how many changes the tenant has seen.
        sequence: the number of its last audit record, 0 without any: what was audited has not changed since.
        objects: the objects by kind and key.
        mark: of the commit that made this state durable; empty before the first one, and where nothing is durable.
    """

    tenant: TenantId
    version: int = 0
    sequence: int = 0
    objects: Mapping[Kind, SortedMap] = field(default_factory=dict)
    mark: bytes = b""

    @property
    def head(self) -> Head:
        """Which state this is."""
        return self.version, self.sequence, self.mark

    def get(self, kind: Kind, key: str) -> bytes | None:
        """Return the JSON document of one object, or None."""
        return self.objects.get(kind, EMPTY).get(key)

    def count(self, kind: Kind) -> int:
        """Return how many objects of a kind there are."""
        return len(self.objects.get(kind, EMPTY))

    def scan(self, kind: Kind, after: str | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield (key, document) in key order, those behind ``after`` only."""
        return self.objects.get(kind, EMPTY).scan(after)

    def apply(self, change: Change, mark: bytes = b"") -> Snapshot:
        """Return the state after a change, one version later, which the commit with this mark makes durable."""
        objects = dict(self.objects)
        for write in change.writes:
            before = objects.get(write.kind, EMPTY)
            objects[write.kind] = (
                before.without(write.key) if write.document is None else before.with_(write.key, write.document)
            )
        return Snapshot(self.tenant, self.version + 1, self.sequence + len(change.audit), objects, mark)
