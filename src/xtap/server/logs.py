"""How does a line of the log look? Text for people or JSON for programs, on standard error.

    {"time": ..., "level": ..., "logger": ..., "message": ..., "request_id": ..., "trace_id": ..., "error": ...}

What belongs to a request is handed over as ``extra={"xtap": {...}}``. No token or secret may come into a line: nobody
logs what a client sent, the messages of unexpected exceptions are left out because they may repeat it, and whatever
looks like a token is blotted out all the same.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import json

from xtap.errors import XtapError

if TYPE_CHECKING:
    from types import TracebackType

    from xtap.server.settings import Settings

_TOLD: Final = (OSError, sqlite3.Error, XtapError, ImportError)
"""Exceptions whose messages speak of files, tables and settings, not of what a client sent."""

_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}(\.[\w-]*){1,4}|(?i:\b(bearer|basic)\s+)[\w~+/.=-]{8,}")


def configure(settings: Settings) -> None:
    """Let everything that this process logs look as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the address of every key request


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return _blotted(json.encode(_fields(record)).decode())


class TextLines(logging.Formatter):
    """Time, level, logger, message, and what else is known as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback is lines of its own."""
        fields = _fields(record)
        error = fields.pop("error", None)
        first = " ".join(str(fields.pop(name)) for name in ("time", "level", "logger", "message"))
        line = " ".join([first, *(f"{name}={value}" for name, value in fields.items())])
        return _blotted(line if error is None else f"{line}\n{error}")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
        **getattr(record, "xtap", {}),
    }
    if trace := _trace():
        fields["trace_id"] = trace
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = "\n".join(_told(record.exc_info[1]))
    return fields


def _trace() -> str:
    """Return the id of the trace; empty while nobody traces, without loading anything."""
    tracing = sys.modules.get("xtap.server.tracing")
    trace: str = tracing.current_trace() if tracing is not None else ""
    return trace


def _told(error: BaseException) -> list[str]:
    """Return the traceback of an exception and of those behind it, with the messages that may be told."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    message = str(error) if isinstance(error, _TOLD) else "(its message is left out: it may repeat what a client sent)"
    return [*(_told(before) if before is not None else ()), *_frames(error.__traceback__), f"{_name(error)}: {message}"]


def _frames(trace: TracebackType | None) -> list[str]:
    return "".join(traceback.format_tb(trace)).splitlines()


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _blotted(line: str) -> str:
    return _TOKEN.sub("[left out]", line)
