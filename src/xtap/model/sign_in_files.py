"""Which sign-ins stand in these files? Answers of Graph, diagnostic logs, and CSV of the admin center, as one shape.

    {"value": [{"id": "…", "createdDateTime": "…", …}]}            a list answer of Graph, or the list alone
    {"records": [{"time": "…", "category": "SignInLogs", "properties": {…}}]}    diagnostic settings, or one a line
    Date (UTC),Request ID,…                                        a download of the admin center

A sign-in is kept as Graph shows it in beta, with every property that was given. Records of other categories are
passed over; columns differ with the age of a download, so what is not there is not known.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from xtap.errors import InvalidInput, Violation
from xtap.model.sign_in_columns import document_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from xtap.model.schema import Document, Json

MAX_PROBLEMS: Final = 20
"""Problems that are told of one import."""

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_EVENTS: Final[Mapping[str, str]] = {
    "signinlogs": "interactiveUser",
    "noninteractiveusersigninlogs": "nonInteractiveUser",
    "serviceprincipalsigninlogs": "servicePrincipal",
    "managedidentitysigninlogs": "managedIdentity",
}
"""The kind of sign-in of each diagnostic category."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in: time as text that sorts (UTC, seven digits of a second), id, and the document."""

    time: str
    id: str
    document: Document


@dataclass(slots=True)
class Found:
    """What stands in some files: sign-ins, how many records were passed over, and what could not be read."""

    sign_ins: list[SignIn] = field(default_factory=list)
    passed_over: int = 0
    problems: list[Violation] = field(default_factory=list)

    def refuse(self, place: str, message: str) -> None:
        """Note a problem.

        Raises:
            InvalidInput: there are too many.
        """
        self.problems.append(Violation(place, f"{place}: {message}"))
        if len(self.problems) >= MAX_PROBLEMS:
            raise InvalidInput(self.problems)


def read(files: Iterable[tuple[str, bytes]]) -> Found:
    """Read files.

    Args:
        files: name and content of each.

    Raises:
        InvalidInput: they cannot be understood; the first reasons, with the file and the place in it.
    """
    found = Found()
    for name, content in files:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            found.refuse(name, "Expected text in UTF-8.")
            continue
        for place, item in _items(name, text, found):
            _take(place, item, found)
    if found.problems:
        raise InvalidInput(found.problems)
    return found


def _items(name: str, text: str, found: Found) -> Iterator[tuple[str, Json]]:
    if name.lower().endswith(".csv"):
        rows = csv.reader(io.StringIO(text))
        columns = next(rows, [])
        for number, row in enumerate(rows, start=2):
            if row:
                yield f"{name}: line {number}", document_of(columns, row, name)
        return
    try:
        decoded: Json = msgspec.json.decode(text)
    except msgspec.DecodeError:
        yield from _lines(name, text, found)
        return
    items = decoded
    if isinstance(decoded, dict):
        items = decoded.get("value", decoded.get("records", [decoded]))
    if not isinstance(items, list):
        found.refuse(name, "Expected a list of sign-ins in 'value' or 'records'.")
        return
    for number, item in enumerate(items):
        yield f"{name}: [{number}]", item


def _lines(name: str, text: str, found: Found) -> Iterator[tuple[str, Json]]:
    """Read one JSON document a line, as storage accounts keep diagnostic logs."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            place = f"{name}: line {number}"
            try:
                yield place, msgspec.json.decode(line)
            except msgspec.DecodeError as error:
                found.refuse(place, f"Not JSON: {error}.")


def _take(place: str, item: Json, found: Found) -> None:
    if not isinstance(item, dict):
        found.refuse(place, "Expected an object.")
        return
    document = item
    if "properties" in item or "category" in item:
        diagnostic = _diagnostic(item)
        if diagnostic is None:
            found.passed_over += 1
            return
        document = diagnostic
    key, time = document.get("id"), document.get("createdDateTime")
    if not isinstance(key, str) or not key:
        found.refuse(place, "Expected the id of a sign-in ('id', or 'Request ID' in CSV).")
        return
    sortable = sortable_time(time) if isinstance(time, str) else None
    if sortable is None:
        found.refuse(place, f"Expected a time in ISO 8601 ('createdDateTime'), found '{str(time)[:64]}'.")
        return
    document["createdDateTime"] = f"{sortable.rstrip('Z').rstrip('0').rstrip('.')}Z"
    found.sign_ins.append(SignIn(sortable, key.lower(), document))


def _diagnostic(record: Document) -> Document | None:
    """Unwrap a record of diagnostic settings; None if it is of another category."""
    event = _EVENTS.get(str(record.get("category", "")).lower())
    properties = record.get("properties")
    if event is None or not isinstance(properties, dict):
        return None
    document: Document = dict(properties)
    kind = document.get("userType")
    if isinstance(kind, str):
        document["userType"] = kind.lower()
    document.setdefault("createdDateTime", record.get("time"))
    document.setdefault("signInEventTypes", [event])
    document.setdefault("correlationId", record.get("correlationId"))
    document.setdefault("ipAddress", record.get("callerIpAddress"))
    code = str(record.get("resultType", ""))
    if "status" not in document and code.isdecimal():
        document["status"] = {"errorCode": int(code), "failureReason": record.get("resultDescription")}
    return document


def sortable_time(text: str) -> str | None:
    """Return a time in UTC with seven digits of a second, so that texts sort like times; None if it is none."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{'+00:00' if zone in {None, 'Z'} else zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(fraction or '')[:7]:0<7}Z"
