"""The commands as a user types them, in a real process and folder."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cli.contoso_and_fabrikam import assert_one_line, say
from xtap import __version__
from xtap.cli.main import COMMANDS
from xtap.errors import Conflict
from xtap.model.directory import Tenant
from xtap.model.ids import TenantId
from xtap.service import tenants
from xtap.store.memory import MemoryStore
from xtap.testing.local_server import LocalServer, free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

DEMO = "11111111-1111-4111-8111-111111111111"


def xtap(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from xtap.cli.main import run; run()", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_version_needs_nothing(tmp_path: Path):
    done = xtap(tmp_path, "version")
    assert (done.returncode, done.stdout) == (0, f"xtap {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tmp_path: Path, command: str):
    done = xtap(tmp_path, command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: xtap {command}")
    assert COMMANDS[command][1:] in " ".join(done.stdout.split())


def test_without_a_command_the_overview_is_shown(tmp_path: Path):
    done = xtap(tmp_path)
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)


def test_an_unknown_command_is_named(tmp_path: Path):
    done = xtap(tmp_path, "frobnicate")
    assert done.returncode == 1
    assert "there is no command 'frobnicate'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "part"),
    [
        (["serve"], {}, "Run 'xtap init'"),
        (["serve", "--issuer", "https://issuer.example"], {}, "set --audience"),
        (["serve", "--port", "99999"], {}, "--port"),
        (["serve", "--port", "x"], {}, "port"),
        (["serve", "--port", "9" * 5000], {}, "--port"),
        (["serve"], {"XTAP_CONFIG": "nowhere.toml"}, "nowhere.toml"),
        (["serve"], {"XTAP_TLS_PORT": "many"}, "tls-port"),
        (["serve", "--validation", "lax"], {}, "validation"),
        (["serve", "--config", "nowhere.toml"], {}, "nowhere.toml"),
        (["serve", "--embedded-issuer", "--host", "0.0.0.0"], {}, "--unsafe-embedded-issuer-on-network"),
        (["serve", "--embedded-issuer", "--tls-port", "0"], {}, "needs https"),
        (["serve", "--embedded-issuer"], {}, "xtap init"),
        (["token", "--tenant", "contoso"], {}, "xtap init"),
        (["reset"], {}, "xtap init"),
        (["tenant", "list"], {}, "xtap init"),
        (["healthcheck", "--port", "1"], {}, "does not answer"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], part: str
):
    done = xtap(tmp_path, *arguments, **environment)
    assert done.returncode == 1
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_decision_log_that_cannot_be_written_is_told_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert say(capsys, "init", "--demo").code == 0
    for name, reason in (("nowhere/x.log", "No such file or directory"), (".", "Is a directory")):
        said = say(capsys, "serve", "--decision-log", name)
        assert_one_line(said, f"--decision-log: '{name}' cannot be written: {reason}. Name a file")


@pytest.mark.parametrize("command", [("token", "--tenant", "contoso"), ("reset",), ("seed", "contoso.json")])
def test_in_another_folder_it_is_said_where_to_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
):
    monkeypatch.chdir(tmp_path)
    said = say(capsys, *command)
    assert_one_line(said, "There is no xtap.toml in this folder", "Go to the folder of the server", "--config")
    (tmp_path / "xtap.toml").write_text("")
    assert_one_line(say(capsys, *command), "The embedded issuer is off", "Run 'xtap init'")


def test_a_broken_configuration_file_is_named(tmp_path: Path):
    (tmp_path / "xtap.toml").write_text("tls-port = \n")
    done = xtap(tmp_path, "serve")
    assert done.returncode == 1
    assert "xtap.toml cannot be read" in done.stderr


def test_an_unknown_key_of_the_configuration_file_is_named(tmp_path: Path):
    (tmp_path / "xtap.toml").write_text("tlsport = 8443\n")
    done = xtap(tmp_path, "serve")
    assert done.returncode == 1
    assert "tlsport" in done.stderr
    assert "tls-port" in done.stderr


def test_init_twice_leaves_everything_as_it_was(tmp_path: Path):
    first = xtap(tmp_path, "init", "--demo")
    assert first.returncode == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / ".xtap").iterdir() if path.suffix != ".db"}
    second = xtap(tmp_path, "init", "--demo")
    assert second.returncode == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / ".xtap").iterdir() if path.suffix != ".db"} == before


@pytest.mark.parametrize(
    ("lines", "advices"),
    [("port = 8080", 1), ("embedded-issuer = true", 0), ('issuer = "https://issuer.example"', 0)],
)
def test_init_says_that_it_kept_a_file_and_what_the_file_lacks(tmp_path: Path, lines: str, advices: int):
    (tmp_path / "xtap.toml").write_text(f"{lines}\n")
    done = xtap(tmp_path, "init")
    assert (done.returncode, (tmp_path / "xtap.toml").read_text()) == (0, f"{lines}\n")
    assert done.stdout.startswith("kept xtap.toml as it is\n")
    assert done.stdout.count("add the line 'embedded-issuer = true'") == advices


def test_what_init_says_lets_a_server_start(tmp_path: Path):
    (tmp_path / "xtap.toml").write_text("stale-limit = 7\n")
    said = xtap(tmp_path, "init").stdout
    line = said.split("add the line '")[1].split("'")[0]
    with (tmp_path / "xtap.toml").open("a") as file:
        file.write(f"{line}\n")
    with running(tmp_path) as server:
        assert httpx.get(f"{server.http}/healthz").status_code == 200


def test_private_files_are_for_the_owner_only(tmp_path: Path):
    xtap(tmp_path, "init", "--demo")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / ".xtap").iterdir()}
    assert {modes[name] for name in ("ca.key", "server.key", "issuer.jwks.json", "xtap.db")} == {0o600}


def test_a_tenant_added_while_the_server_runs_can_be_used_at_once(tmp_path: Path):
    with running(tmp_path) as server:
        done = server.run("tenant", "add", "northwind", "--domain", "Northwind.example", "--output", "json")
        added = json.loads(done.stdout)
        token = server.run("token", "--tenant", "northwind.example").stdout.strip()
        answer = httpx.get(f"{server.graph}/default", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        listed = json.loads(server.run("tenant", "list", "--output", "json").stdout)
        assert added["id"] in {tenant["id"] for tenant in listed}
        assert "northwind" in server.run("tenant", "show", "NORTHWIND").stdout


async def test_a_name_that_two_tenants_have_names_neither():
    store = MemoryStore()
    for number in (1, 2):
        await tenants.add(store, Tenant(TenantId(DEMO.replace("1", f"{number}")), "contoso"))
    with pytest.raises(Conflict, match=f"2 tenants are called 'Contoso': {DEMO}, 2222"):
        await tenants.named(store, "Contoso")


def test_an_application_added_with_a_tenant_gets_tokens(tmp_path: Path):
    with running(tmp_path) as server:
        done = server.run(
            "tenant", "add", "tailspin", "--client-id", "robot", "--role", "Policy.Read.All", "--output", "json"
        )
        added = json.loads(done.stdout)
        form = {
            "grant_type": "client_credentials",
            "client_id": "robot",
            "client_secret": added["clientSecret"],
            "scope": "https://graph.microsoft.com/.default",
        }
        token = httpx.post(f"{server.http}/{added['id']}/oauth2/v2.0/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{server.graph}/default", headers=headers).status_code == 200
        refused = httpx.patch(f"{server.graph}/default", headers=headers, json={})
        assert refused.status_code == 403
        assert "Policy.ReadWrite.CrossTenantAccess" in refused.json()["error"]["details"][0]["message"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["tenant", "add", "again", "--id", DEMO], "registered already"),
        (["tenant", "add", "Contoso"], f"A tenant 'contoso' is registered already: {DEMO}."),
        (
            ["tenant", "add", "again", "--client-id", "a", "--role", "Policy.Raed"],
            "no application permission 'Policy.Raed'",
        ),
        (["token", "--tenant", "contoso", "--role", "Policy.Raed"], "no application permission 'Policy.Raed'"),
        (["tenant", "add", "again", "--domain", "contoso.example"], "belongs to tenant"),
        (["tenant", "add", "again", "--id", "no-guid"], "no-guid"),
        (["tenant", "show", "nobody"], "xtap tenant list"),
        (["token", "--tenant", "nobody"], "xtap tenant list"),
        (["token", "--tenant", "contoso", "--scope", "a", "--app-only"], "exclude each other"),
        (["token", "--tenant", "contoso", "--scope", "a", "--role", "King"], "no directory role 'King'"),
    ],
)
def test_wrong_arguments_are_explained(server: LocalServer, arguments: list[str], part: str):
    done = server.run(*arguments, check=False)
    assert done.returncode == 1
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_a_delegated_token_has_scope_and_role(server: LocalServer):
    token = server.run("token", "--tenant", "contoso", "--scope", "Policy.Read.All", "--role", "Security Reader")
    headers = {"Authorization": f"Bearer {token.stdout.strip()}"}
    assert httpx.get(f"{server.graph}/default", headers=headers).status_code == 200
    assert httpx.patch(f"{server.graph}/default", headers=headers, json={}).status_code == 403


def test_healthcheck_of_a_running_server(server: LocalServer):
    done = server.run("healthcheck")
    assert json.loads(done.stdout) == {"status": "ok"}


def test_a_second_server_on_the_same_folder_is_refused(server: LocalServer):
    port, tls_port = free_ports(2)
    second = LocalServer(server.folder, port, tls_port)
    done = second.run("serve", check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert server.run("healthcheck").returncode == 0


def test_a_taken_port_is_named(server: LocalServer, tmp_path: Path):
    other = LocalServer(tmp_path, server.port, free_ports(1)[0])
    other.run("init")
    done = other.run("serve", check=False)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{server.port}" in done.stderr


def test_the_printed_command_creates_a_partner(tmp_path: Path):
    with running(tmp_path) as server:
        while "stop with Ctrl-C" not in server.log():
            time.sleep(0.01)
        command = next(line.strip() for line in server.log().splitlines() if line.strip().startswith("curl"))
        launcher = tmp_path / "-c"
        launcher.write_text(f"#!{sys.executable}\nfrom xtap.cli.main import run; run()\n")
        launcher.chmod(0o755)
        pasted = command.replace("$(-c", "$(./-c")
        done = subprocess.run(
            ["bash", "-c", pasted], cwd=tmp_path, env=server.environment(), capture_output=True, text=True, check=True
        )
        created = json.loads(done.stdout)
        assert created["tenantId"] == "22222222-2222-4222-8222-222222222222"
        assert created["inboundTrust"]["isMfaAccepted"] is True


def test_stopping_ends_with_code_zero(tmp_path: Path):
    with running(tmp_path) as server:
        assert server.stop() == 0
