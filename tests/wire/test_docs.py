"""What the documentation shows is executed: each page against a server of its own, in that server's folder.

The convention, in the info string of a fenced block:

``sh run``, ``python run``, ``js run``
    is executed and must end with exit code 0. Variables that a shell block exports are there in later blocks;
    ``NAME=value`` behind ``run`` sets one for this block.
``text expect``
    the lines are in the output of the block before, in this order.
``json expect``
    that output is a JSON value with at least these members; arrays have exactly these items.

In expected text ``<guid>`` and ``<date>`` stand for any value of that kind. In ``docs/how-to`` each ``sh``, ``python``
and ``js`` block is marked ``run``; what cannot be executed (installing packages) is ``console``. In other pages blocks
without ``run`` are only shown.

The pages say 8420, 8443 and ``.xtap``, the defaults. Here the ports are replaced by those of the test's server, in
blocks and expectations; the folder needs no replacement. The environment is in PATH and at ``.venv``, behind it that of
the Azure CLI, and ``node_modules`` is that of ``js/``. A comment ``<!-- xtap serve --flag -->`` gives the
server flags.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer

ROOT = Path(__file__).parents[2]
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
REFERENCE = sorted((ROOT / "docs" / "reference").glob("*.md"))
PAGES = [ROOT / "README.md", *HOW_TO, *REFERENCE]
FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = re.compile(r"<!-- xtap serve (?P<flags>[^>]*) -->")
BIN = Path(sys.executable).parent
COMMANDS = {"sh": ["sh", "-eu"], "python": [sys.executable], "js": [str(BIN / "node")]}
SUFFIXES = {"sh": ".sh", "python": ".py", "js": ".mjs"}
WILDCARDS = {
    "<guid>": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "<date>": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?",
}


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    role: str
    variables: dict[str, str]
    text: str


def blocks(page: str) -> Iterator[Block]:
    for match in FENCE.finditer(page):
        language, _, marks = match["info"].strip().partition(" ")
        role, *assignments = marks.split(" ")
        variables = {name: value for name, _, value in (one.partition("=") for one in assignments)}
        yield Block(language, role, variables, match["text"])


def runnable(page: Path) -> bool:
    return any(block.role == "run" for block in blocks(page.read_text(encoding="utf-8")))


@pytest.mark.wire
@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES if runnable(page)])
def test_a_page_does_what_it_says(page: Path, tmp_path: Path):
    text = page.read_text(encoding="utf-8")
    flags = FLAGS.search(text)
    with running(tmp_path, *(flags["flags"].split() if flags else ())) as server:
        environment = prepare(server)
        output = ""
        for number, block in enumerate(blocks(with_ports(text, server))):
            if block.role == "run":
                output = execute(block, number, tmp_path, environment)
            elif (block.language, block.role) == ("json", "expect"):
                expected = json.loads(block.text)
                assert contains(json.loads(output), expected), f"{output}\nhas not\n{block.text}"
            elif block.role == "expect":
                assert re.search(in_order(block.text), output, re.DOTALL), f"{output}\nhas not\n{block.text}"


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in HOW_TO])
def test_every_block_of_a_how_to_is_executed(page: Path):
    found = list(blocks(page.read_text(encoding="utf-8")))
    assert found
    for block in found:
        assert block.role in {"run", "expect"} or block.language == "console", f"{page.name}: {block.text}"


def prepare(server: LocalServer) -> dict[str, str]:
    """Return the environment of the first block, with nothing in it that would trust more than a user's does."""
    (server.folder / ".venv").symlink_to(sys.prefix)
    (server.folder / "node_modules").symlink_to(Path(__file__).with_name("js") / "node_modules")
    hidden = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}
    own = {name: value for name, value in os.environ.items() if name not in hidden and not name.startswith("XTAP_")}
    path = os.pathsep.join([str(BIN), str(Path(sys.prefix) / "az" / "bin"), own.get("PATH", "")])
    return own | {"PATH": path, "XTAP_PORT": str(server.port), "XTAP_TLS_PORT": str(server.tls_port)}


def with_ports(page: str, server: LocalServer) -> str:
    return page.replace("8420", str(server.port)).replace("8443", str(server.tls_port))


def execute(block: Block, number: int, folder: Path, environment: dict[str, str]) -> str:
    """Run a block, remember what it exports, and return what it printed."""
    script = folder / f"block{number}{SUFFIXES[block.language]}"
    exported = folder / "exported"
    remember = f"trap 'env -0 > {exported}' EXIT\n" if block.language == "sh" else ""
    script.write_text(remember + block.text, encoding="utf-8")
    done = subprocess.run(
        [*COMMANDS[block.language], str(script)],
        cwd=folder,
        env=environment | block.variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{block.text}\nprinted\n{done.stdout}{done.stderr}"
    if remember:
        for variable in filter(None, exported.read_text(encoding="utf-8").split("\0")):
            name, _, value = variable.partition("=")
            environment[name] = value
    return done.stdout


def in_order(text: str) -> str:
    return ".*".join(pattern(line) + r"\s*?(?=\n|$)" for line in text.splitlines() if line.strip())


def pattern(text: str) -> str:
    """Return a regular expression for text with wildcards."""
    parts = re.split("(<guid>|<date>)", text)
    return "".join(WILDCARDS.get(part) or re.escape(part) for part in parts)


def contains(actual: Any, expected: Any) -> bool:
    """Say whether a JSON value has everything that is expected of it."""
    match expected:
        case dict():
            return isinstance(actual, dict) and all(
                name in actual and contains(actual[name], value) for name, value in expected.items()
            )
        case list():
            return isinstance(actual, list) and len(actual) == len(expected) and all(map(contains, actual, expected))
        case str():
            return isinstance(actual, str) and re.fullmatch(pattern(expected), actual) is not None
        case _:
            return type(actual) is type(expected) and bool(actual == expected)
