"""The address of the metadata, the only one of Graph that needs no token: it is the same for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xtap.errors import UnsupportedQuery
from xtap.graph import failures
from xtap.graph.exchange import Answer
from xtap.graph.odata.options import parse_options
from xtap.model.versions import BETA

if TYPE_CHECKING:
    from xtap.graph.exchange import Request

XML: Final = b"application/xml"


def is_at(path: str) -> bool:
    """Say whether a path below the version is that of the metadata."""
    return path.strip("/").lower() == "$metadata"


def get(request: Request) -> Answer:
    """Answer 200 with the CSDL of the version.

    Raises:
        NotSupported: another method than GET.
        UnsupportedQuery: an option other than ``$format``, or another format than XML.
    """
    from xtap.graph import csdl  # noqa: PLC0415 - loads an XML library

    if request.method != "GET":
        raise failures.not_allowed(["GET"])
    asked = parse_options(request.query, allowed=frozenset({"format"}), beta=request.version is BETA)
    if asked.format is not None and asked.format not in {"xml", "application/xml"}:
        raise UnsupportedQuery.at("$format", f"The format '{asked.format[:60]}' is not supported. Ask for xml.")
    return Answer(200, csdl.document(request.version), XML)
