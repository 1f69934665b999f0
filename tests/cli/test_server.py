"""``xtap decide`` and ``xtap effective`` ask a running server: the same answers as from files, and clear refusals."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.cli.contoso_and_fabrikam import (
    APP,
    CONTOSO,
    FABRIKAM,
    GROUP,
    SHAREPOINT,
    STRANGER,
    USER,
    Said,
    assert_one_line,
    contoso,
    fabrikam,
    say,
    setting,
    write,
)
from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xtap.testing.local_server import LocalServer

POLICY = "/beta/policies/crossTenantAccessPolicy"
CROSSING = ("--home", FABRIKAM, "--resource", CONTOSO)
MEMBER = ("--user", USER, "--group", GROUP, "--app", SHAREPOINT)
OUTSIDER = ("--user", USER, "--no-groups", "--client-app", APP, "--app", APP)
ALEX = "alex@fabrikam.example"
MANY = 230


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with contoso's policy; contoso is the operator, who is told everything."""
    with running(tmp_path_factory.mktemp("server"), "--operator-tenant", CONTOSO) as started:
        for partner in contoso()["partners"]:
            httpx.post(f"{started.http}{POLICY}/partners", json=partner, headers=started.headers()).raise_for_status()
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "contoso.json", contoso())
    write(tmp_path, "fabrikam.json", fabrikam())
    return tmp_path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XTAP_SERVER", "XTAP_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def flags(local: LocalServer, tenant: str = "contoso", *permissions: str) -> tuple[str, ...]:
    token = local.token(tenant, permissions) if permissions else local.token(tenant)
    return ("--server", local.http, "--token", token)


def decide(capsys: pytest.CaptureFixture[str], local: LocalServer, *more: str) -> Said:
    return say(capsys, "decide", *CROSSING, *flags(local), *more)


# --- the same answers -------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (MEMBER, 0),
        (OUTSIDER, 2),
        (("--user", USER, "--app", SHAREPOINT), 2),
        ((), 2),
        ((*MEMBER, "--channel", "b2bDirectConnect"), 2),
        ((*MEMBER, "--channel", "serviceProvider"), 2),
        ((*MEMBER, "--home", CONTOSO), 0),
        ((*MEMBER, "--home", STRANGER), 2),
        ((*MEMBER, "--require", "mfa", "--mfa", "yes"), 0),
        ((*MEMBER, "--require", "mfa", "--require", "compliantDevice", "--compliant-device", "yes"), 2),
        ((*MEMBER, "--require", "hybridJoinedDevice", "--hybrid-joined", "no"), 2),
        ((*MEMBER, "--require", "termsOfUse"), 2),
    ],
)
def test_a_server_decides_as_files_do(
    local: LocalServer, folder: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...], code: int
):
    for output in ("json", "text"):
        from_files = say(capsys, "decide", str(folder), *CROSSING, *asked, "--output", output)
        from_server = decide(capsys, local, *asked, "--output", output)
        assert (from_server.code, from_server.err) == (code, "")
        assert from_files.code == code
        if output == "json":
            told = from_server.json
            told.pop("policyVersions", None)
            assert told["decision"] is (code == 0)
            assert told == from_files.json
        else:
            named = from_files.out.replace(f"contoso ({CONTOSO})", CONTOSO).replace(f"Fabrikam ({FABRIKAM})", FABRIKAM)
            assert from_server.out == named


@pytest.mark.parametrize("toward", [FABRIKAM, STRANGER])
def test_a_server_lists_the_rows_that_files_list(
    local: LocalServer, folder: Path, capsys: pytest.CaptureFixture[str], toward: str
):
    for output in ("json", "table"):
        asked = ("--of", "contoso", "--toward", toward, "--output", output)
        from_files = say(capsys, "effective", str(folder), *asked)
        from_server = say(capsys, "effective", *asked, *flags(local))
        assert (from_server.code, from_server.out) == (0, from_files.out)


