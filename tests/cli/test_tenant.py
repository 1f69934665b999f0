"""``xtap tenant``: directories from files, clouds, and the log of decisions, beside a running server."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.cli.contoso_and_fabrikam import CONTOSO, FABRIKAM, write
from xtap.testing.local_server import running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from xtap.testing.local_server import LocalServer

ADELE = "c0000000-0000-4000-8000-00000000000a"
ANN, BEN = "dddddddd-0000-4000-8000-0000000000a1", "dddddddd-0000-4000-8000-0000000000b2"
TEAM, WIKI = "dddddddd-0000-4000-8000-000000000c01", "dddddddd-0000-4000-8000-000000000d01"
APP = "dddddddd-0000-4000-8000-00000000e001"
DIRECTORY: dict[str, Any] = {
    "users": [{"id": ANN.upper(), "userPrincipalName": "ann@contoso.example", "displayName": "Ann"}],
    "groups": [{"id": TEAM, "displayName": "Team", "members": [ANN]}],
    "servicePrincipals": [{"id": WIKI, "appId": APP, "displayName": "Wiki"}],
}
NOTICED_SECONDS = 1.0


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalServer]:
    with running(tmp_path, "--decision-log", "store") as started:
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server for tests that change nothing."""
    with running(tmp_path_factory.mktemp("tenant")) as started:
        yield started


def bring(local: LocalServer, *files: str) -> str:
    """Import into contoso, and wait for as long as a server may take to notice."""
    said = local.run("tenant", "import", "contoso", *files).stdout
    time.sleep(NOTICED_SECONDS)
    return said


def names(local: LocalServer, path: str) -> list[str]:
    answer = httpx.get(f"{local.http}/v1.0/{path}", headers=local.headers()).raise_for_status()
    return [str(each["displayName"]) for each in answer.json()["value"]]


def groups_of(local: LocalServer, user: str) -> str:
    """Tell the outcome of an access that only members of TEAM have."""
    body = {
        "subject": {"type": "user", "id": user, "properties": {"tenantId": CONTOSO}},
        "action": {"name": "b2bCollaboration"},
        "resource": {"type": "application", "id": APP, "properties": {"tenantId": FABRIKAM}},
    }
    answer = httpx.post(f"{local.http}/access/v1/evaluation", json=body, headers=local.headers()).raise_for_status()
    return str(answer.json()["context"]["outcome"])


def only_team_gets_out(local: LocalServer) -> None:
    setting = {
        "usersAndGroups": {"accessType": "allowed", "targets": [{"target": TEAM, "targetType": "group"}]},
        "applications": {
            "accessType": "allowed",
            "targets": [{"target": "AllApplications", "targetType": "application"}],
        },
    }
    partner = {"tenantId": FABRIKAM, "b2bCollaborationOutbound": setting}
    httpx.post(f"{local.graph}/partners", json=partner, headers=local.headers()).raise_for_status()


# --- import -----------------------------------------------------------------------


def test_a_running_server_notices_json_within_a_second(local: LocalServer):
    only_team_gets_out(local)
    assert names(local, "users") == ["Adele Vance", "Megan Bowen"]
    assert groups_of(local, "ann@contoso.example") == "unknown"
    assert bring(local, write(local.folder, "d.json", DIRECTORY)) == "contoso: 1 users, 1 groups, 1 applications\n"
    assert names(local, "users") == ["Adele Vance", "Megan Bowen", "Ann"]
    assert names(local, "groups") == ["Sales", "Everybody in Contoso", "Team"]
    assert groups_of(local, "ann@contoso.example") == "allowed"
    assert groups_of(local, "adele@contoso.example") == "blocked"


def test_tables_as_entra_exports_them(local: LocalServer):
    only_team_gets_out(local)
    users = f"\ufeffid,userPrincipalName,displayName,Department\r\n{BEN},ben@contoso.example,Ben,Sales\r\n"
    files = [
        write(local.folder, "users.csv", users),
        write(local.folder, "groups.csv", f"id,displayName\n{TEAM},Team\n"),
        write(local.folder, "members.csv", f"groupId,memberId\n{TEAM},{BEN}\n{TEAM},{ADELE}\n"),
        write(local.folder, "apps.csv", f"id,appId,displayName\n{WIKI},{APP},Wiki\n"),
    ]
    assert bring(local, *files) == "contoso: 1 users, 1 groups, 1 applications\n"
    assert names(local, "users") == ["Adele Vance", "Megan Bowen", "Ben"]
    for user in (BEN, "adele@contoso.example"):
        assert groups_of(local, user) == "allowed"


def test_an_answer_of_graph_can_be_imported_into_another_tenant(local: LocalServer):
    answer = httpx.get(f"{local.http}/v1.0/users", headers=local.headers()).json()
    file = write(local.folder, "users.json", answer)
    assert (
        local.run("tenant", "import", "fabrikam.example", file).stdout
        == "fabrikam: 2 users, 0 groups, 0 applications\n"
    )
    time.sleep(NOTICED_SECONDS)
    found = httpx.get(f"{local.http}/v1.0/users/{ADELE}", headers=local.headers("fabrikam"))
    assert found.json()["userPrincipalName"] == "adele@contoso.example"


