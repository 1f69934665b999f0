"""What if the rows of one tenant cannot be read? Then that tenant is refused, and nobody else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from xtap.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.model.ids import TenantId


class Unreadable(Unavailable):
    """The rows of one tenant mean nothing to this version; the database is not at fault, and other tenants can be read.

    Objects of an unknown kind count as that: left out, they could make a decision that they forbid.
    """


@contextmanager
def rows_of(tenant: TenantId) -> Iterator[None]:
    """Make a snapshot of rows inside the block.

    Raises:
        Unreadable: a kind that is not known, a key that is no text, or an order that cannot be.
    """
    try:
        yield
    except ValueError as error:
        raise Unreadable(
            f"What the database holds of tenant {tenant} cannot be read ({error}). If a newer xtap wrote it, replace "
            "this one by that version; else restore a backup."
        ) from error
