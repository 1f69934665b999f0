"""Does an engine mean the same by a policy? Runs the cases of ``conformance/decisions`` against any engine or program.

    python -m xtap.testing.decisions --program "python -m xtap.testing.engine"
    python -m xtap.testing.decisions --against http://127.0.0.1:8420 --tenant ID=TOKEN --tenant ID=TOKEN

An engine is a function from a question to its answer, both JSON documents; a program reads one question from each
line of its standard input and writes one answer a line. ``conformance/README.md`` explains both. Reading cases
needs ``pyyaml``.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, ValidationError, convert

from xtap.errors import ConfigurationError, XtapError
from xtap.testing.questions import Topic
from xtap.testing.transcripts import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from xtap.model.schema import Document, Json

Engine: TypeAlias = "Callable[[Document], Document]"
"""Answers a question; one that it cannot understand it answers with ``error``, or raises an ``XtapError``."""

PATIENCE = 30.0
"""Seconds that a program may take for one answer."""


class Case(Struct, frozen=True, rename="camel"):
    """One case as it stands in its file; ``xtap.testing.questions`` says what each kind may have."""

    id: str
    kind: str
    origin: str
    tenants: tuple[dict[str, Any], ...]
    question: dict[str, Any]
    expected: dict[str, Any]
    applied: tuple[str, ...] = ()
    not_applied: tuple[str, ...] = ()

    @property
    def asked(self) -> Document:
        """The document that an engine is given."""
        return {"kind": self.kind, "tenants": [*self.tenants], "question": self.question}


def load(folder: Path) -> list[Case]:
    """Read every case below a folder, in the order of file names.

    Raises:
        ConfigurationError: a file has other than cases, or an id is there twice.
    """
    import yaml  # noqa: PLC0415 - an optional dependency

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    cases: dict[str, Case] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            found = yaml.load(file.read_text("utf-8"), loader)  # noqa: S506 - a safe loader
            convert(found, Topic)
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{file.name} has other than cases of decisions: {error}") from None
        for case in convert(found["cases"], list[Case]):
            if case.id in cases:
                raise ConfigurationError(f"{file.name}: there are two cases '{case.id}'.")
            cases[case.id] = case
    return [*cases.values()]


def run(case: Case, engine: Engine) -> list[str]:
    """Ask an engine one case and return what was not as expected, in words."""
    try:
        answer = engine(case.asked)
    except XtapError as error:
        return [f"the question was not understood: {error}"]
    return [*compare(case, answer)]


def compare(case: Case, answer: Document) -> Iterator[str]:
    """Yield how an answer differs from the one expected; rules are compared if the engine names any."""
    if "error" in answer:
        yield f"the question was not understood: {answer['error']}"
        return
    rules = answer.get("rules")
    if not isinstance(rules, list):
        yield from differences(_without_rules(case.expected), answer, contains=True)
        return
    yield from differences(case.expected, answer, contains=True)
    yield from (f"rule {rule} was not applied" for rule in case.applied if rule not in rules)
    yield from (f"rule {rule} was applied" for rule in case.not_applied if rule in rules)


def _without_rules(expected: Json) -> Json:
    if not isinstance(expected, dict):
        return expected
    return {name: _without_rules(member) for name, member in expected.items() if name != "rule"}


@contextmanager
def program(command: Sequence[str]) -> Iterator[Engine]:
    """Start a program and give it as an engine; it ends when its standard input does.

    Raises:
        ConfigurationError: it cannot be started.
    """
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the user's
    except OSError as error:
        raise ConfigurationError(f"The program cannot be started: {error}") from None
    try:
        yield lambda asked: _ask(process, asked)
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Close what the program reads, and end it if it goes on all the same."""
    watch = Timer(PATIENCE, process.kill)
    watch.start()
    with suppress(BrokenPipeError), process:
        pass
    watch.cancel()


def _ask(process: subprocess.Popen[str], asked: Document) -> Document:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the program was started with pipes")
    watch = Timer(PATIENCE, process.kill)
    watch.start()
    try:
        process.stdin.write(f"{json.dumps(asked)}\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    finally:
        watch.cancel()
    try:
        answer = json.loads(line)
    except ValueError:
        return {"error": f"the program wrote {line[:200]!r} instead of a JSON object"}
    return answer if isinstance(answer, dict) else {"error": f"the program wrote {line[:200]!r}, no JSON object"}


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0 all as expected, 1 not."""
    parser = argparse.ArgumentParser(
        prog="python -m xtap.testing.decisions", description=(__doc__ or "").split("\n", 1)[0]
    )
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--program", metavar="CMD", help="command that answers a question a line")
    whom.add_argument("--against", metavar="URL", help="server with Graph and AuthZEN; its policies are replaced")
    parser.add_argument("--tenant", action="append", default=[], metavar="ID=TOKEN", help="a tenant of that server")
    parser.add_argument("--operator", metavar="TOKEN", help="a token that may ask that server about every tenant")
    parser.add_argument("--cases", type=Path, default=Path("conformance/decisions"), help="folder of the cases")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose id contains this")
    given = parser.parse_args(arguments)
    try:
        cases = [case for case in load(given.cases) if given.only in case.id]
        found = _against(given, cases) if given.against else _by_program(given.program, cases)
    except ConfigurationError as error:
        parser.error(error.message)
    failed = sum([_told(case, problems) for case, problems in found])
    skipped = len(cases) - len(found)
    more = f", {skipped} that cannot be asked like this" if skipped else ""
    sys.stdout.write(f"{len(found) - failed} as expected, {failed} not{more}\n")
    return 1 if failed or not found else 0


def _by_program(command: str, cases: Sequence[Case]) -> list[tuple[Case, list[str]]]:
    with program(shlex.split(command)) as engine:
        return [(case, run(case, engine)) for case in cases]


def _against(given: argparse.Namespace, cases: Sequence[Case]) -> list[tuple[Case, list[str]]]:
    import httpx  # noqa: PLC0415 - only this way of asking needs it

    from xtap.testing.remote import Remote, ask  # noqa: PLC0415 - see above

    tokens = dict(pair.split("=", 1) for pair in given.tenant if "=" in pair)
    with httpx.Client(base_url=given.against, timeout=PATIENCE) as client:
        return ask(Remote(client, {tenant.lower(): token for tenant, token in tokens.items()}, given.operator), cases)


def _told(case: Case, problems: list[str]) -> bool:
    for problem in problems:
        sys.stdout.write(f"{case.id}: {problem}\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
