"""The whole table of permissions, request by request: each permission, each directory role, app-only and delegated."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from xtap.graph.paths import addresses, build
from xtap.graph.routes import BETA_ROUTES, ROUTES
from xtap.identity.embedded import Delegation
from xtap.model.directory import Application
from xtap.server import demo
from xtap.testing.in_process import in_process
from xtap.testing.local_server import AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.in_process import InProcess

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "conformance" / "permissions.yaml").read_text())
OPERATIONS: list[dict[str, Any]] = TABLE["operations"]
PERMISSIONS = sorted(
    {name for each in OPERATIONS for name in (*each["permissions"], *each.get("delegated", ()))} | set(TABLE["others"])
)
ROLES: dict[str, str] = TABLE["directory_roles"]
KEY = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
OBJECT = "6f546279-4da5-4b53-a095-09ea0cef9971"

ASKED = ("evaluation", "evaluations", "search/subject", "search/resource", "search/action")
"""What the decision point answers to somebody."""

BETA_ONLY = {f"{method} /{path}" for path, methods in BETA_ROUTES.items() for method in methods}

CALLERS = (
    [("application", (name,), "") for name in PERMISSIONS]
    + [("delegated", (name,), role) for name in PERMISSIONS for role in ("", *ROLES, "Guest Inviter")]
    + [("application", (), ""), ("application", tuple(TABLE["others"]), "Global Administrator")]
    + [("delegated", (), "Global Administrator"), ("delegated", tuple(TABLE["others"]), "Global Administrator")]
)


class Asker:
    """The application, and a token for each kind of caller."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self._runner = runner
        self.app = app
        self._tokens: dict[tuple[str, tuple[str, ...], str], str] = {}

    def status(self, caller: tuple[str, tuple[str, ...], str], request: str, version: str) -> tuple[int, str]:
        """Send a request that changes nothing, and return status and error code."""
        method, _, path = request.partition(" ")
        url = path if version == "" else f"/{version}{path.replace('{key}', KEY)}"
        headers = {"Authorization": f"Bearer {self._token(caller)}"}
        if method in {"POST", "PUT", "PATCH"}:
            headers["Content-Type"] = "application/json"
        body = b"{}" if "Content-Type" in headers else b""
        answer = self._runner.run(self.app.client.request(method, url, headers=headers, content=body))
        found = answer.json() if answer.status_code >= 400 else {}
        return answer.status_code, found.get("error", {}).get("code", "") if isinstance(found, dict) else ""

    def _token(self, caller: tuple[str, tuple[str, ...], str]) -> str:
        if caller not in self._tokens:
            kind, permissions, role = caller
            issuer = self.app.application.issuer
            assert issuer is not None
            roles = (ROLES.get(role, "95e79109-95c0-4d8e-aee3-d01accf2d47b"),) if role else ()
            if kind == "delegated":
                user = Delegation("user@contoso.example", OBJECT, permissions, roles)
                token = issuer.mint_delegated(demo.CONTOSO.id, user, AUDIENCE)
            else:
                application = Application("test", "test", OBJECT, "", permissions)
                token = issuer.mint_app(demo.CONTOSO.id, application, AUDIENCE)
            self._tokens[caller] = token
        return self._tokens[caller]


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        context = in_process(tmp_path_factory.mktemp("app"), emulator=True)
        app = runner.run(context.__aenter__())
        stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
        yield Asker(runner, app)


def _may(operation: dict[str, Any], caller: tuple[str, tuple[str, ...], str]) -> bool:
    kind, permissions, role = caller
    accepted = [*operation["permissions"], *(operation.get("delegated", ()) if kind == "delegated" else ())]
    allowed = not set(permissions).isdisjoint(accepted)
    roles = operation["roles"] and {*operation["roles"], "Global Administrator"}
    return allowed and (kind == "application" or not roles or role in roles)


def test_the_table_has_every_address_once():
    listed = [request.lower() for operation in OPERATIONS for request in operation["requests"]]
    served = [f"{method} {path}".lower() for method, path in addresses(build({**ROUTES, **BETA_ROUTES}))]
    assert sorted([*listed, *(request.lower() for request in TABLE["anyone"])]) == sorted(served)


def test_anyone_may_ask_what_it_may(asker: Asker) -> None:
    for request in TABLE["anyone"]:
        for caller in CALLERS:
            assert asker.status(caller, request, "beta")[0] == 400  # the body is empty


@pytest.mark.parametrize(
    ("operation", "request_"),
    [pytest.param(each, request, id=request) for each in OPERATIONS for request in each["requests"]],
)
def test_who_may(asker: Asker, operation: dict[str, Any], request_: str) -> None:
    outcomes = set()
    for number, caller in enumerate(CALLERS):
        version = "beta" if request_ in BETA_ONLY else ("v1.0", "beta")[number % 2]
        status, code = asker.status(caller, request_, version)
        refused = (status, code) == (403, "Authorization_RequestDenied")
        assert refused != _may(operation, caller), (caller, status, code)
        assert refused or status not in {401, 403}, (caller, status, code)
        outcomes.add(refused)
    assert outcomes == {True, False}


def test_the_table_has_every_address_beside_graph_once(asker: Asker) -> None:
    listed = [request for group in TABLE["beside_graph"] for request in group["requests"]]
    emulator = asker.app.application.emulator
    assert emulator is not None
    served = [f"{method} /xtap/{name}" for name, methods in emulator._handlers.items() for method in methods]
    assert sorted(listed) == sorted([*served, *(f"POST /access/v1/{name}" for name in ASKED)])


@pytest.mark.parametrize(
    ("group", "request_"),
    [pytest.param(each, request, id=request) for each in TABLE["beside_graph"] for request in each["requests"]],
)
def test_who_may_beside_graph(asker: Asker, group: dict[str, Any], request_: str) -> None:
    outcomes = set()
    for caller in CALLERS:
        status, _ = asker.status(caller, request_, "")
        assert (status == 403) != _may(group, caller), (caller, status)
        assert status != 401, caller
        outcomes.add(status == 403)
    assert outcomes == {True, False}
