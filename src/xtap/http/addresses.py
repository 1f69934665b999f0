"""Under which address does the client know this server? Scheme and host as it wrote them, for links in answers."""

from __future__ import annotations

import re
from functools import lru_cache

_HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")


@lru_cache(maxsize=256)
def base(scheme: str, host: bytes, server: tuple[str, int] | None) -> str:
    """Return the address without a path; a strange Host header is not repeated.

    Args:
        scheme: ``http`` or ``https``.
        host: the Host header, empty without.
        server: host and port that the connection was made to, if they are known.
    """
    if not _HOST.fullmatch(host):
        host = ("%s:%s" % (server or ("localhost", 0))).encode()
    return f"{scheme}://{host.decode()}"
