"""What goes wrong next for a tenant? Faults that tests ask for: errors, delays, and reads that lag behind a write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct, ValidationError, convert, structs

from xtap.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document

MOST: Final = 100
"""Faults that wait for one tenant."""

Status: TypeAlias = Literal[409, 424, 429, 500, 502, 503, 504]


class Fault(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """One thing that goes wrong, with the next requests that it fits.

    Attributes:
        status: of the error that is answered instead; none for no error.
        retry_after: seconds that the error tells to wait; none for no such header.
        delay: seconds that pass before the request is looked at.
        stale: how many reads of the same address, in any version and by whomever, are answered as before a write to it.
        times: how many requests it happens to.
        method: of the requests that it fits; empty for every method.
        path: text that is in their addresses, in any case; empty for every address.
    """

    status: Status | None = None
    retry_after: Annotated[int, Meta(ge=0, le=3600)] | None = None
    delay: Annotated[float, Meta(ge=0, le=60)] = 0
    stale: Annotated[int, Meta(ge=0, le=1000)] = 0
    times: Annotated[int, Meta(ge=1, le=100_000)] = 1
    method: Literal["", "GET", "POST", "PATCH", "PUT", "DELETE"] = ""
    path: str = ""

    def fits(self, method: str, path: str) -> bool:
        """Say whether it happens to a request; reads cannot make reads lag."""
        if self.stale and method == "GET":
            return False
        return self.method in {"", method} and self.path.lower() in path.lower()


class Faults:
    """The faults that wait, by tenant: those of one tenant never meet another."""

    def __init__(self) -> None:
        self._waiting: dict[TenantId, list[Fault]] = {}

    def add(self, tenant: TenantId, document: Document) -> None:
        """Let a fault wait.

        Raises:
            InvalidInput: it is not understood, or nothing would go wrong.
            Conflict: too many wait.
        """
        try:
            fault = convert(document, Fault)
        except ValidationError as error:
            message, _, where = str(error).partition(" - at `")
            raise InvalidInput.at(where.rstrip("`") or "$", f"{message}.") from None
        if fault.status is None and not fault.delay and not fault.stale:
            raise InvalidInput.at("$", "Nothing would go wrong. Name a status, a delay, or how many reads are stale.")
        if len(waiting := self._waiting.setdefault(tenant, [])) >= MOST:
            raise Conflict(f"{MOST} faults wait for this tenant. DELETE them first.")
        waiting.append(fault)

    def listing(self, tenant: TenantId) -> list[Fault]:
        """Return what waits for a tenant, in the order of its coming."""
        return list(self._waiting.get(tenant, ()))

    def clear(self, tenant: TenantId) -> None:
        """Forget what waits for a tenant."""
        self._waiting.pop(tenant, None)

    def take(self, tenant: TenantId, method: str, path: str) -> Fault | None:
        """Return the first fault that fits a request, and count it."""
        waiting = self._waiting.get(tenant, [])
        for place, fault in enumerate(waiting):
            if fault.fits(method, path):
                waiting[place : place + 1] = [structs.replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None
