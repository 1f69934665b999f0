"""``xtap effective``: every value with its origin, as a table and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.contoso_and_fabrikam import CONTOSO, FABRIKAM, GROUP, STRANGER, assert_one_line, contoso, say, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path, "contoso.json", contoso())


def test_a_table_has_a_line_for_each_value(file: str, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "effective", file, "--of", "contoso", "--toward", FABRIKAM)
    assert said.code == 0
    lines = [line.split(maxsplit=4) for line in said.out.splitlines()]
    assert lines[0] == ["SETTING", "ORIGIN", "INHERITED", "RULE", "VALUE"]
    assert ["b2bCollaborationInbound.usersAndGroups", "partner", "no", "XT-INH-1", f"allowed: group {GROUP}"] in lines
    assert ["b2bDirectConnectInbound.applications", "serviceDefault", "yes", "XT-INH-3"] in [row[:4] for row in lines]


def test_json_has_the_whole_values(file: str, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "effective", file, "--of", CONTOSO, "--toward", FABRIKAM, "--output", "json")
    assert (said.code, said.json["of"], said.json["toward"]) == (0, CONTOSO, FABRIKAM)
    rows = {row["setting"]: row for row in said.json["settings"]}
    assert rows["b2bCollaborationInbound.usersAndGroups"] == {
        "setting": "b2bCollaborationInbound.usersAndGroups",
        "words": f"allowed: group {GROUP}",
        "value": {"accessType": "allowed", "targets": [{"target": GROUP, "targetType": "group"}]},
        "origin": "partner",
        "inherited": False,
        "rule": "XT-INH-1",
    }
    assert rows["tenantRestrictions"]["value"] is None


def test_toward_a_stranger_everything_is_inherited(file: str, capsys: pytest.CaptureFixture[str]):
    said = say(capsys, "effective", file, "--of", "contoso", "--toward", STRANGER, "--output", "json")
    assert {row["inherited"] for row in said.json["settings"]} == {True}


@pytest.mark.parametrize(
    ("of", "toward", "part"),
    [
        ("nobody", FABRIKAM, "'nobody'"),
        ("contoso", "nobody", "'nobody'"),
        (FABRIKAM, CONTOSO, f"The policy of tenant {FABRIKAM} is not known"),
    ],
)
def test_unknown_tenants_end_in_one_line(
    file: str, capsys: pytest.CaptureFixture[str], of: str, toward: str, part: str
):
    assert_one_line(say(capsys, "effective", file, "--of", of, "--toward", toward), part)


def test_a_flag_that_is_missing_is_named_in_one_line(file: str, capsys: pytest.CaptureFixture[str]):
    assert_one_line(say(capsys, "effective", file, "--of", "contoso"), "--toward")


def test_a_name_that_two_tenants_have_names_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(tmp_path, "one.json", contoso())
    write(tmp_path, "two.json", {"tenantId": FABRIKAM, "displayName": "Contoso"})
    said = say(capsys, "effective", str(tmp_path), "--of", "contoso", "--toward", FABRIKAM)
    assert_one_line(said, "2 tenants are called 'contoso'", CONTOSO, FABRIKAM)
