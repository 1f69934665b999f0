from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.laws.three_tenants import THIRD, Loop
from xtap.service import tenants
from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder: Path = tmp_path_factory.mktemp("app")
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        context = in_process(folder)
        app = runner.run(context.__aenter__())
        stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
        runner.run(tenants.add(app.application.store, THIRD))
        yield Loop(runner, app)
