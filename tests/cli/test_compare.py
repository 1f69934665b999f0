"""``xtap compare``: exit codes, witnesses, and what cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.contoso_and_fabrikam import (
    CONTOSO,
    FABRIKAM,
    GROUP,
    SHAREPOINT,
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

WIDER = setting("allowed", "AllUsers", "allowed", "Office365")
NARROWER = setting("allowed", GROUP, "allowed", "00000003-0000-0ff1-ce00-000000000000")


EQUIVALENT = "Equivalent: what was allowed is allowed, and nothing else. (Blocked or unknown is not compared.)\n"


def compare(capsys: pytest.CaptureFixture[str], folder: Path, before: Any, after: Any, *flags: str) -> Said:
    files = write(folder, "before.json", before), write(folder, "after.json", after)
    return say(capsys, "compare", *files, *flags)


@pytest.mark.parametrize(
    ("after", "code", "code_no_new_access", "effects"),
    [
        (contoso(), 0, 0, []),
        (contoso(b2bCollaborationInbound=WIDER), 2, 2, ["newlyAllowed"]),
        (contoso(b2bCollaborationInbound=NARROWER), 2, 0, ["newlyBlocked"]),
        (contoso(b2bCollaborationInbound=setting("allowed", USER, "allowed", "Office365")), 2, 2, None),
        (contoso(automaticUserConsentSettings={"inboundAllowed": True}), 2, 0, ["different"]),
    ],
)
def test_exit_codes_and_effects(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    after: Any,
    code: int,
    code_no_new_access: int,
    effects: list[str] | None,
):
    said = compare(capsys, tmp_path, contoso(), after, "--output", "json")
    found = [difference["effect"] for difference in said.json["differences"]]
    assert found == effects if effects is not None else {*found} == {"newlyAllowed", "newlyBlocked"}
    assert (said.code, said.json["equivalent"]) == (code, code == 0)
    again = compare(capsys, tmp_path, contoso(), after, "--no-new-access", "--output", "json")
    assert (again.code, again.json["noNewAccess"]) == (code_no_new_access, code_no_new_access == 0)


def test_other_words_with_the_same_meaning_are_equivalent(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    twice = setting("allowed", GROUP, "allowed", "Office365")
    twice["usersAndGroups"]["targets"] *= 2
    said = compare(capsys, tmp_path, contoso(), contoso(b2bCollaborationInbound=twice))
    assert (said.code, said.out) == (0, EQUIVALENT)


def test_what_becomes_unknown_is_not_said_to_be_answered_as_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    strange = setting("allowed", GROUP, "allowed", "Office365")
    strange["usersAndGroups"]["targets"].append({"target": "allusers", "targetType": "user"})
    said = compare(capsys, tmp_path, contoso(), contoso(b2bCollaborationInbound=strange))
    assert (said.code, said.out) == (0, EQUIVALENT)
    home = write(tmp_path, "fabrikam.json", fabrikam())
    flags = ("--home", FABRIKAM, "--resource", CONTOSO, "--user", USER, "--no-groups", "--app", SHAREPOINT)
    for file, outcome in (("before.json", "blocked"), ("after.json", "unknown")):
        assert say(capsys, "decide", str(tmp_path / file), home, *flags).out.startswith(outcome)


def test_the_witness_of_the_text_is_an_access_that_decide_judges_differently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    said = compare(capsys, tmp_path, contoso(), contoso(b2bCollaborationInbound=WIDER))
    assert said.out.startswith("1 difference:\n")
    assert f"newly allowed: b2bCollaborationInbound, {FABRIKAM}" in said.out
    words = said.out.split()
    user, app = words[words.index("user") + 1], words[words.index("application") + 1]
    home = write(tmp_path, "fabrikam.json", fabrikam())
    flags = (
        "--home",
        FABRIKAM,
        "--resource",
        CONTOSO,
        "--user",
        user,
        "--no-groups",
        "--app",
        app,
        "--client-app",
        app,
    )
    assert say(capsys, "decide", str(tmp_path / "before.json"), home, *flags).code == 2
    assert say(capsys, "decide", str(tmp_path / "after.json"), home, *flags).code == 0


def test_every_kind_of_difference_can_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    after = contoso(
        tenantRestrictions=WIDER,
        inboundTrust={"isCompliantDeviceAccepted": True},
        blockServiceProviderOutboundAccess=True,
        identitySynchronization={"userSyncInbound": {"isSyncAllowed": True}},
    ) | {
        "default": {
            "b2bCollaborationOutbound": setting("blocked", "AllUsers", "blocked", "AllApplications"),
            "invitationRedemptionIdentityProviderConfiguration": {
                "primaryIdentityProviderPrecedenceOrder": ["azureActiveDirectory"],
                "fallbackIdentityProvider": "emailOneTimePasscode",
            },
        }
    }
    said = compare(capsys, tmp_path, contoso(), after)
    assert said.code == 2
    for line in (
        "newly blocked: b2bCollaborationOutbound, any tenant without an entry of its own",
        "different: invitationRedemptionIdentityProviderConfiguration\n",
        f"newly allowed: identitySynchronization.userSyncInbound, {FABRIKAM}",
        f"newly blocked: blockServiceProviderOutboundAccess, {FABRIKAM}",
        "anonymous access to tenant",
        "where compliantDevice is required",
    ):
        assert line in said.out


def test_one_tenant_of_several_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    both = [contoso(), fabrikam()]
    assert_one_line(compare(capsys, tmp_path, both, both), "found 2")
    changed = [contoso(b2bCollaborationInbound=WIDER), fabrikam()]
    assert compare(capsys, tmp_path, both, changed, "--tenant", "contoso").code == 2
    assert compare(capsys, tmp_path, both, changed, "--tenant", FABRIKAM).code == 0


@pytest.mark.parametrize(
    ("after", "flags", "part"),
    [
        (fabrikam(), (), f"two tenants, {CONTOSO} and {FABRIKAM}"),
        (fabrikam(), ("--tenant", "contoso"), f"The policy of tenant {CONTOSO} is not known"),
        (contoso(), ("--tenant", "nobody"), "'nobody'"),
        (contoso() | {"cloud": "microsoftonline.us"}, (), "two clouds"),
        ("{", (), "after.json: The file is not JSON"),
    ],
)
def test_what_cannot_be_compared_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], after: Any, flags: tuple[str, ...], part: str
):
    assert_one_line(compare(capsys, tmp_path, contoso(), after, *flags), part)


def test_a_missing_file_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    before = write(tmp_path, "before.json", contoso())
    assert_one_line(say(capsys, "compare", before, str(tmp_path / "gone.json")), "gone.json")
