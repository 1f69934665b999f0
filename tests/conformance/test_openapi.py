"""Schemathesis, with what the public metadata says of these operations, against a real server.

The excerpts differ from the documentation in ways that are listed here, each with its reason; nothing else is allowed.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from xtap.model import policies
from xtap.model.schema import properties
from xtap.model.sign_in_files import SignIn
from xtap.server import demo
from xtap.server.storage import DATABASE
from xtap.service import sign_ins
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

    from tests.conformance.conftest import FreshTenants
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document

DATA = Path(__file__).parents[3] / "shared" / "data"
EXCERPTS = {version: DATA / f"openapi-{version}-excerpt.json" for version in ("v1.0", "beta")}
EXAMPLES = {GenerationMode.POSITIVE: 100, GenerationMode.NEGATIVE: 25}

PARTNER = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
SECOND = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a"
CARD = "crossTenantOpenProfileCard"
ADDED = "123f4846-ba00-4fd7-ba43-dac1f8f63013"
ROOT = "/policies/crossTenantAccessPolicy"
KEY = "crossTenantAccessPolicyConfigurationPartner-tenantId"
DELETED = "/policies/deletedItems"
DELETED_KEY = "crossTenantIdentitySyncPolicyPartner-tenantId"

MTO = "/tenantRelationships/multiTenantOrganization"
PARTNERS = [PARTNER, SECOND, ADDED, PARTNER.upper(), "x"]
AUDIT = "00000000-aaaa-4aaa-8aaa-000000000000"
"""Stands for an entry of the audit log, whose ids nobody knows before."""

SIGN_IN = "5160d12a-0000-4000-8000-000000000001"
KEYS = {
    KEY: PARTNERS,
    DELETED_KEY: PARTNERS,
    "m365CapabilityBase-name": [CARD, "x"],
    "multiTenantOrganizationMember-id": [SECOND, ADDED, "x"],
    "directoryAudit-id": [AUDIT, SECOND, "x"],
    "signIn-id": [SIGN_IN, SECOND, "x"],
    "tenantId": [demo.FABRIKAM.id, SECOND, "x"],
    "domainName": ["fabrikam.example", "nobody.example", ""],
}
"""Values of parameters that lead somewhere, and some that do not."""

READ_ONLY = {
    "entity": {"id"},
    "serviceProviderConstraints": {"id"},
    "multiTenantOrganization": {"createdDateTime", "state"},
    "multiTenantOrganizationMember": {
        "addedDateTime",
        "joinedDateTime",
        "addedByTenantId",
        "state",
        "transitionDetails",
    },
    "multiTenantOrganizationJoinRequestRecord": {"memberState", "role", "transitionDetails"},
}
"""What the excerpts call read-only in words only; most writes with it would be refused."""

NOT_HERE = "the metadata excerpts are not in this checkout"
NO_BODY = "every reference page says 204 without a body, the metadata promises the object"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def _paths() -> list[ParameterSet]:
    if not all(file.exists() for file in EXCERPTS.values()):
        return [
            pytest.param("", "", "", marks=pytest.mark.skip(reason="the metadata excerpts are not in this checkout"))
        ]
    return [
        pytest.param(version, method, path, id=f"{version} {method.upper()} {path.replace(KEY, 'tenantId')}")
        for version in EXCERPTS
        for path, methods in _adapted(version)["paths"].items()
        for method in methods
        if method != "parameters"
    ]


def _can_be_wrong(parameters: ParameterSet) -> bool:
    """Say whether an operation has a body or query options, so that there is something to be wrong."""
    version, method, path = parameters.values
    return not version or method in {"get", "put", "patch"} or str(path).endswith("/partners")


@cache
def _adapted(version: str) -> dict[str, Any]:
    """Return the excerpt of a version: only our operations, and with the differences that are intended."""
    raw: dict[str, Any] = json.loads(EXCERPTS[version].read_text())
    raw["paths"] = {
        path: {
            name: [_narrowed(each, path) for each in part] if name == "parameters" else _operation(name, part, path)
            for name, part in item.items()
        }
        for path, item in raw["paths"].items()
    }
    for schema in raw["components"]["schemas"].values():
        for part in _parts(schema):
            _without_odata_type(part)
            _null_is_null(part)
    _values_that_exist(raw["components"]["schemas"])
    for methods in raw["paths"].values():
        for method, operation in methods.items():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                content["application/json"]["schema"] = _body(raw["components"]["schemas"], method, content)
    errors = raw["components"]["schemas"]["microsoft.graph.ODataErrors.InnerError"]
    # documented: the date has no zone, so it is no date-time
    errors["properties"]["date"] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
    return raw


def _operation(method: str, operation: dict[str, Any], path: str) -> dict[str, Any]:
    if method in {"patch", "put"}:
        documented = operation["x-documented-status"]
        assert documented in {201, 204}, NO_BODY
        described = operation["responses"].pop("2XX", None)
        operation["responses"][str(documented)] = described if documented == 201 else {"description": NO_BODY}
    operation["parameters"] = [_narrowed(each, path) for each in operation.get("parameters", ())]
    return operation


def _narrowed(parameter: dict[str, Any], path: str) -> dict[str, Any]:
    """Say which values exist, where the excerpt lets any text pass: requests get further."""
    name = parameter.get("name")
    if name in KEYS:
        waiting = name == KEY and path.startswith(f"{DELETED}/crossTenantPartners/")
        parameter["schema"] = {"type": "string", "enum": [ADDED, SECOND, "x"] if waiting else KEYS[name]}
    if parameter.get("name") in {"$select", "$orderby"}:
        parameter["schema"]["items"] = {"type": "string", "enum": ["id", "name", *properties(policies.BetaPartner)]}
    if parameter.get("name") == "$expand":
        parameter["schema"]["items"] = {"type": "string", "enum": ["identitySynchronization", "default"]}
    return parameter


def _values_that_exist(schemas: dict[str, Any]) -> None:
    """Say which values exist, where the excerpt lets any text pass: writes get further."""
    target = schemas["microsoft.graph.crossTenantAccessPolicyTarget"]["properties"]
    target["target"] = {"type": "string", "enum": ["AllUsers", "AllApplications", "Office365", PARTNER]}
    capability = schemas["microsoft.graph.m365CapabilityBase"]
    for part in _parts(capability):
        if "name" in part.get("properties", {}):
            types = [f"#microsoft.graph.{name}" for name in (CARD, "crossTenantMailTipsAll", "crossTenantMigration")]
            part["properties"]["@odata.type"] = {"type": "string", "enum": types}
            part["properties"] = {each: part["properties"][each] for each in ("@odata.type", "inboundAccess")}
    for name, members in READ_ONLY.items():
        _say(schemas, name, {each: {"readOnly": True} for each in members})
    for schema in schemas.values():
        for part in _parts(schema):
            for name, value in list(part.get("properties", {}).items()):
                if "x-ms-navigationProperty" in value and name != "identitySynchronization":
                    del part["properties"][name]  # not in this release, or has an address of its own


def _body(schemas: dict[str, Any], method: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return a body's schema with the properties of its type and no others, and what a new object must have."""
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    known = {each: value for part in _parts(schemas[name]) for each, value in part.get("properties", {}).items()}
    if "tenantId" in known:
        known["tenantId"] = {"type": "string", "enum": [PARTNER, SECOND, ADDED]}
    needed = [each for each in ("tenantId", "@odata.type") if each in known][:1] if method == "post" else []
    whole = {"type": "object", "properties": known, "required": needed, "additionalProperties": False}
    return _sent(schemas, whole)


