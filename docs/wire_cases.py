"""Which facts about the wire are tested? The cases of ``conformance/graph``, counted for the pages of reference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFORMANCE = Path(__file__).parents[1] / "conformance"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class WireCase(Struct, frozen=True):
    """What the pages tell of one case; ``steps`` are the requests after the main one: method, path, status."""

    name: str
    file: str
    method: str
    path: str
    status: int
    versions: tuple[str, ...]
    certainty: str
    page: str
    deviations: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, str, int], ...]
    text: str


def wire_cases() -> list[WireCase]:
    """Return every case, in the order of files."""
    return [case for file in sorted((CONFORMANCE / "graph").glob("*.yaml")) for case in _cases(file)]


def _cases(file: Path) -> Iterator[WireCase]:
    for case in read(file)["cases"]:
        source, request, response = case.get("source", {}), case["request"], case["response"]
        yield WireCase(
            name=case["name"],
            file=file.name,
            method=request.get("method", "GET"),
            path=request.get("path", ""),
            status=response["status"],
            versions=tuple(case.get("versions", ("v1.0", "beta"))),
            certainty=source.get("certainty", ""),
            page=source.get("page", ""),
            deviations=tuple((each["path"], each["reason"]) for each in case.get("deviations", ())),
            steps=tuple(_step(each) for each in case.get("then", ())),
            text=str(case),
        )


def _step(step: dict[str, Any]) -> tuple[str, str, int]:
    request = step["request"]
    return request.get("method", "GET"), request.get("path", ""), step["response"]["status"]


def read(file: Path) -> dict[str, Any]:
    """Read one YAML file."""
    found: dict[str, Any] = yaml.load(file.read_text("utf-8"), LOADER)  # noqa: S506 - a safe loader
    return found


def pattern(path: str) -> re.Pattern[str]:
    """Return what matches the path of an operation, whatever stands for its keys, and however they are written."""
    parts = [_part(segment) for segment in path.strip("/").split("/")]
    return re.compile(rf"/?{'/'.join(parts)}/?(?:\?.*)?", re.IGNORECASE | re.DOTALL)


def _part(segment: str) -> str:
    return re.sub(r"'?\\\{[^}]*\}'?", r"[^/?]+", re.escape(segment).replace(r"\'", "'"))
