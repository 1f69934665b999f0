"""Libraries that a test puts in front of the C library of one process."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def built(source: str, folder: Path) -> Path:
    """Compile a C file of this folder as a shared library into a folder, and return it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip(f"needs a C compiler (cc) for {source}")
    made = (folder / source).with_suffix(".so")
    text = Path(__file__).with_name(source)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", made, text], check=True)
    return made
