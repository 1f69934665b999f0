"""How does a whole store become one file, and a file a store? A format that every kind of store can write and read.

gzip of JSON lines. The first line says what it is, each further one is a row (``xtap.store.rows``), the last one says
how many rows there are and the SHA-256 of all lines before it:

    {"format":"xtap-backup","version":1,"made":"2026-11-21T13:14:15Z","xtap":"0.1.0"}
    {"row":"tenant","tenant":"1111…","version":7,"sequence":6}
    {"row":"object","tenant":"1111…","kind":"partner","key":"2222…","document":"{…}"}
    {"row":"end","rows":2,"sha256":"…"}

A file that does not end like this, or whose sum is another, is not believed. It is readable by its owner only: it holds
the hashes of client secrets, and who may cross which border.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import DecodeError, Struct, json

from xtap import __version__
from xtap.errors import AlreadyExists, ConfigurationError, MalformedRequest
from xtap.model.ids import DIRECTORY
from xtap.model.objects import Kind
from xtap.store.rows import ObjectRow, Row, TenantRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from xtap.store.protocol import Store

FORMAT: Final = "xtap-backup"
VERSION: Final = 1
"""Raised when a reader of the version before could take a file for something else than it is."""

LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes of a line; documents are made of request bodies of at most 1 MiB."""

_LEVEL: Final = 3
"""Of gzip: a third of the time of the default for a tenth more bytes."""


class _Head(Struct, frozen=True):
    format: str
    version: int
    made: str
    xtap: str


class _End(Struct, frozen=True, tag_field="row", tag="end"):
    rows: int
    sha256: str


class Contents(Struct, frozen=True):
    """What a backup holds.

    Attributes:
        made: when, UTC, RFC 3339.
        counts: how many rows of each kind; a registered tenant counts as that, not as an object.
    """

    made: str
    counts: dict[str, int]

    def __str__(self) -> str:
        return ", ".join(f"{self.counts.get(kind, 0)} {words}" for kind, words in _WORDS.items())


_WORDS: Final = {
    "tenant": "tenants",
    "object": "objects",
    "audit": "audit records",
    "decision": "decisions",
    "signIn": "sign-ins",
}
_line: Final = json.Decoder(Row | _End)


async def write(store: Store, path: Path, now: datetime) -> Contents:
    """Write everything of one moment into a new file, while others read and change the store.

    Raises:
        AlreadyExists: there is such a file.
        ConfigurationError: it cannot be written; nothing is left of it.
        Unavailable: the store cannot be read; nothing is left of the file.
    """
    made = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    with _new(path) as file:
        return Contents(made, await store.dump(lambda rows: _write(file, rows, made)))


def read(path: Path) -> Contents:
    """Read a backup to its end and prove that it is whole.

    Raises:
        MalformedRequest: it is damaged, cut off, of a newer version, or no backup; says which.
    """
    counts: Counter[str] = Counter()
    with _opened(path) as (head, lines):
        for row in _rows(path, head, lines):
            counts[_kind(row)] += 1
    return Contents(json.decode(head, type=_Head).made, dict(counts))


async def restore(store: Store, path: Path, *, replace: bool = False) -> Contents:
    """Make a store what a backup says: first the whole file is proved, then it is loaded in one transaction.

    Raises:
        MalformedRequest: the file is no whole backup; nothing was changed.
        Conflict: the store is not empty, and nothing is to be replaced.
        Unavailable: the store refused; nothing was changed.
    """
    contents = read(path)
    with _opened(path) as (head, lines):
        # Proved once more as it is loaded: a file that changed meanwhile is not kept.
        await store.load(_rows(path, head, lines), replace=replace)
    return contents


def _kind(row: Row) -> str:
    """Say what a row counts as; tenants are those that 'xtap tenant list' shows, not all that have a version."""
    if isinstance(row, ObjectRow) and (row.tenant, row.kind) == (DIRECTORY, Kind.TENANT):
        return "tenant"
    return "version" if isinstance(row, TenantRow) else str(row.__struct_config__.tag)


def _write(file: BinaryIO, rows: Iterable[Row], made: str) -> dict[str, int]:
    sum_, counts = hashlib.sha256(), Counter[str]()
    encoder = json.Encoder()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, filename="") as packed:
        waiting = bytearray(json.encode(_Head(FORMAT, VERSION, made, __version__)) + b"\n")
        for row in rows:
            waiting += encoder.encode(row) + b"\n"
            counts[_kind(row)] += 1
            if len(waiting) > _BLOCK:
                sum_.update(waiting)
                packed.write(waiting)
                waiting = bytearray()
        sum_.update(waiting)
        packed.write(waiting + json.encode(_End(counts.total(), sum_.hexdigest())) + b"\n")
    return dict(counts)


def _rows(path: Path, head: bytes, lines: Iterator[bytes]) -> Iterator[Row]:
    """Yield the rows of a file; raises unless they are all there and as they were written."""
    sum_, count = hashlib.sha256(head), 0
    try:
        for line in lines:
            row = _line.decode(line)
            if isinstance(row, _End):
                if (row.rows, row.sha256) != (count, sum_.hexdigest()) or next(lines, None) is not None:
                    raise _damaged(path, "it is not what was written")
                return
            sum_.update(line)
            count += 1
            yield row
    except (DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, f"line {count + 2} is not understood: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from None
    raise _damaged(path, "its end is missing")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    """Open a backup, prove that it is one of a version that is known, and give its first line and the others."""
    try:
        file = gzip.open(path, "rb")  # noqa: SIM115 - closed below; the block must not be inside the try
    except OSError as error:
        raise MalformedRequest(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        try:
            line = file.readline(LONGEST_LINE)
            head = json.decode(line, type=_Head)
        except (OSError, EOFError, zlib.error, DecodeError, UnicodeDecodeError):
            raise MalformedRequest(f"{path} is no backup of xtap. 'xtap backup' writes one.") from None
        if head.format != FORMAT or head.version != VERSION:
            raise MalformedRequest(
                f"{path} is a backup of another version ({head.format} {head.version}, written by xtap {head.xtap}; "
                f"this one reads {FORMAT} {VERSION}). Use that xtap or a later one."
            )
        yield line, iter(lambda: file.readline(LONGEST_LINE), b"")


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which gets its name when it is whole and on the disk, and never takes another's."""
    if path.exists():
        raise AlreadyExists(_EXISTS.format(path))
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(unfinished)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync(path.parent)
    except FileExistsError:
        raise AlreadyExists(_EXISTS.format(path)) from None
    except OSError as error:
        raise ConfigurationError(f"The backup {path} cannot be written: {error.strerror}.") from None


def _sync(folder: Path) -> None:
    with suppress(OSError):  # some file systems cannot, and keep names by themselves
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _damaged(path: Path, why: str) -> MalformedRequest:
    return MalformedRequest(f"{path} is damaged: {why}. Use another backup; nothing was changed.")


_BLOCK: Final = 256 * 1024
_EXISTS: Final = "{} is there already. Choose another name: a backup never overwrites a file."
