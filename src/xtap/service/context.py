"""What every service function is given: the service (same for all calls), and the call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import getrandbits

from msgspec import Struct, field

from xtap.model.ids import TenantId
from xtap.model.rules import Strength
from xtap.model.versions import Version
from xtap.service.caller import Caller
from xtap.store.protocol import Store


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    """Return a new GUID (RFC 9562, version 4) for a request or a record: unique, not secret."""
    digits = f"{getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class Service(Struct, frozen=True):
    """What the server was built with; time and identifiers are parameters, so that tests decide them.

    Attributes:
        store: where tenants' objects live.
        strength: how strictly bodies are validated.
        operator: the tenant whose callers may ask for decisions about all tenants; None for none.
        join_delay: how long a tenant that joins a multitenant organization is on its way.
        undocumented_keys: whether keys that stand on no page are kept and shown.
        now: the time in UTC.
        new_id: a new GUID.
    """

    store: Store
    strength: Strength = Strength.COMPATIBLE
    operator: TenantId | None = None
    join_delay: timedelta = timedelta()
    undocumented_keys: bool = False
    now: Callable[[], datetime] = field(default=_now)
    new_id: Callable[[], str] = field(default=_new_id)


class Call(Struct, frozen=True):
    """One request: who asks, through which API version, under which id, and whether a client repeats it."""

    caller: Caller
    version: Version
    request_id: str
    is_retry: bool = False
