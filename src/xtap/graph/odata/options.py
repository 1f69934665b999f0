"""Which query options did a request send, and may this resource be asked them: names, numbers and duplicates only.

What the clauses mean is in ``filter``, ``orderby``, ``select`` and ``skiptoken``. Wordings are those of the OData
libraries and of Graph where they are known (wire reference, sections 7 and 9).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from xtap.errors import UnsupportedQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH: Final = 65_536
"""Longest query string, in bytes as sent."""
MAX_SKIP: Final = 2**31 - 1
"""Edm.Int32: what the options ``$top`` and ``$skip`` of OData libraries hold."""

OPTIONS: Final = frozenset(
    {"select", "expand", "filter", "orderby", "top", "skip", "count", "skiptoken", "search", "format", "apply"}
)
"""The options that ``QueryOptions`` can hold: what may stand in ``allowed``, and on beta be sent without ``$``."""

_NEVER_SERVED: Final = frozenset({"compute", "deltatoken", "id", "index", "levels", "schemaversion"})
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


class QueryOptions(Struct, frozen=True):
    """The system query options of one request, decoded; None where an option was not sent."""

    select: str | None = None
    expand: str | None = None
    filter: str | None = None
    orderby: str | None = None
    top: int | None = None
    skip: int | None = None
    count: bool | None = None
    skiptoken: str | None = None
    search: str | None = None
    format: str | None = None
    apply: str | None = None


def parse_options(query: bytes, *, allowed: frozenset[str], beta: bool, max_top: int = 999) -> QueryOptions:
    """Split and check the query string of one request.

    Args:
        query: the part of the URL after ``?``, still percent-encoded. ``+`` is read as a blank, as HTML forms write it.
        allowed: names out of ``OPTIONS`` that this resource serves, without ``$``.
        beta: accept the options without ``$`` too. In v1.0 those are custom options, which are ignored, as are all
            other names without ``$`` (section 5.2).
        max_top: largest page that may be asked for.

    Returns:
        the options; names are read in any case (section 5.1).

    Raises:
        UnsupportedQuery: an escape or the UTF-8 is broken; an option is unknown, not served here, sent twice, or its
            number is out of range.
    """
    sent: dict[str, str] = {}
    for name, value in _pairs(query):
        option = name.lower().removeprefix("$")
        if not name.startswith("$") and not (beta and option in OPTIONS):
            continue
        _check_name(name, option, allowed)
        if option in sent:
            raise UnsupportedQuery.at(
                f"${option}",
                f"Query option '${option}' was specified more than once, but it must be specified at most once.",
            )
        sent[option] = value
    return QueryOptions(
        select=sent.get("select"),
        expand=sent.get("expand"),
        filter=sent.get("filter"),
        orderby=sent.get("orderby"),
        top=_top(sent.get("top"), max_top),
        skip=_number("skip", sent.get("skip")),
        count=_count(sent.get("count")),
        skiptoken=sent.get("skiptoken"),
        search=sent.get("search"),
        format=sent.get("format"),
        apply=sent.get("apply"),
    )


def _pairs(query: bytes) -> Iterator[tuple[str, str]]:
    if len(query) > MAX_LENGTH:
        raise UnsupportedQuery.at("$", f"The query string is longer than {MAX_LENGTH} bytes.")
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            yield _decoded(name).strip(), _decoded(value)


def _decoded(text: bytes) -> str:
    if _BAD_ESCAPE.search(text):
        raise UnsupportedQuery.at("$", "The query string has a '%' that is not followed by two hexadecimal digits.")
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise UnsupportedQuery.at("$", "The query string is not valid UTF-8 once it is percent-decoded.") from None


def _check_name(name: str, option: str, allowed: frozenset[str]) -> None:
    if option in allowed:
        return
    if option in OPTIONS | _NEVER_SERVED:
        raise UnsupportedQuery.at(f"${option}", f"Query option '${option}' is not supported by this resource.")
    raise UnsupportedQuery.at("$", f"The query parameter '{name[:60]}' is not supported.")


def _number(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > MAX_SKIP:
        raise UnsupportedQuery.at(
            f"${option}",
            f"Invalid value '{text[:60]}' for ${option} query option found. "
            f"The ${option} query option requires a non-negative integer value.",
        )
    return int(text)


def _top(text: str | None, largest: int) -> int | None:
    top = _number("top", text)
    if top is not None and not 1 <= top <= largest:
        raise UnsupportedQuery.at(
            "$top", f"Invalid page size specified: '{top}'. Must be between 1 and {largest} inclusive."
        )
    return top


def _count(text: str | None) -> bool | None:
    if text is None:
        return None
    match text.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise UnsupportedQuery.at(
                "$count",
                f"Invalid value '{text[:60]}' for $count query option found. Valid values are 'true', 'false'.",
            )
