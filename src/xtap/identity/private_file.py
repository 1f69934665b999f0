"""How are secret files kept? Readable by their owner only, written whole or not at all, never silently replaced.

That holds for the files that xtap makes. Those that others make for it, such as a mounted secret, are only warned of:
Kubernetes and Compose mount secrets so that everybody in the container may read them.

``write`` replaces, ``create`` does not: of two processes that create the same file at once, one wins and the other
reads what the winner wrote.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)


def read(path: Path) -> bytes:
    """Return the content of a secret file.

    Raises:
        ConfigurationError: others than its owner may read or change it; it may have leaked already.
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise ConfigurationError(
                f"{path} holds a private key, but its mode is {mode:04o}: others can use it. If nobody did, run "
                f"'chmod 600 {path}'; otherwise delete it, and a new one is made."
            )
        return file.read()


def warn_if_shared(path: Path) -> None:
    """Say in the log that others may read or change a secret file that somebody else made for xtap.

    A group may read what root owns, as PostgreSQL has it for its keys. A missing file is for others to refuse.
    """
    try:
        status = path.stat()
    except OSError:
        return
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "posix" and mode & (0o037 if status.st_uid == 0 else 0o077):
        log.warning(
            "%s holds a secret, but its mode is %04o: others can use it. Run 'chmod 600'; in Kubernetes, mount it "
            "with defaultMode 0440 and an fsGroup",
            path,
            mode,
        )


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the file by one with this content; after a crash it has the old or the new content, nothing between.

    Args:
        path: the file; its folder is made if it is not there, for its owner only.
        content: all of it.
        mode: 0600 unless the content is public.
    """
    with _beside(path, content, mode) as fresh:
        fresh.replace(path)
    _sync(path.parent)


def create(path: Path, content: bytes) -> bool:
    """Write the file if there is none yet.

    Returns:
        whether it was written; False when somebody else was first.
    """
    with _beside(path, content, 0o600) as fresh:
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
    _sync(path.parent)
    return True


@contextlib.contextmanager
def _beside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # O_EXCL with the final mode: at no time can anybody else open it.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
