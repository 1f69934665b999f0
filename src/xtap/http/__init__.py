"""What do the HTTP surfaces share? Reading bodies, and tokens that only this server can write; no surface's words."""

from __future__ import annotations

from typing import Final

NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
"""A header of every answer: a browser must take it for what its type says (https://fetch.spec.whatwg.org, nosniff)."""
