"""The official JavaScript SDKs, unmodified: each ``test(...)`` below ``js/`` is one result here.

``make test`` installs the packages (``npm ci``). A file runs once, in one Node process, with a tenant for each test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.wire.faults import proxy
from tests.wire.tenants import SECRET, register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xtap.testing.local_server import LocalServer

    Results = Callable[[str], Mapping[str, dict[str, str | bool]]]

FOLDER = Path(__file__).with_name("js")
NAMES = {
    file.name: re.findall(r'^test\("([^"]+)"', file.read_text(encoding="utf-8"), re.MULTILINE)
    for file in sorted(FOLDER.glob("*.test.mjs"))
}


def node() -> str:
    """Return the Node of the environment of these tests, or that of the machine."""
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None or not (FOLDER / "node_modules").is_dir():
        pytest.fail("Node or its packages are missing: 'make test' installs both.")
    return found


@pytest.fixture(scope="session")
def results(server: LocalServer) -> Results:
    """Run a file of JavaScript tests when its results are first asked for."""
    known: dict[str, Mapping[str, dict[str, str | bool]]] = {}

    def of(file: str) -> Mapping[str, dict[str, str | bool]]:
        if file not in known:
            known[file] = run(server, file)
        return known[file]

    return of


def run(server: LocalServer, file: str) -> dict[str, dict[str, str | bool]]:
    tenants = [register(server).id for _ in NAMES[file]]
    with proxy(server) as faulty:
        environment = {
            "NODE_EXTRA_CA_CERTS": str(server.ca),
            "XTAP_TEST_URL": server.https,
            "XTAP_TEST_HTTP": f"http://localhost:{server.port}",
            "XTAP_TEST_FAULTY": faulty.url,
            "XTAP_TEST_TENANTS": ",".join(tenants),
            "XTAP_TEST_SECRET": SECRET,
        }
        done = subprocess.run(
            [node(), "--test-reporter=./reporter.mjs", file],
            cwd=FOLDER,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not reports:
        pytest.fail(f"{file} did not run:\n{done.stdout}{done.stderr}")
    return {report["name"]: report for report in reports}


@pytest.mark.wire
@pytest.mark.parametrize(
    ("file", "name"),
    [
        pytest.param(file, name, marks=pytest.mark.xdist_group(file), id=f"{file.partition('.')[0]}: {name}")
        for file, names in NAMES.items()
        for name in names
    ],
)
def test_javascript(results: Results, file: str, name: str):
    report = results(file)[name]
    assert report["ok"], report["error"]


def test_the_lock_file_names_no_host():
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
    assert "://" not in json.dumps(lock)
