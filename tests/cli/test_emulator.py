"""``xtap seed`` and ``xtap reset`` against a running server, and what they say where there is no emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer

CONTOSO, FABRIKAM = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
NEW = "33333333-3333-4333-8333-333333333333"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with running(tmp_path_factory.mktemp("emulator"), "--emulator") as started:
        yield started


def _partners(server: LocalServer, tenant: str = "contoso") -> list[Any]:
    found: list[Any] = httpx.get(f"{server.graph}/partners", headers=server.headers(tenant)).json()["value"]
    return found


def _seed(server: LocalServer, *documents: object, check: bool = True) -> tuple[int, str, str]:
    (server.folder / "tenants.json").write_text(json.dumps({"tenants": documents}))
    done = server.run("seed", "tenants.json", check=check)
    return done.returncode, done.stdout, done.stderr


def test_a_file_seeds_every_tenant_in_it(emulator: LocalServer) -> None:
    code, out, _ = _seed(
        emulator,
        {"tenantId": CONTOSO, "partners": [{"tenantId": FABRIKAM}]},
        {"tenantId": NEW, "displayName": "northwind", "partners": [{"tenantId": CONTOSO}, {"tenantId": FABRIKAM}]},
    )
    assert code == 0
    assert f"{NEW}  northwind  2 partners  (newly registered)" in out
    assert out.count("newly") == 1
    assert [each["tenantId"] for each in _partners(emulator)] == [FABRIKAM]
    token = emulator.run("token", "--tenant", "northwind").stdout.strip()
    answer = httpx.get(f"{emulator.graph}/partners/$count", headers={"Authorization": f"Bearer {token}"})
    assert answer.text == "2"


def test_a_file_with_a_mistake_seeds_nothing(emulator: LocalServer) -> None:
    _seed(emulator, {"tenantId": CONTOSO, "partners": [{"tenantId": FABRIKAM}]})
    code, _, errors = _seed(emulator, {"tenantId": CONTOSO}, {"tenantId": FABRIKAM, "partner": []}, check=False)
    assert (code, "'partner' is not known" in errors) == (1, True)
    assert len(_partners(emulator)) == 1


def test_a_reset_is_of_the_tenants_that_are_named(emulator: LocalServer) -> None:
    _seed(
        emulator,
        {"tenantId": CONTOSO, "partners": [{"tenantId": FABRIKAM}]},
        {"tenantId": FABRIKAM, "partners": [{"tenantId": CONTOSO}]},
    )
    assert FABRIKAM in emulator.run("reset", "--tenant", "fabrikam").stdout
    assert (len(_partners(emulator)), len(_partners(emulator, "fabrikam"))) == (1, 0)
    emulator.run("reset")
    assert _partners(emulator) == []
    missing = emulator.run("reset", "--tenant", "nowhere", check=False)
    assert (missing.returncode, "No tenant 'nowhere'" in missing.stderr) == (1, True)


def test_a_server_without_emulator_is_not_touched(server: LocalServer) -> None:
    done = server.run("reset", check=False)
    assert done.returncode == 1
    assert "has no emulator. Start it with --emulator." in done.stderr