def test_replace_removes_whoever_is_not_in_the_files(local: LocalServer):
    file = write(local.folder, "d.json", DIRECTORY)
    bring(local, file)
    renamed = DIRECTORY | {"users": [{"id": BEN, "userPrincipalName": "ben@contoso.example", "displayName": "Ben"}]}
    assert bring(local, write(local.folder, "e.json", renamed), "--replace").startswith("contoso: 1 users")
    assert names(local, "users") == ["Ben"]
    assert names(local, "groups") == ["Team"]
    headers = local.headers("fabrikam")
    others = httpx.get(f"{local.http}/v1.0/users/$count", headers=headers)
    assert others.text == "2"  # other tenants keep their people


BAD: list[tuple[str, Any, list[str]]] = [
    ("bad.json", "{", ["bad.json: Not JSON"]),
    ("bad.json", "[]", ["bad.json: Expected an object with users"]),
    ("bad.json", {"people": [1]}, ["'people' is not known"]),
    ("bad.json", {"value": [], "@odata.nextLink": "https://x"}, ["complete with all pages"]),
    ("bad.json", {"users": [{"id": "x", "userPrincipalName": "y"}]}, ["users[0]: Expected an object id", "'x'"]),
    ("bad.csv", "groupId,memberId\nx,y\n", ["Members of group 'x' are given, but not the group"]),
    ("bad.csv", f"id,displayName\n{BEN},y,z\n", ["bad.csv: line 2 has more cells"]),
    (
        "bad.json",
        {"users": [{"id": ANN, "userPrincipalName": "a@b"}, {"id": BEN, "userPrincipalName": "A@B"}]},
        ["Two users are called 'A@B'"],
    ),
]


def test_a_bad_file_is_named_and_nothing_is_imported(shared: LocalServer):
    good = write(shared.folder, "good.json", DIRECTORY | {"users": []})
    for name, content, parts in BAD:
        done = shared.run("tenant", "import", "contoso", good, write(shared.folder, name, content), check=False)
        refused(done, *parts)
    time.sleep(NOTICED_SECONDS)
    assert names(shared, "groups") == ["Sales", "Everybody in Contoso"]


def test_a_file_or_tenant_that_is_not_there_is_named(shared: LocalServer):
    for file in ("nowhere.json", "."):
        refused(shared.run("tenant", "import", "contoso", file, check=False), f"{file} cannot be read")
    file = write(shared.folder, "good.json", DIRECTORY)
    refused(shared.run("tenant", "import", "nobody", file, check=False), "'nobody'", "xtap tenant list")
    refused(shared.run("tenant", "import", "contoso", check=False), "file")


# --- clouds -----------------------------------------------------------------------


def test_tenants_of_other_clouds_meet_only_where_both_allow_it(local: LocalServer):
    added = json.loads(local.run("tenant", "add", "agency", "--cloud", "microsoftonline.us", "--output", "json").stdout)
    assert json.loads(local.run("tenant", "show", "agency", "--output", "json").stdout)["cloud"] == "microsoftonline.us"
    clouds = {
        each["displayName"]: each["cloud"]
        for each in json.loads(local.run("tenant", "list", "--output", "json").stdout)
    }
    assert clouds == {
        "agency": "microsoftonline.us",
        "contoso": "microsoftonline.com",
        "fabrikam": "microsoftonline.com",
    }
    token = local.run("token", "--tenant", "contoso").stdout.strip()
    ids = ("--home", str(added["id"]), "--resource", CONTOSO, "--user", ANN, "--no-groups", "--app", APP)
    asked = ("decide", *ids, "--server", local.http, "--token", token, "--output", "json")
    done = local.run(*asked, check=False)
    assert (done.returncode, json.loads(done.stdout)["decidedBy"]["rule"]) == (2, "XT-CLOUD-2")


def test_an_unknown_cloud_is_refused(shared: LocalServer):
    done = shared.run("tenant", "add", "agency", "--cloud", "heaven", check=False)
    refused(done, "--cloud", "'heaven'", "microsoftonline.us")
    assert "agency" not in shared.run("tenant", "list").stdout


# --- decisions --------------------------------------------------------------------


def test_decisions_are_printed_for_the_tenant_that_asked(local: LocalServer):
    token = local.run("token", "--tenant", "contoso").stdout.strip()
    asked = ("decide", "--home", FABRIKAM, "--resource", CONTOSO, "--user", ANN, "--no-groups", "--app", APP)
    for channel in ("b2bDirectConnect", "b2bCollaboration"):
        local.run(*asked, "--channel", channel, "--server", local.http, "--token", token, check=False)
    local.stop()  # what is noted is written when the server ends
    lines = local.run("tenant", "decisions", "contoso").stdout.splitlines()
    first, second = map(json.loads, lines)
    assert (first["action"], first["decision"], first["outcome"]) == ("b2bDirectConnect", False, "blocked")
    assert (second["action"], second["decision"], second["resource_app"]) == ("b2bCollaboration", True, APP)
    assert ANN not in "".join(lines)  # users are masked
    later = local.run("tenant", "decisions", "contoso", "--after", str(first["number"])).stdout.splitlines()
    assert later == lines[1:]
    assert local.run("tenant", "decisions", "fabrikam").stdout == ""


def test_decisions_of_nobody(shared: LocalServer):
    refused(shared.run("tenant", "decisions", "nobody", check=False), "'nobody'")
    refused(shared.run("tenant", "decisions", "contoso", "--after", "x", check=False), "--after", "'x'")


def refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert [part for part in parts if part not in done.stderr] == []
