"""``xtap decide``: answers, exit codes, fixes that work, and bad input in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from pathlib import Path

PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
MEMBER = ("--user", USER, "--group", GROUP, "--app", SHAREPOINT)
OUTSIDER = ("--user", USER, "--no-groups", "--client-app", APP, "--app", APP)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "contoso.json", contoso())
    write(tmp_path, "fabrikam.json", fabrikam())
    return tmp_path


def decide(capsys: pytest.CaptureFixture[str], folder: Path, *flags: str) -> Said:
    return say(capsys, "decide", str(folder), "--home", "fabrikam", "--resource", "contoso", *flags)


def test_what_both_allow_is_allowed(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = decide(capsys, folder, *MEMBER)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"allowed: b2bCollaboration from Fabrikam ({FABRIKAM}) to contoso ({CONTOSO})\n")
    assert "(XT-USER-3)" in said.out
    assert "Consent prompt: shown." in said.out


def test_what_is_blocked_is_told_with_code_steps_and_fix(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = decide(capsys, folder, *OUTSIDER)
    assert said.code == 2
    assert said.out.startswith("blocked: ")
    assert "AADSTS500213: The resource tenant does not let this access in." in said.out
    assert "(XT-CELL-1)" in said.out
    assert f"An administrator of contoso ({CONTOSO}) sends" in said.out
    request = f"PATCH /v1.0/policies/crossTenantAccessPolicy/partners/{FABRIKAM}\nContent-Type: application/json\n\n"
    body = json.loads(said.out.partition(request)[2])
    targets = body["b2bCollaborationInbound"]["usersAndGroups"]["targets"]
    assert {target["target"] for target in targets} == {GROUP, USER}


def test_a_fix_put_into_the_file_allows_the_access(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = decide(capsys, folder, *OUTSIDER, "--output", "json")
    assert said.json["errorCode"] == "AADSTS500213"
    (change,) = said.json["fix"]
    write(folder, "contoso.json", contoso(**change["body"]))
    assert decide(capsys, folder, *OUTSIDER).code == 0


def test_what_is_not_known_is_named(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = decide(capsys, folder, "--user", USER, "--app", SHAREPOINT)
    assert said.code == 2
    assert said.out.startswith("unknown: ")
    assert "Not known, and needed: groups." in said.out
    assert "sends" not in said.out


def test_a_missing_policy_never_allows(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "decide", str(folder), "--home", STRANGER, "--resource", "contoso", "--output", "json")
    assert said.code == 2
    assert said.json["outcome"] == "unknown"
    assert said.json["missing"] == [f"policy of tenant {STRANGER}"]


def test_inside_a_tenant_that_nobody_knows_nobody_is_let_in(folder: Path, capsys: pytest.CaptureFixture[str]):
    flags = ("--home", STRANGER, "--resource", STRANGER, "--user", USER)
    said = say(capsys, "decide", str(folder), *flags, "--output", "json")
    assert said.code == 2
    assert (said.json["outcome"], said.json["decision"]) == ("notApplicable", False)
    told = say(capsys, "decide", str(folder), *flags)
    assert f"Not known, and needed: policy of tenant {STRANGER}." in told.out


@pytest.mark.parametrize(
    ("home", "resource", "channel", "code"),
    [
        ("contoso", "contoso", "b2bCollaboration", 0),
        (CONTOSO.upper(), "CONTOSO", "b2bDirectConnect", 0),
        (PERSONAL, "contoso", "b2bCollaboration", 2),
        ("fabrikam", "contoso", "serviceProvider", 2),
    ],
)
def test_only_what_crosses_no_border_is_fine_without_being_allowed(
    folder: Path, capsys: pytest.CaptureFixture[str], home: str, resource: str, channel: str, code: int
):
    flags = ("--home", home, "--resource", resource, "--channel", channel, "--output", "json")
    said = say(capsys, "decide", str(folder), *flags)
    assert said.json["outcome"] == "notApplicable"
    assert said.code == code


def test_channels_are_separate(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = decide(capsys, folder, *MEMBER, "--channel", "b2bDirectConnect", "--output", "json")
    assert (said.code, said.json["errorCode"]) == (2, "AADSTS500212")
    assert [change["tenant"] for change in said.json["fix"]] == [FABRIKAM, CONTOSO]


@pytest.mark.parametrize(
    ("flags", "code", "trust"),
    [
        (("--require", "mfa", "--mfa", "yes"), 0, {"mfa": "satisfiedByHomeClaim"}),
        (("--require", "mfa", "--mfa", "no"), 2, {"mfa": "challengeInHomeTenant"}),
        (("--require", "compliantDevice", "--compliant-device", "yes"), 2, {"compliantDevice": "blocked"}),
        (("--require", "hybridJoinedDevice", "--hybrid-joined", "no"), 2, {"hybridJoinedDevice": "blocked"}),
        (
            ("--require", "mfa", "--require", "compliantDevice", "--mfa", "yes"),
            2,
            {"mfa": "satisfiedByHomeClaim", "compliantDevice": "blocked"},
        ),
    ],
)
def test_demands_of_conditional_access(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], code: int, trust: dict[str, str]
):
    said = decide(capsys, folder, *MEMBER, *flags, "--output", "json")
    assert (said.code, said.json["trust"]) == (code, trust)


def test_where_no_change_helps_the_reason_is_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    said = decide(capsys, folder, *MEMBER, "--require", "compliantDevice", "--compliant-device", "no")
    assert said.code == 2
    assert "No change helps: No trust setting fulfils 'compliantDevice'" in said.out


def test_capitals_pass_no_block_list(folder: Path, capsys: pytest.CaptureFixture[str]):
    blocked = setting("blocked", USER.upper(), "blocked", "AllApplications")
    write(folder, "contoso.json", contoso(b2bCollaborationInbound=blocked))
    for user in (USER, USER.upper()):
        assert decide(capsys, folder, "--user", user, "--no-groups", "--app", APP).code == 2


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (("--home", "nobody"), ("'nobody'", "Fabrikam", CONTOSO)),
        (("--resource", ""), ("No tenant is called ''",)),
        (("--user", "bob"), ("--user", "'bob' is no GUID")),
        (("--user", ""), ("--user", "'' is no GUID")),
        (("--group", "Sales"), ("--group", "'Sales'")),
        (("--app", "Office365"), ("--app", "'Office365'")),
        (("--client-app", f"{APP}0"), ("--client-app",)),
        (("--group", GROUP, "--no-groups"), ("--no-groups", "not allowed with", "--group")),
        (("--mfa", "maybe"), ("--mfa", "'maybe'", "yes")),
        (("--require", "magic"), ("--require", "'magic'", "compliantDevice")),
        (("--channel", "pigeon"), ("--channel", "'pigeon'", "b2bDirectConnect")),
        (("--frobnicate",), ("--frobnicate",)),
    ],
)
def test_wrong_flags_end_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], parts: tuple[str, ...]
):
    assert_one_line(decide(capsys, folder, *flags), *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("{", ("bad.json", "not JSON", "line 1")),
        ("", ("bad.json", "not JSON")),
        ("[]", ("bad.json: $:", "found none")),
        ("7", ("bad.json: $:",)),
        ('{"tenantId": "x"}', ("bad.json: $.tenantId", "'x'")),
        ('{"tenants": {}}', ("bad.json: $.tenants", "list")),
        ('{"tenants": [], "more": 1}', ("bad.json: $.more",)),
        ('{"tenantId": "1", "tenantId": "2"}', ("bad.json", "'tenantId' stands twice")),
        ({"tenants": [fabrikam(), fabrikam()]}, ("bad.json: $.tenants[1].tenantId", "already")),
        ([fabrikam() | {"default": {"frob": 1}}], ("bad.json: $[0].default.frob", "'frob'")),
        (
            fabrikam() | {"partners": [{"tenantId": FABRIKAM.upper()}]},
            ("bad.json: $.partners[0].tenantId", f"'{FABRIKAM}' cannot be a partner: name another tenant"),
        ),
        ([fabrikam() | {"displayName": 7}], ("bad.json: $[0].displayName",)),
        (r'{"tenantId": "\ud800"}', ("bad.json", "surrogates")),
        ("[" * 100_000, ("bad.json", "nested")),
        ('{"tenantId": NaN}', ("bad.json", "'NaN'")),
    ],
)
def test_wrong_files_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, parts: tuple[str, ...]
):
    file = write(tmp_path, "bad.json", content)
    said = say(capsys, "decide", file, "--home", FABRIKAM, "--resource", CONTOSO)
    assert_one_line(said, *parts)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for path, part in ((tmp_path / "nowhere.json", "nowhere.json"), (tmp_path, "no *.json files")):
        assert_one_line(say(capsys, "decide", str(path), "--home", FABRIKAM, "--resource", CONTOSO), part)


def test_every_fault_of_a_file_is_told_in_a_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = write(tmp_path, "bad.json", {"tenantId": "x", "cloud": "heaven", "partners": 3})
    said = say(capsys, "decide", file, "--home", FABRIKAM, "--resource", CONTOSO)
    assert said.code == 1
    assert [line.partition(": ")[2].split(": ")[1] for line in said.err.splitlines()] == [
        "$.tenantId",
        "$.cloud",
        "$.partners",
    ]


def test_the_real_command_ends_with_the_same_codes(folder: Path):
    command = [sys.executable, "-c", "from xtap.cli.main import run; run()", "decide", "contoso.json", "fabrikam.json"]
    for flags, code in ((MEMBER, 0), (OUTSIDER, 2), (("--user", "bob"), 1)):
        done = subprocess.run(
            [*command, "--home", "fabrikam", "--resource", "contoso", *flags],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)
