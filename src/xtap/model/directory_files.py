"""Which users, groups and applications stand in these files? JSON as of Graph, CSV as of admin centers.

    {"users": [{"id": "…", "userPrincipalName": "…"}], "groups": [{"id": "…", "displayName": "…", "members": ["…"]}],
     "servicePrincipals": [{"id": "…", "appId": "…", "displayName": "…"}]}

A list answer of Graph (``{"@odata.context": "…#users", "value": […]}``) is read too. A CSV file is known by its
columns: ``groupId`` and ``memberId`` are memberships, ``userPrincipalName`` makes users, ``appId`` applications,
anything else with ``id`` and ``displayName`` groups. Properties that the directory does not keep are passed over.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from xtap.errors import InvalidInput, Violation
from xtap.model.directory import ServicePrincipal, StoredGroup, User
from xtap.model.ids import is_guid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from xtap.model.schema import Document, Json

LISTS: Final[Mapping[str, type[User | StoredGroup | ServicePrincipal]]] = {
    "users": User,
    "groups": StoredGroup,
    "servicePrincipals": ServicePrincipal,
}


class Found(Struct):
    """What stands in some files; memberships are pairs of group id and member id."""

    objects: dict[str, User | StoredGroup | ServicePrincipal] = field(default_factory=dict)
    memberships: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Violation] = field(default_factory=list)


def read(files: Iterable[tuple[str, bytes]]) -> tuple[User | StoredGroup | ServicePrincipal, ...]:
    """Read files that belong together.

    Args:
        files: name and content of each.

    Raises:
        InvalidInput: they cannot be understood; all reasons, with the file and the place in it.
    """
    found = Found()
    for name, content in files:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            found.problems.append(Violation(name, f"{name}: Expected text in UTF-8."))
            continue
        for kind, place, item in _items(name, text, found):
            _take(kind, place, item, found)
    _join(found)
    _unique_names(found)
    if found.problems:
        raise InvalidInput(found.problems)
    return tuple(found.objects.values())


def _items(name: str, text: str, found: Found) -> Iterator[tuple[str, str, Json]]:
    """Yield the kind, the place and the content of each object of a file."""
    if name.lower().endswith(".csv"):
        yield from _rows(name, text, found)
        return
    try:
        document: Json = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        found.problems.append(Violation(name, f"{name}: Not JSON: {error}."))
        return
    if not isinstance(document, dict) or "@odata.nextLink" in document:
        message = "Expected an object with users, groups or servicePrincipals, complete with all pages."
        found.problems.append(Violation(name, f"{name}: {message}"))
        return
    lists = _lists(document)
    if not any(lists.values()):
        found.problems.append(Violation(name, f"{name}: The file has no users, groups or applications."))
    for kind, items in lists.items():
        if kind not in LISTS:
            known = ", ".join(LISTS)
            found.problems.append(Violation(name, f"{name}: '{kind}' is not known. There are {known}."))
            continue
        if not isinstance(items, list):
            found.problems.append(Violation(name, f"{name}: '{kind}' is no list."))
            continue
        for place, item in enumerate(items):
            yield kind, f"{name}: {kind}[{place}]", item


def _lists(document: Document) -> Document:
    if "value" not in document:
        return {kind: items for kind, items in document.items() if "@" not in kind}
    kind = str(document.get("@odata.context", "")).rpartition("#")[2].partition("(")[0].partition("/")[0]
    return {kind or "value": document["value"]}


def _rows(name: str, text: str, found: Found) -> Iterator[tuple[str, str, Json]]:
    known = {each.lower(): each for kind in LISTS.values() for each in kind.__struct_encode_fields__}
    known |= {"groupid": "groupId", "memberid": "memberId"}
    rows = csv.reader(io.StringIO(text))
    columns = [known.get(column.strip().lower(), column) for column in next(rows, [])]
    if {"groupId", "memberId"} <= {*columns}:
        kind = "memberships"
    elif "userPrincipalName" in columns:
        kind = "users"
    else:
        kind = "servicePrincipals" if "appId" in columns else "groups"
    number = 0
    for number, row in enumerate(rows, start=2):
        if len(row) > len(columns):
            found.problems.append(Violation(name, f"{name}: line {number} has more cells than the header has columns."))
        cells: Document = {column: cell for column, cell in zip(columns, row, strict=False) if cell}
        if cells:
            yield kind, f"{name}: line {number}", cells
    if not number:
        found.problems.append(Violation(name, f"{name}: The table has no rows, or no header before them."))


def _take(kind: str, place: str, item: Json, found: Found) -> None:
    """Take in one object or membership."""
    if kind == "memberships" and isinstance(item, dict):
        found.memberships.append((str(item.get("groupId", "")).lower(), str(item.get("memberId", "")).lower()))
        return
    try:
        made = msgspec.convert(_plain(item), LISTS[kind], strict=False)
    except msgspec.ValidationError as error:
        found.problems.append(Violation(place, f"{place}: {error}."))
        return
    made = replace(made, id=made.id.lower())
    if isinstance(made, StoredGroup):
        made = replace(made, members=tuple(dict.fromkeys(member.lower() for member in made.members)))
    if isinstance(made, ServicePrincipal):
        made = replace(made, app_id=made.app_id.lower())
    found.problems += _problems(made, place, found)
    found.objects[made.id] = made


def _plain(item: Json) -> Json:
    """Members of a group may be whole objects, as Graph expands them; null stands for "not given"."""
    if not isinstance(item, dict):
        return item
    kept: Document = {name: value for name, value in item.items() if value is not None}
    members = kept.get("members")
    if isinstance(members, list):
        kept["members"] = [member.get("id") if isinstance(member, dict) else member for member in members]
    return kept


def _problems(made: User | StoredGroup | ServicePrincipal, place: str, found: Found) -> Iterator[Violation]:
    if not is_guid(made.id):
        yield Violation(place, f"{place}: Expected an object id (GUID), found '{made.id[:64]}'.")
    if isinstance(made, ServicePrincipal) and not is_guid(made.app_id):
        yield Violation(place, f"{place}: Expected an application id (GUID), found '{made.app_id[:64]}'.")
    if made.id in found.objects:
        yield Violation(place, f"{place}: The object {made.id} stands in the files twice. Keep one.")


def _join(found: Found) -> None:
    """Put memberships into their groups."""
    members: dict[str, dict[str, None]] = {}
    for group, member in found.memberships:
        members.setdefault(group, {})[member] = None
    for group, more in members.items():
        there = found.objects.get(group)
        if isinstance(there, StoredGroup):
            found.objects[group] = replace(there, members=tuple(dict.fromkeys((*there.members, *more))))
        else:
            found.problems.append(
                Violation(group, f"Members of group '{group[:64]}' are given, but not the group. Import both together.")
            )


def _unique_names(found: Found) -> None:
    names: dict[str, str] = {}
    for each in found.objects.values():
        if isinstance(each, User) and names.setdefault(each.user_principal_name.lower(), each.id) != each.id:
            message = f"Two users are called '{each.user_principal_name}': {names[each.user_principal_name.lower()]}"
            found.problems.append(Violation(each.id, f"{message} and {each.id}."))
