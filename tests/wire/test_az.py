"""The real Azure CLI: a cloud is registered, a service principal signs in, and ``az rest`` and ``az ad`` ask Graph.

``make test`` installs it, in an environment of its own (requirements/az.txt).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.samples import WOODGROVE
from tests.wire.tenants import ADMINISTRATOR, SECRET, register

if TYPE_CHECKING:
    from tests.wire.tenants import WireTenant
    from xtap.testing.local_server import LocalServer

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("az")]

AZ = Path(sys.prefix) / "az" / "bin" / "az"
PARTNERS = "/v1.0/policies/crossTenantAccessPolicy/partners"


@dataclass(frozen=True, slots=True)
class AzureCli:
    """The command with a configuration of its own, which trusts the server's authority and asks no other host."""

    server: LocalServer
    configuration: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        if not AZ.exists():
            pytest.fail("The Azure CLI is missing: 'make test' installs it.")
        own = {
            "AZURE_CONFIG_DIR": str(self.configuration),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "REQUESTS_CA_BUNDLE": str(self.server.ca),
        }
        command = [str(AZ), *arguments, "--output", "json"]
        return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False, timeout=120)

    def ask(self, *arguments: str) -> Any:
        """Return the JSON that a command printed, None for nothing; it must end well."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *arguments: str, code: int = 1) -> str:
        """Return what a command said that must end with this exit code."""
        done = self.run(*arguments)
        assert done.returncode == code, done.stdout
        return done.stderr

    def rest(self, method: str, path: str, body: object = None, *more: str) -> Any:
        content = [] if body is None else ["--body", json.dumps(body)]
        return self.ask("rest", "--method", method, "--url", f"{self.server.https}{path}", *content, *more)

    def choose_cloud(self, *endpoints: str) -> None:
        self.ask("cloud", "register", "--name", "xtap", *endpoints)
        self.ask("cloud", "set", "--name", "xtap")


def sign_in(tenant: str, secret: str = SECRET) -> list[str]:
    return ["login", "--service-principal", "-u", ADMINISTRATOR, "-p", secret, "--tenant", tenant]


@pytest.fixture(scope="module")
def signed_in(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[AzureCli, WireTenant]:
    """The CLI, signed in to a tenant that nobody else uses; it found every address by the one that it was told."""
    az, tenant = AzureCli(server, tmp_path_factory.mktemp("az")), register(server)
    az.choose_cloud("--endpoint-resource-manager", server.https)
    az.ask(*sign_in(tenant.id), "--allow-no-subscriptions")
    return az, tenant


@pytest.fixture
def az(signed_in: tuple[AzureCli, WireTenant]) -> AzureCli:
    return signed_in[0]


@pytest.fixture
def account(signed_in: tuple[AzureCli, WireTenant]) -> WireTenant:
    return signed_in[1]


def test_the_cloud_was_discovered_and_the_account_is_the_tenants(az: AzureCli, account: WireTenant):
    endpoints = az.ask("cloud", "show", "--name", "xtap")["endpoints"]
    assert endpoints["activeDirectory"] == az.server.https
    assert endpoints["microsoftGraphResourceId"] == f"{az.server.https}/"
    shown = az.ask("account", "show")
    assert (shown["environmentName"], shown["tenantId"], shown["state"]) == ("xtap", account.id, "Enabled")
    assert shown["user"] == {"name": ADMINISTRATOR, "type": "servicePrincipal"}
    assert az.rest("get", "/subscriptions?api-version=2022-12-01") == {"value": []}


def test_a_partner_is_created_read_changed_and_deleted(az: AzureCli, account: WireTenant):
    one = f"{PARTNERS}/{WOODGROVE}"
    created = az.rest("post", PARTNERS, {"tenantId": WOODGROVE, "inboundTrust": {"isMfaAccepted": True}})
    assert (created["tenantId"], created["inboundTrust"]["isMfaAccepted"]) == (WOODGROVE, True)
    listed = az.rest("get", f"{PARTNERS}?$select=tenantId&$top=1")  # sent as %24select and %24top
    assert listed["value"] == [{"tenantId": WOODGROVE}]
    assert az.rest("get", PARTNERS, None, "--uri-parameters", "$filter=inboundTrust/isMfaAccepted eq false") == {
        "@odata.context": listed["@odata.context"].replace("(tenantId)", ""),
        "value": [],
    }
    assert az.rest("patch", one, {"inboundTrust": None}) is None
    assert account.read(f"/partners/{WOODGROVE}")["inboundTrust"] is None
    assert az.rest("delete", one) is None
    said = az.refused("rest", "--url", f"{az.server.https}{one}")
    assert "Not Found" in said
    assert "Request_ResourceNotFound" in said


def test_an_action_and_a_beta_address(az: AzureCli):
    default = "policies/crossTenantAccessPolicy/default"
    az.rest("patch", f"/beta/{default}", {"inboundTrust": {"isMfaAccepted": True}})
    assert az.rest("get", f"/beta/{default}")["isServiceDefault"] is False
    az.rest("post", f"/beta/{default}/resetToSystemDefault")
    assert az.rest("get", f"/beta/{default}")["isServiceDefault"] is True


def test_a_batch(az: AzureCli):
    parts = [{"id": "1", "method": "GET", "url": "/policies/crossTenantAccessPolicy/default?$select=isServiceDefault"}]
    (answer,) = az.rest("post", "/v1.0/$batch", {"requests": parts})["responses"]
    assert (answer["status"], answer["body"]["isServiceDefault"]) == (200, True)


def test_people_and_groups_are_looked_up_by_name(az: AzureCli, account: WireTenant, tmp_path: Path):
    people = tmp_path / "people.json"
    user = {"id": "aaaaaaaa-0000-4000-8000-000000000001", "userPrincipalName": "amy@wire.example", "displayName": "Amy"}
    group = {"id": "aaaaaaaa-0000-4000-8000-000000000100", "displayName": "Sales", "members": [user["id"]]}
    people.write_text(json.dumps({"users": [user], "groups": [group]}), encoding="utf-8")
    account.server.run("tenant", "import", account.id, str(people))
    assert az.ask("ad", "user", "show", "--id", "amy@wire.example")["id"] == user["id"]
    assert [each["displayName"] for each in az.ask("ad", "user", "list", "--display-name", "A")] == ["Amy"]
    assert [each["id"] for each in az.ask("ad", "group", "list", "--display-name", "Sales")] == [group["id"]]
    nobody = az.refused("ad", "user", "show", "--id", "nobody@wire.example", code=3)
    assert "Resource 'nobody@wire.example' does not exist" in nobody


def test_a_wrong_secret_is_refused_in_the_words_of_entra(az: AzureCli):
    other = register(az.server)  # of the account that is signed in, the CLI has a token already
    assert "AADSTS7000215" in az.refused(*sign_in(other.id, "wrong"), "--allow-no-subscriptions")


def test_a_tenant_has_no_subscriptions(az: AzureCli, account: WireTenant):
    assert f"No subscriptions found for {ADMINISTRATOR}" in az.refused(*sign_in(account.id))


def test_every_address_can_be_told_instead(server: LocalServer, tmp_path: Path):
    az, tenant = AzureCli(server, tmp_path), register(server)
    names = ("active-directory-resource-id", "active-directory-graph-resource-id", "microsoft-graph-resource-id")
    told = [f"--endpoint-{name}={server.https}/" for name in (*names, "resource-manager", "management")]
    az.choose_cloud("--skip-endpoint-discovery", f"--endpoint-active-directory={server.https}", *told)
    az.ask(*sign_in(tenant.id), "--allow-no-subscriptions")
    assert az.rest("get", PARTNERS)["value"] == []


def test_a_token_of_ones_own_needs_no_sign_in(server: LocalServer, tmp_path: Path):
    az, tenant = AzureCli(server, tmp_path), register(server)
    ask = ["rest", "--url", f"{server.http}{PARTNERS}", "--skip-authorization-header"]
    assert az.ask(*ask, "--headers", f"Authorization=Bearer {tenant.token()}")["value"] == []
    assert "InvalidAuthenticationToken" in az.refused(*ask)
