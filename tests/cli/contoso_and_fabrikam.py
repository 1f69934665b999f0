"""Two tenants in files, and the command line asked in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xtap.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONTOSO = "11111111-1111-4111-8111-111111111111"
FABRIKAM = "22222222-2222-4222-8222-222222222222"
STRANGER = "44444444-4444-4444-8444-444444444444"
USER = "bbbbbbbb-0000-4000-8000-0000000000b1"
GROUP = "aaaaaaaa-0000-4000-8000-0000000000a1"
APP = "cccccccc-0000-4000-8000-0000000000c1"
SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"


def setting(people: str, people_targets: str, apps: str, app: str) -> dict[str, Any]:
    kind = "user" if people_targets.lower() in {"allusers", USER} else "group"
    return {
        "usersAndGroups": {"accessType": people, "targets": [{"target": people_targets, "targetType": kind}]},
        "applications": {"accessType": apps, "targets": [{"target": app, "targetType": "application"}]},
    }


def contoso(**partner: Any) -> dict[str, Any]:
    """Contoso lets the group GROUP of fabrikam use Office 365, and accepts its multifactor authentication."""
    own = {
        "tenantId": FABRIKAM,
        "b2bCollaborationInbound": setting("allowed", GROUP, "allowed", "Office365"),
        "inboundTrust": {"isMfaAccepted": True},
    }
    return {"tenantId": CONTOSO, "displayName": "contoso", "partners": [own | partner]}


def fabrikam() -> dict[str, Any]:
    return {"tenantId": FABRIKAM, "displayName": "Fabrikam"}


def write(folder: Path, name: str, document: Any) -> str:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """Run one command in this process."""
    try:
        code = main(arguments)
    except SystemExit as end:  # argparse ends like this
        code = end.code if isinstance(end.code, int) else -1
    printed = capsys.readouterr()
    return Said(code, printed.out, printed.err)


def assert_one_line(said: Said, *parts: str) -> None:
    """Assert that the command failed with one line that has these parts."""
    assert (said.code, said.out) == (1, "")
    assert len(said.err.splitlines()) == 1
    assert "Traceback" not in said.err
    assert [part for part in parts if part not in said.err] == []
