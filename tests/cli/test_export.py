"""``xtap export``: what is exported means what the server says, and comes back by ``xtap seed``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cli.contoso_and_fabrikam import CONTOSO, FABRIKAM, SHAREPOINT, contoso
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from pathlib import Path

CLOUDS = ["microsoftonline.us"]


@pytest.mark.wire
def test_what_is_exported_comes_back(tmp_path: Path):
    with running(tmp_path, "--emulator") as server:
        beta = f"{server.http}/beta/policies/crossTenantAccessPolicy"
        with httpx.Client(headers=server.headers()) as client:
            for partner in contoso()["partners"]:
                client.post(f"{beta}/partners", json=partner).raise_for_status()
            client.patch(beta, json={"displayName": "ours", "allowedCloudEndpoints": CLOUDS}).raise_for_status()
            client.patch(f"{beta}/default", json={"inboundTrust": {"isMfaAccepted": True}}).raise_for_status()
            sync = {"userSyncInbound": {"isSyncAllowed": True}}
            partner = contoso()["partners"][0]["tenantId"]
            consent = {"automaticUserConsentSettings": {"inboundAllowed": True}}
            client.patch(f"{beta}/partners/{partner}", json=consent).raise_for_status()
            client.put(f"{beta}/partners/{partner}/identitySynchronization", json=sync).raise_for_status()
            listing = f"{beta}/partners?$expand=identitySynchronization"
            before = [client.get(address).json() for address in (beta, f"{beta}/default", listing)]
        said = server.run("export", "--all", "--to", "policies")
        assert said.stdout.split() == [f"policies/{CONTOSO}.json", f"policies/{FABRIKAM}.json"]
        exported = json.loads((tmp_path / "policies" / f"{CONTOSO}.json").read_text())
        assert (exported["displayName"], exported["policy"]["allowedCloudEndpoints"]) == ("contoso", CLOUDS)
        assert exported["default"]["inboundTrust"]["isMfaAccepted"] is True
        assert json.loads(server.run("export", "contoso").stdout) == exported
        assert [each["tenantId"] for each in json.loads(server.run("export", "--all").stdout)] == [CONTOSO, FABRIKAM]
        asked = ("--home", FABRIKAM, "--resource", CONTOSO, "--no-groups", "--user", SHAREPOINT, "--app", SHAREPOINT)
        decided = server.run("decide", "policies", *asked, "--output", "json", check=False)
        assert decided.returncode in {0, 2}
        assert json.loads(decided.stdout)["decision"] is (decided.returncode == 0)
        server.run("reset")
        server.run("seed", "policies")
        with httpx.Client(headers=server.headers()) as client:
            after = [client.get(address).json() for address in (beta, f"{beta}/default", listing)]
        assert _lasting(after) == _lasting(before)


def _lasting(value: object) -> object:
    """Leave out the times of changes."""
    if isinstance(value, dict):
        return {name: _lasting(member) for name, member in value.items() if not name.endswith("DateTime")}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


@pytest.mark.wire
def test_wrong_usage_of_export_is_one_line(tmp_path: Path):
    with running(tmp_path) as server:
        (tmp_path / "file").write_text("")
        for arguments, message in (
            ((), "Name the tenants to export, or pass --all"),
            (("contoso", "--all"), "Name the tenants to export, or pass --all"),
            (("nobody",), "No tenant 'nobody' is registered"),
            (("--all", "--to", "file"), "cannot be written"),
        ):
            said = server.run("export", *arguments, check=False)
            assert (said.returncode, said.stdout) == (1, "")
            assert message in said.stderr
            assert len(said.stderr.splitlines()) == 1
