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
EXAMPLES = 100

PARTNER = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
NOBODY = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a"
ROOT = "/policies/crossTenantAccessPolicy"
KEY = "crossTenantAccessPolicyConfigurationPartner-tenantId"

LATER = {
    "/m365Capabilities": "not in this release",
    "/restore": "not in this release: a deleted partner is gone",
    "/serviceProviderConstraints": "in the metadata only; no page says what it does",
}
"""Parts of addresses that are left out, and why."""

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
        return [pytest.param("", "", "", marks=pytest.mark.skip(reason="the metadata excerpts are not in this checkout"))]
    return [
        pytest.param(version, method, path, id=f"{version} {method.upper()} {path.replace(KEY, 'tenantId')}")
        for version in EXCERPTS
        for path, methods in _adapted(version)["paths"].items()
        for method in methods
    ]


@cache
def _adapted(version: str) -> dict[str, Any]:
    """Return the excerpt of a version: only our operations, and with the differences that are intended."""
    raw: dict[str, Any] = json.loads(EXCERPTS[version].read_text())
    raw["paths"] = {
        path: {method: _operation(method, each) for method, each in item.items() if isinstance(each, dict)}
        for path, item in raw["paths"].items()
        if path.startswith(ROOT) and not any(part in path for part in LATER)
    }
    for schema in raw["components"]["schemas"].values():
        for part in (schema, *schema.get("allOf", ())):
            _without_odata_type(part)
            _null_is_null(part)
    errors = raw["components"]["schemas"]["microsoft.graph.ODataErrors.InnerError"]
    # documented: the date has no zone, so it is no date-time
    errors["properties"]["date"] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
    return raw


def _operation(method: str, operation: dict[str, Any]) -> dict[str, Any]:
    if method in {"patch", "put"}:
        assert operation["x-documented-status"] == 204, NO_BODY
        operation["responses"].pop("2XX", None)
        operation["responses"]["204"] = {"description": NO_BODY}
    for parameter in operation.get("parameters", ()):
        _narrowed(parameter)
    return operation


def _narrowed(parameter: dict[str, Any]) -> None:
    """Say which values exist, where the excerpt lets any text pass: requests get further."""
    if parameter.get("name") == KEY:
        parameter["schema"] = {"type": "string", "enum": [PARTNER, NOBODY, PARTNER.upper(), "x"]}
    if parameter.get("name") in {"$select", "$orderby"}:
        parameter["schema"]["items"] = {"type": "string", "enum": ["id", *properties(policies.BetaPartner)]}
    if parameter.get("name") == "$expand":
        parameter["schema"]["items"] = {"type": "string", "enum": ["identitySynchronization", "default"]}


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
        url = f"{tenants.server.http}/v1.0{ROOT}/partners"
        body = {"tenantId": PARTNER, "automaticUserConsentSettings": {"inboundAllowed": True}}
        assert opened.post(url, json=body).status_code == 201
        sync = {"userSyncInbound": {"isSyncAllowed": True}}
        assert opened.put(f"{url}/{PARTNER}/identitySynchronization", json=sync).status_code == 204
        yield opened


@pytest.mark.wire
@pytest.mark.parametrize("mode", schemathesis.GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("version", "method", "path"), _paths())
def test_operation(
    version: str,
    method: str,
    path: str,
    mode: schemathesis.GenerationMode,
    tenants: FreshTenants,
    session: requests.Session,
) -> None:
    operation = _schema(version)[path][method]
    statuses: set[int] = set()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def conform(case: schemathesis.Case) -> None:
        response = case.call_and_validate(
            base_url=f"{tenants.server.http}/{version}", session=session, checks=CHECKS
        )
        statuses.add(response.status_code)

    conform()
    print(version,method,path,mode.value,sorted(statuses))
    assert statuses
    assert 401 not in statuses
    assert 403 not in statuses


def test_the_operations_are_all_there():
    if not all(file.exists() for file in EXCERPTS.values()):
        pytest.skip("the metadata excerpts are not in this checkout")
    assert len(_paths()) == 2 * 28
