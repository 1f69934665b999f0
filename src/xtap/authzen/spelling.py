"""Is a member of a request one of ours, in another spelling? Then it is refused: passed over, it would ask less.

The specification wants members of other vocabularies passed over. ``as_of`` instead of ``asOf`` is none of those: an
answer about now would be taken for one about then.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from xtap.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def require_spelling(document: Iterable[str], members: tuple[str, ...], path: str) -> None:
    """Refuse a name that differs from a member only in case, underscores or hyphens.

    Args:
        document: an object of a request; only its names count.
        members: the names that are read of it, in their right spelling.
        path: where it stands.

    Raises:
        InvalidInput: names the right spelling.
    """
    for name in document:
        if name not in members and (right := _folded(members).get(_fold(name))) is not None:
            where = f"{path}.{name[:64]}"
            raise InvalidInput.at(where, f"{where}: Members are compared exactly: write '{right}'.")


@lru_cache
def _folded(members: tuple[str, ...]) -> Mapping[str, str]:
    return {_fold(member): member for member in members}


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
