"""Which policies stand in these files? JSON files, folders of them, and decoded documents become policies.

A file holds one tenant's document (``xtap.semantics.loading`` says its shape), a list of such documents, or an object
``{"tenants": [...]}``. Errors name the file and the JSON path in it.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from xtap.errors import InvalidInput, MalformedRequest, Violation
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xtap.model.ids import TenantId
    from xtap.model.schema import Document, Json
    from xtap.semantics.documents import TenantPolicy

Source: TypeAlias = "str | PathLike[str] | Mapping[str, object] | Sequence[Mapping[str, object]]"
"""A path of a JSON file or of a folder with ``*.json`` files; or what such a file holds, decoded."""


def load(*sources: Source) -> Policies:
    """Read the policies of some tenants.

    >>> policies = load({"tenantId": "11111111-1111-4111-8111-111111111111", "displayName": "contoso"})
    >>> policies.named("contoso")
    '11111111-1111-4111-8111-111111111111'

    Args:
        sources: files, folders or decoded documents; together they hold each tenant once.

    Raises:
        MalformedRequest: a file is not there, cannot be read, or is not JSON.
        InvalidInput: a document is not understood; all reasons at once.
    """
    found: dict[TenantId, TenantPolicy] = {}
    places: dict[TenantId, str] = {}
    violations: list[Violation] = []
    for place, path, document in documents(sources):
        try:
            policy = tenant_policy(document, path)
        except InvalidInput as error:
            violations += [_at(place, each) for each in error.violations]
            continue
        tenant = policy.tenant_id
        if tenant in found:
            message = f"Tenant {tenant} stands in {places[tenant]} already. Keep one of the two."
            violations.append(_at(place, Violation(f"{path}.tenantId", message)))
        found[tenant], places[tenant] = policy, place
    if violations:
        raise InvalidInput(violations)
    return Policies(found.values())


def _at(place: str, violation: Violation) -> Violation:
    """Add the file and the path to a message, for readers who see nothing else."""
    message = f"{place}: {violation.path}: {violation.message}"
    return Violation(f"{place}: {violation.path}", message, violation.code)


def documents(sources: Sequence[Source]) -> Iterator[tuple[str, str, Json]]:
    """Yield each tenant's document with its file and its JSON path there, unread.

    Raises:
        MalformedRequest: a file is not there, cannot be read, or is not JSON.
    """
    for number, source in enumerate(sources, 1):
        if isinstance(source, str | PathLike):
            for file in _files(Path(source)):
                yield from _tenants(str(file), _read(file))
        else:
            yield from _tenants(f"argument {number}", _json(f"argument {number}", source))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise MalformedRequest(f"{path}: The folder has no *.json files.")
    return found


def _read(file: Path) -> Json:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise MalformedRequest(f"{file}: The file cannot be read: {error.strerror}.") from None
    try:
        value: Json = json.loads(content, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # refuses lone surrogates, which nobody could print
    except RecursionError:
        raise MalformedRequest(f"{file}: The JSON is nested too deep.") from None
    except ValueError as error:
        raise MalformedRequest(f"{file}: The file is not JSON: {error}.") from None
    return value


def _unique(pairs: list[tuple[str, Json]]) -> Document:
    """Refuse what two readers could read in two ways."""
    members: Document = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"member '{name}' stands twice in one object")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"'{name}' is no JSON value")


def _json(place: str, source: Mapping[str, object] | Sequence[Mapping[str, object]]) -> Json:
    """Take a copy of a decoded document, so that nobody changes it later."""
    try:
        value: Json = json.loads(json.dumps(source, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedRequest(f"{place}: Expected a path or decoded JSON: {error}.") from None
    return value


def _tenants(place: str, value: Json) -> Iterator[tuple[str, str, Json]]:
    path = "$"
    if isinstance(value, dict) and "tenants" in value:
        strange = [name for name in value if name != "tenants"]
        if strange:
            message = f"'{strange[0]}' is not known beside 'tenants'."
            raise InvalidInput([_at(place, Violation(f"$.{strange[0]}", message))])
        path, value = "$.tenants", value["tenants"]
        if not isinstance(value, list):
            raise InvalidInput([_at(place, Violation(path, "Expected a list of tenants."))])
    if not isinstance(value, list):
        yield place, path, value
        return
    if not value:
        raise InvalidInput([_at(place, Violation(path, "Expected at least one tenant, found none."))])
    for number, document in enumerate(value):
        yield place, f"{path}[{number}]", document
