"""The table of permissions is that of our case file, and refusals say what would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from xtap.errors import Forbidden
from xtap.model.ids import TenantId
from xtap.service.caller import Caller
from xtap.service.permissions import DIRECTORY_ROLES, PERMISSIONS, RULES, Operation, require

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "conformance" / "permissions.yaml").read_text())
TENANT = TenantId("11111111-1111-4111-8111-111111111111")


def _caller(*permissions: str, application: bool = True, roles: tuple[str, ...] = ()) -> Caller:
    ids = frozenset(DIRECTORY_ROLES[role] for role in roles)
    return Caller(TENANT, "o", "c", "n", application, frozenset(permissions), ids)


def test_every_operation_has_its_row():
    listed = {
        each["name"]: (set(each["permissions"]), set(each.get("delegated", ())), set(each["roles"]))
        for each in TABLE["operations"]
    }
    assert listed == {
        each.name: (set(rule.permissions), set(rule.delegated), set(rule.roles)) for each, rule in RULES.items()
    }
    assert set(RULES) == set(Operation)


def test_role_ids_are_those_of_the_directory():
    assert dict(DIRECTORY_ROLES) == TABLE["directory_roles"]


def test_every_permission_that_does_something_is_offered():
    accepted = {name for each in TABLE["operations"] for name in (*each["permissions"], *each.get("delegated", ()))}
    assert set(PERMISSIONS) == accepted


@pytest.mark.parametrize("operation", Operation)
def test_a_refusal_names_every_permission_that_would_do(operation: Operation) -> None:
    for caller in (_caller(), _caller(application=False, roles=("Global Administrator",))):
        with pytest.raises(Forbidden) as refused:
            require(caller, operation)
        assert refused.value.message == "Insufficient privileges to complete the operation."
        (need,) = refused.value.needs
        assert all(name in need for name in RULES[operation].accepted(caller))
        assert all(name not in need for name in RULES[operation].delegated) or not caller.is_application
        assert ("application" in need) == caller.is_application


@pytest.mark.parametrize("operation", [operation for operation in Operation if RULES[operation].roles])
def test_a_refusal_names_every_role_that_would_do(operation: Operation) -> None:
    another = next(role for role in DIRECTORY_ROLES if role not in {*RULES[operation].roles, "Global Administrator"})
    with pytest.raises(Forbidden) as refused:
        require(_caller(*PERMISSIONS, application=False, roles=(another,)), operation)
    (need,) = refused.value.needs
    assert all(name in need for name in RULES[operation].roles)


def test_who_may_change_may_read():
    pairs = {
        Operation.WRITE_POLICY: Operation.READ_POLICY,
        Operation.WRITE_IDENTITY_SYNC: Operation.READ_IDENTITY_SYNC,
        Operation.WRITE_TEMPLATES: Operation.READ_TEMPLATES,
        Operation.WRITE_AUTHORIZATION_POLICY: Operation.READ_AUTHORIZATION_POLICY,
        Operation.WRITE_NETWORK_ACCESS: Operation.READ_NETWORK_ACCESS,
        Operation.WRITE_MULTITENANT: Operation.READ_MULTITENANT,
        Operation.WRITE_EXCHANGE_CAPABILITIES: Operation.READ_CAPABILITIES,
    }
    for writes, reads in pairs.items():
        assert set(RULES[writes].permissions) <= set(RULES[reads].permissions)
        assert set(RULES[writes].roles) - {"Global Administrator"} <= set(RULES[reads].roles)


def test_an_application_needs_no_directory_role():
    for operation in Operation:
        require(_caller(*PERMISSIONS), operation)


def test_a_global_administrator_may_what_a_permission_allows():
    for operation in Operation:
        require(_caller(*PERMISSIONS, application=False, roles=("Global Administrator",)), operation)