def test_partners_of_every_page_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    last = f"99999999-9999-4999-8999-{MANY:012d}"
    with running(tmp_path) as local, httpx.Client(base_url=local.http, headers=local.headers()) as client:
        for number in range(1, MANY + 1):
            partner: dict[str, Any] = {"tenantId": f"99999999-9999-4999-8999-{number:012d}"}
            client.post(f"{POLICY}/partners", json=partner).raise_for_status()
        own = {"inboundTrust": {"isMfaAccepted": True}, "automaticUserConsentSettings": {"inboundAllowed": True}}
        client.patch(f"{POLICY}/partners/{last}", json=own).raise_for_status()
        sync = {"userSyncInbound": {"isSyncAllowed": True}}
        client.put(f"{POLICY}/partners/{last}/identitySynchronization", json=sync).raise_for_status()
        address = f"http://LOCALHOST:{local.port}"  # links come back in lower case
        asked = ("effective", "--of", CONTOSO, "--toward", last, "--server", address, "--token", local.token())
        said = say(capsys, *asked, "--output", "json")
    values = {row["setting"]: (row["value"], row["origin"]) for row in said.json["settings"]}
    assert values["inboundTrust.isMfaAccepted"] == (True, "partner")
    assert values["identitySynchronization.userSyncInbound.isSyncAllowed"] == (True, "partner")


def test_names_of_people_and_their_groups_come_from_the_own_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    managers = setting("allowed", "f0000000-0000-4000-8000-000000000100", "allowed", "Office365")
    with running(tmp_path) as local:
        partner = {"tenantId": FABRIKAM, "b2bCollaborationInbound": managers}
        httpx.post(f"{local.http}{POLICY}/partners", json=partner, headers=local.headers()).raise_for_status()
        found = {}
        for name in ("alex", "Diego", "nobody"):
            person = ("--user", f"{name}@fabrikam.example", "--app", SHAREPOINT, "--output", "json")
            said = say(capsys, "decide", *CROSSING, *person, *flags(local, "fabrikam"))
            found[name] = (said.code, said.json["outcome"])
    assert found == {"alex": (0, "allowed"), "Diego": (2, "blocked"), "nobody": (2, "unknown")}


def test_the_own_tenant_may_be_named(local: LocalServer, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "decide", "--home", FABRIKAM, "--resource", "Contoso", *MEMBER, *flags(local))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"allowed: b2bCollaboration from {FABRIKAM} to contoso ({CONTOSO})\n")


def test_another_tenant_keeps_its_part_of_the_fix_to_itself(local: LocalServer, capsys: pytest.CaptureFixture[str]):
    asked = ("decide", *CROSSING, *OUTSIDER, *flags(local, "fabrikam"))
    said = say(capsys, *asked)
    assert said.code == 2
    assert f"{CONTOSO} must change something; what, is told to that tenant only." in said.out
    assert " sends" not in said.out
    told = say(capsys, *asked, "--output", "json").json
    assert ("fix" in told, told["fixWithheld"]) == (False, [CONTOSO])
    own = say(capsys, "decide", *CROSSING, *MEMBER, "--channel", "b2bDirectConnect", *flags(local, "fabrikam"))
    assert f"An administrator of {FABRIKAM} sends" in own.out


def test_as_of_asks_about_the_policies_of_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with running(tmp_path) as local, httpx.Client(base_url=local.http, headers=local.headers()) as client:
        block = setting("blocked", "AllUsers", "blocked", "AllApplications")
        client.post(f"{POLICY}/partners", json={"tenantId": FABRIKAM}).raise_for_status()
        before = datetime.now(UTC).isoformat()
        path = f"{POLICY}/partners/{FABRIKAM}"
        client.patch(path, json={"b2bCollaborationInbound": block}).raise_for_status()
        now = decide(capsys, local, *MEMBER, "--output", "json")
        then = decide(capsys, local, *MEMBER, "--as-of", before, "--output", "json")
        assert (now.code, now.json["policyVersions"][CONTOSO]) == (2, 2)
        assert (then.code, then.json["policyVersions"][CONTOSO]) == (0, 1)
        assert_one_line(decide(capsys, local, "--as-of", "2999-01-01T00:00:00Z"), "(400)", "yet to come")


# --- which server -----------------------------------------------------------------


