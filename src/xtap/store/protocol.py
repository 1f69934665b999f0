"""What a store promises; every backend passes the same contract (``xtap.testing.store_contract``).

* A tenant's objects are read from an immutable :class:`Snapshot`; a snapshot never changes under its reader.
* A change is a pure function from a snapshot to a :class:`Change`. Changes of one tenant run one after the other, each
  on the state that the one before left, so no update is ever lost. The function may run more than once.
* A change and its audit records become durable together or not at all, and before ``change`` returns.
* Readers see a change only after it is durable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from xtap.model.objects import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from xtap.model.ids import TenantId
    from xtap.store.rows import Row
    from xtap.store.snapshot import Snapshot

Result = TypeVar("Result")

Tell: TypeAlias = "Callable[[str, float, bool], None]"
"""Takes what a store did ("look": compare memory with the storage; "snapshot": load a tenant), the seconds that it
took, and whether it failed."""


class Write(Struct, frozen=True):
    """One object after the change: its JSON document, or None when it is deleted."""

    kind: Kind
    key: str
    document: bytes | None


class AuditEntry(Struct, frozen=True):
    """One audit record: ``id`` is unique in the tenant, ``document`` the record as JSON."""

    id: str
    document: bytes


class SignInEntry(Struct, frozen=True):
    """One sign-in of the log of a tenant.

    Attributes:
        time: when, as text that sorts like time: UTC, always with the same number of digits.
        id: unique in the tenant.
        document: the sign-in as JSON.
    """

    time: str
    id: str
    document: bytes


class Change(Struct, frozen=True):
    """What one operation does to one tenant: the objects it writes, the records that tell of it."""

    writes: tuple[Write, ...]
    audit: tuple[AuditEntry, ...] = ()


class Store(Protocol):
    """Where tenants' objects live. All methods are safe to call from one event loop at a time."""

    async def snapshot(self, tenant: TenantId) -> Snapshot:
        """Return the latest durable state of a tenant; an unknown tenant has an empty one, version 0."""
        ...

    def at_hand(self, tenant: TenantId) -> Snapshot | None:
        """Return what ``snapshot`` would, if nobody has to wait for it, else None; never waits or raises."""
        ...

    async def refresh(self, tenant: TenantId) -> Snapshot:
        """As ``snapshot``, but also notice what another process wrote to the same database."""
        ...

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Run ``decide`` on the latest state, make its result durable, and return the state after it.

        A change without writes and records is acknowledged without a commit, and the version stays.
        Concurrent calls run in any order. A caller that is cancelled learns nothing: its change may be made or not.

        Raises:
            OutcomeUnknown: nobody knows whether the change was made.
            Unavailable: the storage refused or did not answer; nothing of the change was kept, unless the message says
                that it may have been made.
            XtapError: whatever ``decide`` raised; nothing was changed.
        """
        ...

    async def audit(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records with their sequence numbers, oldest first, those after ``after`` only.

        The numbers of a tenant start at 1, follow its changes without gaps, and are never given twice.
        """
        ...

    async def log(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append JSON documents to the logs of tenants: durable on return, all or none, seen by no snapshot.

        Raises:
            OutcomeUnknown: nobody knows whether they were kept.
            Unavailable: the storage refused; nothing was kept.
        """
        ...

    async def logged(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, bytes]]:
        """Read a tenant's log with sequence numbers, which ascend from 1, oldest first, those after ``after`` only."""
        ...

    async def add_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log; durable on return, all or none, seen by no snapshot.

        An entry with the id of one that is there takes its place.

        Raises:
            OutcomeUnknown: nobody knows whether they were kept.
            Unavailable: the storage refused; nothing was kept.
        """
        ...

    async def sign_ins(
        self, tenant: TenantId, *, after: tuple[str, str] | None = None, descending: bool = True, limit: int = 100
    ) -> Sequence[SignInEntry]:
        """Read a tenant's sign-ins by time and id, latest first unless told otherwise.

        Args:
            tenant: whose.
            after: time and id of the entry that was read last; None to begin.
            descending: whether the latest comes first.
            limit: the most entries.
        """
        ...

    async def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, or None."""
        ...

    async def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` in a thread on every row that stands in the store at one moment, and return what it returns.

        Changes go on meanwhile, and are not seen.

        Raises:
            Unavailable: the storage cannot be read.
            Exception: whatever ``take`` raised.
        """
        ...

    async def load(self, rows: Iterable[Row], *, replace: bool = False) -> None:
        """Make the store what a dump says: durable on return, all or nothing. Nobody else may use it meanwhile.

        Args:
            rows: of a dump of any store, in its order; read in a thread.
            replace: whether everything that is there goes, in the same transaction.

        Raises:
            Conflict: the store is not empty, and nothing is to be replaced.
            OutcomeUnknown: nobody knows whether everything was changed or nothing.
            Unavailable: the storage refused; nothing was changed.
            Exception: whatever ``rows`` raised; nothing was changed.
        """
        ...

    async def check(self) -> None:
        """Prove that the storage can be read now.

        Raises:
            Unavailable: it cannot.
        """
        ...

    def age(self) -> float:
        """Return how many seconds ago memory was last known to hold what the storage holds; 0 if it is the storage."""
        ...

    def observe(self, tell: Tell) -> None:
        """Call ``tell`` from now on whenever the store did something by itself, from any thread, one at a time."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and let go of the storage; further calls raise Unavailable."""
        ...