def _sent(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that names, instead of types, copies of them without other properties than those described."""
    text = json.dumps(schema)
    for name in re.findall('"#/components/schemas/([^"]+)"', text):
        if f"{name}.sent" not in schemas:
            closed = {"additionalProperties": False} if "properties" in schemas[name] else {}
            schemas[f"{name}.sent"] = closed
            schemas[f"{name}.sent"] = _sent(schemas, schemas[name]) | closed
    sent: dict[str, Any] = json.loads(re.sub('("#/components/schemas/[^"]+)"', r'\1.sent"', text))
    return sent


def _say(schemas: dict[str, Any], name: str, more: dict[str, dict[str, Any]]) -> None:
    """Say more of properties of one schema."""
    for part in _parts(schemas[f"microsoft.graph.{name}"]):
        for each in more.keys() & part.get("properties", {}).keys():
            part["properties"][each] |= more[each]


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from schema.get("allOf", ())


def _without_odata_type(schema: dict[str, Any]) -> None:
    """The service sends ``@odata.type`` only where the type is derived; the metadata requires it everywhere."""
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name != "@odata.type"]
        if not schema["required"]:
            del schema["required"]
    schema.pop("discriminator", None)


def _null_is_null(schema: dict[str, Any]) -> None:
    """The metadata writes null as "any object, nullable", which would let every object pass: make it null."""
    for value in schema.get("properties", {}).values():
        if {"type": "object", "nullable": True} in value.get("anyOf", ()):
            value["anyOf"] = [value["anyOf"][0], {"enum": [None], "nullable": True}]
        _null_is_null({"properties": {"items": value["items"]}} if "items" in value else {})


@cache
def _schema(version: str) -> Any:
    return schemathesis.openapi.from_dict(_adapted(version))


@pytest.fixture(scope="module")
def session(tenants: FreshTenants) -> Iterator[requests.Session]:
    """A session of a tenant that has the partner of the cases."""
    with requests.Session() as opened:
        tokens = tenants.take("openapi")
        opened.headers["Authorization"] = tokens(None)
        asyncio.run(_bring_sign_in(tenants, tokens.tenant))
        _prepare_policies(f"{tenants.server.http}/v1.0", opened)
        yield opened


async def _bring_sign_in(tenants: FreshTenants, tenant: TenantId) -> None:
    """Import one sign-in, as ``xtap tenant import-signins`` does."""
    time = "2026-01-10T08:00:00.0000000Z"
    document: Document = {"id": SIGN_IN, "createdDateTime": time, "userId": PARTNER, "status": {"errorCode": 0}}
    store = SqliteStore.open(tenants.server.folder / ".xtap" / DATABASE, exclusive=False)
    await sign_ins.bring(store, tenant, [SignIn(time, SIGN_IN, document)])
    await store.close()


def _prepare(url: str, session: requests.Session, method: str, path: str) -> None:
    """Make sure that the objects of the cases are there."""
    if path.startswith(MTO):
        _prepare_organization(url, session, apart=(method, path) == ("put", MTO))
    elif path.startswith("/policies"):
        _prepare_policies(url, session)


def _prepare_organization(url: str, session: requests.Session, *, apart: bool) -> None:
    """Make sure that there is an organization with another tenant; or that there is none, if it is to be created."""
    if apart:
        own = session.get(f"{url}/organization").json()["value"][0]["id"]
        assert session.delete(f"{url}{MTO}/tenants/{own}").status_code in {204, 404}
    else:
        assert session.put(f"{url}{MTO}", json={"displayName": "x"}).status_code in {201, 400}
        for tenant in (PARTNER, ADDED):
            assert session.delete(f"{url}{MTO}/tenants/{tenant}").status_code in {204, 404}
        assert session.post(f"{url}{MTO}/tenants", json={"tenantId": SECOND}).status_code in {201, 400}


def _prepare_policies(url: str, session: requests.Session) -> None:
    """Make sure that the partners of the cases are there, and one of them has a synchronization policy."""
    partners = f"{url}{ROOT}/partners"
    body: dict[str, Any] = {"tenantId": PARTNER, "automaticUserConsentSettings": {"inboundAllowed": True}}
    if session.post(partners, json=body).status_code == 409:
        assert session.patch(f"{partners}/{PARTNER}", json=body).status_code == 204
    sync = {"userSyncInbound": {"isSyncAllowed": True}}
    assert session.put(f"{partners}/{PARTNER}/identitySynchronization", json=sync).status_code == 204
    access = {"inboundAccess": {"isAllowed": True}}
    card = {"@odata.type": f"#microsoft.graph.{CARD}"} | access
    for place in ("default", f"partners/{PARTNER}"):
        assert session.post(f"{url}{ROOT}/{place}/m365Capabilities", json=card).status_code in {201, 409}
    for partner in (SECOND, ADDED):
        assert session.delete(f"{partners}/{partner}/identitySynchronization").status_code in {204, 404}
    assert session.post(partners, json={"tenantId": SECOND}).status_code in {201, 409}
    assert session.patch(f"{partners}/{PARTNER}/serviceProviderConstraints", json={}).status_code == 204
    # one is wanted in the bin, with something of its own
    assert session.post(partners, json={"tenantId": ADDED}).status_code in {201, 409}
    assert session.patch(f"{partners}/{ADDED}/serviceProviderConstraints", json={}).status_code == 204
    assert session.post(f"{partners}/{ADDED}/m365Capabilities", json=card).status_code in {201, 409}
    assert session.delete(f"{partners}/{ADDED}").status_code == 204
    assert session.put(f"{partners}/{SECOND}/identitySynchronization", json={}).status_code == 204
    assert session.delete(f"{partners}/{SECOND}/identitySynchronization").status_code == 204


@pytest.mark.wire
@pytest.mark.parametrize(("version", "method", "path"), _paths())
def test_requests_as_described(
    version: str, method: str, path: str, tenants: FreshTenants, session: requests.Session
) -> None:
    statuses = _conform(version, method, path, f"{tenants.server.http}/{version}", session, GenerationMode.POSITIVE)
    assert statuses & {200, 201, 204, 405, 409}, "no request was understood"


@pytest.mark.wire
@pytest.mark.parametrize(("version", "method", "path"), [each for each in _paths() if _can_be_wrong(each)])
def test_requests_unlike_described(
    version: str, method: str, path: str, tenants: FreshTenants, session: requests.Session
) -> None:
    _conform(version, method, path, f"{tenants.server.http}/{version}", session, GenerationMode.NEGATIVE)


def _conform(
    version: str, method: str, path: str, url: str, session: requests.Session, mode: GenerationMode
) -> set[int]:
    """Send many requests of one operation, check every answer, and return which statuses there were."""
    statuses: set[int] = set()

    @settings(max_examples=EXAMPLES[mode], deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=_schema(version)[path][method].as_strategy(generation_mode=mode))
    def conform(case: schemathesis.Case[Any]) -> None:
        if case.path_parameters.get("directoryAudit-id") == AUDIT:
            case.path_parameters["directoryAudit-id"] = audit
        response = case.call_and_validate(base_url=url, session=session, checks=CHECKS)
        statuses.add(response.status_code)
        if method in {"delete", "post"} or (method, path) == ("put", MTO):
            _prepare(url, session, method, path)

    _prepare(url, session, method, path)
    audit = session.get(f"{url}/auditLogs/directoryAudits?$top=1").json()["value"][0]["id"]
    conform()
    assert 401 not in statuses
    return statuses


def test_the_operations_are_all_there():
    if not all(file.exists() for file in EXCERPTS.values()):
        pytest.skip(NOT_HERE)
    described = {
        version: sum(len(set(item) - {"parameters"}) for item in json.loads(file.read_text())["paths"].values())
        for version, file in EXCERPTS.items()
    }
    assert described == {"v1.0": 60, "beta": 94}
    assert described == {version: sum(each.values[0] == version for each in _paths()) for version in EXCERPTS}
