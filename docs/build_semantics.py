"""What does docs/semantics.md say that the code already knows? Fills the tables between the markers of that page.

    python -m docs.build_semantics            (or ``make docs``)

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; the prose around it is written by hand. Rules come
from ``xtap.semantics.rules``, places from the syntax trees of ``xtap.semantics``, cases from ``conformance/decisions``,
and the worked tables from the engine itself (``docs.worked_tables``).
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import yaml

from docs.tables import write
from docs.worked_tables import ACCESSES, SIDES, cells, joint
from xtap.semantics.codes import CODES
from xtap.semantics.rules import RULES, Certainty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xtap.semantics.rules import Rule

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "semantics.md"
SEMANTICS = ROOT / "src" / "xtap" / "semantics"
DECISIONS = ROOT / "conformance" / "decisions"

NAMING = ("rules", "applied", "notApplied")
"""Members of a case that list rules."""

RULE = re.compile(r"XT-[A-Z]+-[0-9]+")
TABLE = re.compile(r"(<!-- table: (?P<name>[^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)

Found: TypeAlias = "Mapping[str, Counter[str]]"
"""For each rule id, how often it stands in which place."""


class _Places(ast.NodeVisitor):
    """Collects the functions, classes and tables of one module that name a rule; docstrings do not count."""

    def __init__(self, module: str, found: dict[str, Counter[str]]) -> None:
        self._module, self._found = module, found
        self._scope: list[str] = []

    def visit(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                self._within(name, node)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if not self._scope:
                self._within(name, node)
            case ast.Expr(value=ast.Constant()):
                return
            case ast.Constant(value=str(text)) if RULE.fullmatch(text):
                place = ".".join([self._module, *self._scope[:2]])
                self._found.setdefault(text, Counter())[place] += 1
            case _:
                self.generic_visit(node)

    def _within(self, name: str, node: ast.AST) -> None:
        self._scope.append(name)
        self.generic_visit(node)
        self._scope.pop()


def places(folder: Path = SEMANTICS) -> Found:
    """Return for each rule id where it stands in the code, as ``module.function``; the list of rules does not count.

    Args:
        folder: the package that is searched.
    """
    found: dict[str, Counter[str]] = {}
    for path in sorted(folder.glob("*.py")):
        if path.name != "rules.py":
            _Places(path.stem, found).visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def cases(folder: Path = DECISIONS) -> Found:
    """Return for each rule id how many cases name it, by file.

    Args:
        folder: of YAML files; there are no cases if it does not exist.
    """
    found: dict[str, Counter[str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        for rule in _named(yaml.safe_load(path.read_text(encoding="utf-8"))):
            found.setdefault(rule, Counter())[path.name] += 1
    return found


def _named(value: object) -> Iterator[str]:
    """Yield once the rules of every case, at any depth: a mapping with ``id`` and one of the lists ``NAMING``."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    if isinstance(value, dict):
        lists = [value[name] for name in NAMING if isinstance(value.get(name), list)]
        if "id" in value and lists:
            yield from dict.fromkeys(str(rule) for rules in lists for rule in rules)
            return
        for item in value.values():
            yield from _named(item)


def build(text: str, where: Found, tested: Found) -> str:
    """Return the page with every table filled.

    Args:
        text: the page as it is.
        where: the places of each rule.
        tested: the case files of each rule.

    Raises:
        ValueError: a marker names a table that there is not.
    """
    return TABLE.sub(lambda found: f"{found[1]}{_table(found['name'], where, tested)}\n{found[3]}", text)


def _table(name: str, where: Found, tested: Found) -> str:
    match name.split():
        case ["rules", *families]:
            return _rules(families, where, tested)
        case ["cells"]:
            return write(("users and groups", "applications", *ACCESSES, "in words"), cells())
        case ["joint"]:
            return write(("home outbound, resource inbound", *SIDES), joint())
        case ["codes"]:
            return _codes()
        case ["certainty"]:
            return _certainty()
    raise ValueError(f"The marker names the table '{name}'. There are: rules FAMILY…, cells, joint, codes, certainty.")


def _rules(families: Sequence[str], where: Found, tested: Found) -> str:
    chosen = [rule for family in families for rule in sorted(RULES.values(), key=_number) if _family(rule) == family]
    if not chosen:
        raise ValueError(f"No rule belongs to {', '.join(families)}.")
    return write(
        ("rule", "says", "source", "applied in", "cases"),
        (
            (
                f"**{rule.id}**",
                rule.sentence,
                _source(rule),
                ", ".join(f"`{place}`" for place in sorted(where.get(rule.id, ()))) or "-",
                ", ".join(_case_file(*found) for found in sorted(tested.get(rule.id, Counter()).items())) or "-",
            )
            for rule in chosen
        ),
    )


def _family(rule: Rule) -> str:
    return rule.id.split("-")[1]


def _number(rule: Rule) -> int:
    return int(rule.id.split("-")[2])


def _source(rule: Rule) -> str:
    if rule.certainty is Certainty.CHOSEN:
        return f"chosen: [ADR 7]({rule.source.removeprefix('docs/')}#{rule.id.lower()})"
    return f"{rule.certainty}: {rule.source}"


def _case_file(name: str, count: int) -> str:
    return f"[{name.removesuffix('.yaml')}](../conformance/decisions/{name}) ({count})"


def _certainty() -> str:
    count = Counter(rule.certainty for rule in RULES.values())
    meaning = {
        Certainty.DOCUMENTED: "a page of Microsoft says so; the table names the page",
        Certainty.OBSERVED: "third parties saw it; the table says where",
        Certainty.CHOSEN: "no source speaks; [ADR 7](adr/0007-silent-sources.md) says why it is so here",
    }
    return write(("certainty", "rules", "meaning"), ((each, str(count[each]), meaning[each]) for each in Certainty))


def _codes() -> str:
    return write(
        ("code", "what happened", "who can do what", "setting", "source"),
        ((code.code, code.meaning, code.remedy, code.setting or "-", code.certainty) for code in CODES.values()),
    )


def main() -> None:
    """Write the page anew."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(build(text, places(), cases()), encoding="utf-8")


if __name__ == "__main__":
    main()