def test_the_environment_names_server_and_token(
    local: LocalServer, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XTAP_SERVER", f"{local.http}/")
    assert_one_line(say(capsys, "decide", *CROSSING), "--token", "XTAP_TOKEN", "xtap token")
    monkeypatch.setenv("XTAP_TOKEN", f"{local.token()}\n")
    assert say(capsys, "decide", *CROSSING, *MEMBER).code == 0
    assert say(capsys, "effective", "--of", "contoso", "--toward", FABRIKAM).code == 0
    named = say(capsys, "decide", *CROSSING, *MEMBER, str(folder))
    assert f"from Fabrikam ({FABRIKAM})" in named.out


def test_https_with_the_authority_by_flag_or_by_environment(
    local: LocalServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    asked = ("decide", *CROSSING, *MEMBER, "--server", local.https, "--token", local.token())
    assert say(capsys, *asked, "--ca", str(local.ca)).code == 0
    assert_one_line(say(capsys, *asked), "CERTIFICATE_VERIFY_FAILED", "--ca or SSL_CERT_FILE")
    assert_one_line(say(capsys, *asked, "--ca", "nowhere.pem"), "nowhere.pem", "No such file")
    monkeypatch.setenv("SSL_CERT_FILE", str(local.ca))
    assert say(capsys, *asked).code == 0


@pytest.mark.parametrize("command", [("decide", *CROSSING), ("effective", "--of", CONTOSO, "--toward", FABRIKAM)])
def test_files_and_a_server_exclude_each_other(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]):
    assert_one_line(say(capsys, *command), "Name a FILE", "--server", "XTAP_SERVER")
    both = say(capsys, *command, "a.json", "--server", "http://127.0.0.1:1")
    assert_one_line(both, "not by both", "a.json", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (("--home", "nobody"), ("'nobody'", "contoso", CONTOSO, "by their id")),
        (("--token", "a b"), ("characters that no bearer token has",)),
        (("--token", "é"), ("characters that no bearer token has",)),
        (("--token", "wrong"), ("refuses the token (401)",)),
        (("--server", "localhost:8420"), ("http", "'localhost:8420'")),
        (("--server", "ftp://localhost"), ("'ftp://localhost'",)),
        (("--server", "http://localhost:many"), ("'http://localhost:many'", "port")),
        (("--server", "http://localhost/v1.0"), ("'http://localhost/v1.0'",)),
        (("--as-of", "yesterday"), ("--as-of", "'yesterday'", "2026-11-01T12:00:00Z")),
        (("--as-of", "2026-11-01T12:00:00"), ("--as-of", "zone")),
        (("--group", "Sales"), ("--group", "'Sales'")),
    ],
)
def test_wrong_questions_end_in_one_line(
    local: LocalServer, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], parts: tuple[str, ...]
):
    said = decide(capsys, local, *more)
    assert_one_line(said, *parts)
    assert local.token() not in said.err


def test_nobody_is_let_into_a_tenant_that_the_server_does_not_know(
    local: LocalServer, capsys: pytest.CaptureFixture[str]
):
    said = decide(capsys, local, "--resource", STRANGER, "--home", STRANGER, "--output", "json")
    assert (said.code, said.json["outcome"], said.json["decision"]) == (2, "notApplicable", False)


def test_who_has_no_part_or_no_permission_is_refused(local: LocalServer, capsys: pytest.CaptureFixture[str]):
    strangers = ("decide", "--home", STRANGER, "--resource", CONTOSO, *flags(local, "fabrikam"))
    assert_one_line(say(capsys, *strangers), "(403)", f"Name tenant {FABRIKAM} as home or resource")
    reader = ("decide", *CROSSING, *flags(local, "contoso", "Policy.Read.All"))
    assert_one_line(say(capsys, *reader), "(403)", "CrossTenantAccess.Evaluate.All")
    asked = ("effective", "--of", "contoso", "--toward", FABRIKAM)
    nobody = say(capsys, *asked, *flags(local, "contoso", "CrossTenantAccess.Evaluate.All"))
    assert_one_line(nobody, "(403)", "Organization.Read.All")
    half = say(capsys, *asked, *flags(local, "contoso", "Organization.Read.All"))
    assert_one_line(half, "(403)", "Policy.Read.All")
    assert say(capsys, *asked, *flags(local, "contoso", "Organization.Read.All", "Policy.Read.All")).code == 0


