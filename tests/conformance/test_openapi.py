"""Schemathesis, with what the public metadata says of these operations, against a real server.

The excerpts differ from the documentation in ways that are listed here, each with its reason; nothing else is allowed.
"""

from __future__ import annotations

import json
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

    from tests.conformance.conftest import FreshTenants

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
        if path.startswith((ROOT, DELETED))
    }
    for schema in raw["components"]["schemas"].values():
        for part in (schema, *schema.get("allOf", ())):
            _without_odata_type(part)
            _null_is_null(part)
    _values_that_exist(raw["components"]["schemas"])
    errors = raw["components"]["schemas"]["microsoft.graph.ODataErrors.InnerError"]
    # documented: the date has no zone, so it is no date-time
    errors["properties"]["date"] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
    return raw


def _operation(method: str, operation: dict[str, Any], path: str) -> dict[str, Any]:
    if method in {"patch", "put"}:
        assert operation["x-documented-status"] == 204, NO_BODY
        operation["responses"].pop("2XX", None)
        operation["responses"]["204"] = {"description": NO_BODY}
    operation["parameters"] = [_narrowed(each, path) for each in operation.get("parameters", ())]
    return operation


def _narrowed(parameter: dict[str, Any], path: str) -> dict[str, Any]:
    """Say which values exist, where the excerpt lets any text pass: requests get further."""
    if parameter.get("name") in {KEY, DELETED_KEY}:
        waiting = path.startswith(f"{DELETED}/crossTenantPartners/")
        keys = [ADDED, SECOND, ADDED.upper()] if waiting else [PARTNER, SECOND, ADDED, PARTNER.upper()]
        parameter["schema"] = {"type": "string", "enum": [*keys, "x"]}
    if parameter.get("name") == "m365CapabilityBase-name":
        parameter["schema"] = {"type": "string", "enum": [CARD, "x"]}
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
    for part in (capability, *capability.get("allOf", ())):
        if "name" in part.get("properties", {}):
            types = [f"#microsoft.graph.{name}" for name in (CARD, "crossTenantMailTipsAll", "crossTenantMigration")]
            part["properties"]["@odata.type"] = {"type": "string", "enum": types}
            part["properties"] = {each: part["properties"][each] for each in ("@odata.type", "inboundAccess")}
    partner = schemas["microsoft.graph.crossTenantAccessPolicyConfigurationPartner"]
    for part in (partner, *partner.get("allOf", ())):
        if "tenantId" in part.get("properties", {}):
            part["properties"]["tenantId"] = {"type": "string", "enum": [PARTNER, SECOND, ADDED]}
    for schema in schemas.values():
        for part in (schema, *schema.get("allOf", ())):
            for name, value in list(part.get("properties", {}).items()):
                if "x-ms-navigationProperty" in value and name != "identitySynchronization":
                    del part["properties"][name]  # not in this release, or has an address of its own


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
        opened.headers["Authorization"] = tenants.take("openapi")(None)
        _prepare(f"{tenants.server.http}/v1.0", opened)
        yield opened


def _prepare(url: str, session: requests.Session) -> None:
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
        response = case.call_and_validate(base_url=url, session=session, checks=CHECKS)
        statuses.add(response.status_code)
        if method in {"delete", "post"}:
            _prepare(url, session)

    _prepare(url, session)
    conform()
    assert 401 not in statuses
    return statuses


def test_the_operations_are_all_there():
    if not all(file.exists() for file in EXCERPTS.values()):
        pytest.skip(NOT_HERE)
    assert len(_paths()) == 2 * (28 + 3) + 2 + 21 + 2 * 12 + 11
