"""What does xtap serve, and what of it is tested? Writes the generated pages of docs/reference.

    python -m docs.build_coverage            (or ``make docs``)

The operations of the service stand in ``conformance/operations.yaml``; what is served is asked of the routes, what is
tested of the cases. Nothing on these pages is written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.tables import write
from docs.wire_cases import CONFORMANCE, pattern, read, wire_cases
from xtap.errors import XtapError
from xtap.graph.failures import TABLE
from xtap.graph.paths import build, resolve
from xtap.graph.routes import BETA_ROUTES, ROUTES
from xtap.semantics.rules import RULES as MEANING
from xtap.semantics.rules import Certainty
from xtap.service.permissions import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docs.wire_cases import WireCase
    from xtap.service.permissions import Rule

REFERENCE = Path(__file__).parent / "reference"
VERSIONS = ("v1.0", "beta")
GUID = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
HEAD = "<!-- Written by docs/build_coverage.py from routes, tables and cases; run 'make docs'. -->"


def pages() -> Mapping[str, str]:
    """Return the text of each generated page, by file name."""
    cases, known = wire_cases(), read(CONFORMANCE / "operations.yaml")
    return {
        "coverage.md": _coverage(cases, known),
        "properties.md": _properties(cases),
        "permissions.md": _permissions(),
        "errors.md": _errors(cases),
        "differences.md": _differences(cases, known["operations"]),
    }


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", HEAD, *parts)) + "\n"


def answer(request: str) -> str:
    """Say what the routes answer to an operation: ``yes``, ``405`` (the address is known), or ``no``."""
    method, path = request.split(" ", 1)
    try:
        node, _ = resolve(_TREE, _KEY.sub(GUID, path))
    except XtapError:
        return "no"
    return "yes" if method in node.methods else "405"


_TREE = build({**ROUTES, **BETA_ROUTES})
_KEY = re.compile(r"\{[^}]*\}")


def served(request: str) -> bool:
    """Say whether the routes answer an operation."""
    return answer(request) == "yes"


# --- operations --------------------------------------------------------------------


def _coverage(cases: Sequence[WireCase], known: Mapping[str, list[dict[str, Any]]]) -> str:
    operations, head = known["operations"], ("operation", *VERSIONS, "certainty", "cases")
    counts = [
        f"{sum(version in each['versions'] and served(each['request']) for each in operations)} of "
        f"{sum(version in each['versions'] for each in operations)} in {version}"
        for version in VERSIONS
    ]
    return _page(
        "Operations",
        f"Served: {', '.join(counts)}. *Certainty* is that of the operation itself: documented on a page of the "
        "reference, or only in the metadata. What answers 405 is told with its reason on the page of "
        "[differences](differences.md); what those that are served do without a page stands there as chosen. "
        "*Cases* are those of `conformance/graph` whose request it is: successes "
        "and refusals.",
        write(head, (_operation(each, cases) for each in operations)),
        "## Neighbours",
        "Slices of other resources, which tools look names up in, and what xtap adds.",
        write(head, (_operation(each, cases) for each in known["neighbours"])),
    )


def _operation(operation: Mapping[str, Any], cases: Sequence[WireCase]) -> Sequence[str]:
    method, path = operation["request"].split(" ", 1)
    address = pattern(path)
    found = [case for case in cases if case.method == method and address.fullmatch(case.path)]
    good = sum(case.status < 300 for case in found)
    words = {"yes": "yes", "405": "405", "no": "**no**"}[answer(operation["request"])]
    cells = [words if version in operation["versions"] else "-" for version in VERSIONS]
    certainty = {"metadata": "metadata only", "slice": "documented"}.get(operation["page"], "documented")
    return (f"`{operation['request']}`", *cells, certainty, f"{good} + {len(found) - good}" if found else "-")


# --- properties, permissions, errors ------------------------------------------------


def _properties(cases: Sequence[WireCase]) -> str:
    found = read(CONFORMANCE / "model" / "properties.yaml")
    rows = (
        (f"`{kind}`", f"`{name}`", facts["type"], "beta" if facts.get("beta") else "both", _mentions(name, cases))
        for section in ("types", "slices", "logs")
        for kind, members in found[section].items()
        for name, facts in members.items()
    )
    return _page(
        "Properties",
        "Every property that is stored and shown, its type in the metadata, the versions that have it, and how many "
        "cases name it.",
        write(("type", "property", "metadata type", "versions", "cases"), rows),
    )


def _mentions(name: str, cases: Sequence[WireCase]) -> str:
    count = sum(f"'{name}'" in case.text or f"{name}/" in case.text for case in cases)
    return str(count) if count else "-"


def _permissions() -> str:
    rows = (
        (f"`{operation.name.lower()}`", "<br>".join(_accepted(rule)), ", ".join(rule.roles) or "-")
        for operation, rule in RULES.items()
    )
    return _page(
        "Permissions",
        "Any one of the permissions is enough; a delegated call also needs one of the directory roles (Global "
        "Administrator always does). Which requests belong to which operation stands in "
        "[`conformance/permissions.yaml`](../../conformance/permissions.yaml); every request is tried with every "
        "permission and every role.",
        write(("operation", "permissions, least privileged first", "directory roles"), rows),
    )


def _accepted(rule: Rule) -> Iterator[str]:
    yield from rule.permissions
    yield from (f"{name} (delegated only)" for name in rule.delegated)


def _errors(cases: Sequence[WireCase]) -> str:
    rows = (
        (kind.__name__, str(status), f"`{code}`", str(sum(f"'{code}'" in case.text for case in cases) or "-"))
        for kind, (status, code) in TABLE.items()
    )
    return _page(
        "Errors",
        "Every error that Graph clients can get, from the kind that is raised to status and code, and how many cases "
        "expect the code. AuthZEN has a [table of its own](authzen.md).",
        write(("kind", "status", "code", "cases"), rows),
    )


# --- differences ---------------------------------------------------------------------


def _differences(cases: Sequence[WireCase], operations: Sequence[Mapping[str, Any]]) -> str:
    missing = [each["request"] for each in operations if answer(each["request"]) == "no"]
    refused = [each["request"] for each in operations if answer(each["request"]) == "405"]
    chosen = [rule for rule in MEANING.values() if rule.certainty is Certainty.CHOSEN]
    return _page(
        "Differences from the service",
        "What is known to differ, or was chosen because no source says it. Whatever is on no page of these is meant "
        "to be as in the service; a difference that you find is a fault, please report it.",
        "## Operations that are not served",
        "\n".join(f"* `{request}`" for request in missing) or "None.",
        "## Operations that answer 405",
        "They stand in the metadata; no page says what they would do. Singletons are patched or reset, not deleted; "
        "the bin is filled by deleting only, and a restore gives back what was deleted "
        "([decision record 16](../adr/0016-operations-without-a-page.md)).",
        "\n".join(f"* `{request}`" for request in refused) or "None.",
        "## Answers that differ from the documentation's examples",
        write(("case", "at", "why"), _deviations(cases)),
        "## Answers that this project chose",
        "No page and no observation says what the service does here.",
        write(("case", "request", "because"), _choices(cases)),
        "## Meaning that this project chose",
        "See [decision record 7](../adr/0007-silent-sources.md).",
        write(("rule", "says"), ((rule.id, rule.sentence) for rule in chosen)),
    )


def _deviations(cases: Sequence[WireCase]) -> Iterator[Sequence[str]]:
    for case in cases:
        yield from ((case.name, f"`{path}`", reason) for path, reason in case.deviations)


def _choices(cases: Sequence[WireCase]) -> Iterator[Sequence[str]]:
    for case in cases:
        if case.certainty == "chosen":
            yield case.name, f"`{case.method} {case.path.partition('?')[0]}`", case.page


if __name__ == "__main__":
    main()