def test_settings_of_another_tenant_need_its_token(local: LocalServer, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "effective", "--of", FABRIKAM, "--toward", CONTOSO, *flags(local))
    assert_one_line(said, f"The token belongs to contoso ({CONTOSO})", FABRIKAM)
    unnamed = say(capsys, "effective", "--of", CONTOSO, "--toward", "fabrikam", *flags(local))
    assert_one_line(unnamed, "'fabrikam'", "by their id")


def test_files_have_no_history_and_know_no_names(folder: Path, capsys: pytest.CaptureFixture[str]):
    asked = ("decide", str(folder), *CROSSING)
    assert_one_line(say(capsys, *asked, "--as-of", "2026-11-01T12:00:00Z"), "--as-of", "no history")
    assert_one_line(say(capsys, *asked, "--user", ALEX), "--user", ALEX, "no GUID")


# --- something else answers -------------------------------------------------------


def test_nobody_answers(capsys: pytest.CaptureFixture[str]):
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    for command in (("decide", *CROSSING), ("effective", "--of", CONTOSO, "--toward", FABRIKAM)):
        said = say(capsys, *command, "--server", address, "--token", "t")
        assert_one_line(said, f"{address} does not answer", "refused", "xtap serve")


GRAPH = {"value": [{"id": CONTOSO, "displayName": "contoso"}]}
STRANGE: list[tuple[int, object, str]] = [
    (200, "<html>", "not as an xtap server: no JSON object"),
    (200, "[]", "not as an xtap server: no JSON object"),
    (200, {}, "not as an xtap server"),
    (200, {"decision": True}, "not as an xtap server"),
    (200, {"decision": True, "context": {"outcome": "blocked", "reason_user": "", "reason_admin": ["a"]}}, "'blocked'"),
    (
        200,
        {"decision": False, "context": {"outcome": "allowed", "reason_user": "", "reason_admin": ["a"]}},
        "'allowed'",
    ),
    (200, {"decision": 1, "context": {"outcome": "fine", "reason_user": "", "reason_admin": []}}, "not as an xtap"),
    (302, "", "status 302"),
    (404, "nothing here", "status 404"),
    (401, "", "refuses the token (401)."),
    (403, r'"no\u001b[31m\nmore"', "(403): no [31m more"),
    (429, "", "(429)"),
    (503, {"error": {"message": "busy", "details": [{"message": "later"}, {}, 7]}}, "(503): busy later"),
    (500, {"error": 7}, "(500)."),
]


@pytest.mark.parametrize(("status", "body", "part"), STRANGE)
def test_a_strange_answer_is_told_in_one_line(capsys: pytest.CaptureFixture[str], status: int, body: object, part: str):
    with answering(status, body) as address:
        assert_one_line(say(capsys, "decide", *CROSSING, "--server", address, "--token", "t"), address, part)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({}, "names no organization"),
        ({"value": []}, "names no organization"),
        (GRAPH, "$.policy.value: 'value' is not known"),
        (GRAPH | {"@odata.nextLink": "/again"}, "comes back to the same page"),
        (GRAPH | {"@odata.nextLink": "http://[/x"}, "another server, 'http://[/x'"),
        (GRAPH | {"@odata.nextLink": "http://elsewhere.example/x"}, "another server, 'http://elsewhere.example/x'"),
    ],
)
def test_what_is_not_understood_of_graph_is_refused(capsys: pytest.CaptureFixture[str], body: object, part: str):
    with answering(200, body) as address:
        asked = ("effective", "--of", "contoso", "--toward", FABRIKAM, "--server", address, "--token", "t")
        assert_one_line(say(capsys, *asked), address, part)


class answering:  # noqa: N801 - a context manager
    """A server that gives one answer to everything."""

    def __init__(self, status: int, body: object) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - the name that http.server calls

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
