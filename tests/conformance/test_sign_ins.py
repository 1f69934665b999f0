"""The log of sign-ins over HTTP, as ``Get-MsIdCrossTenantAccessActivity`` and others read it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from xtap.model.sign_in_files import SignIn, sortable_time
from xtap.service import sign_ins
from xtap.testing.in_process import in_process
from xtap.testing.local_server import TENANTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xtap.testing.in_process import InProcess

CONTOSO, FABRIKAM = TENANTS["contoso"].id, TENANTS["fabrikam"].id
LOG = "/beta/auditLogs/signIns"


def made(number: int, **properties: Any) -> SignIn:
    time = f"2026-01-10T08:{number // 60:02}:{number % 60:02}.5Z"
    key = f"aaaaaaaa-0000-4000-8000-{number:012}"
    document = {
        "id": key,
        "createdDateTime": time,
        "homeTenantId": CONTOSO,
        "resourceTenantId": CONTOSO,
        "crossTenantAccessType": "none",
        "tokenIssuerType": "AzureAD",
        "userId": f"bbbbbbbb-0000-4000-8000-{number % 3:012}",
        "status": {"errorCode": 500212 if number % 5 == 0 else 0},
    }
    sortable = sortable_time(time)
    assert sortable is not None
    return SignIn(sortable, key, document | properties)


INBOUND = {"homeTenantId": FABRIKAM, "crossTenantAccessType": "b2bCollaboration"}
OUTBOUND = {"resourceTenantId": FABRIKAM, "crossTenantAccessType": "b2bDirectConnect"}
ALL = [made(number, **(INBOUND if number % 4 == 1 else OUTBOUND if number % 4 == 2 else {})) for number in range(120)]


class Log:
    """A server with the sign-ins above in contoso's log, and one of fabrikam."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self.runner = runner
        self.app = app

    def ask(self, query: str = "", *, url: str = LOG, tenant: str = "contoso", **headers: str) -> tuple[int, Any]:
        sent = self.app.headers(tenant) | headers
        address = url + (f"?{quote(query, safe='$=&')}" if query else "")
        answer = self.runner.run(self.app.client.get(address, headers=sent))
        return answer.status_code, answer.json()

    def everything(self, query: str) -> list[str]:
        """Follow the pages to the end, as clients do, and return the ids."""
        _, body = self.ask(query)
        found = [each["id"] for each in body["value"]]
        while "@odata.nextLink" in body:
            _, body = self.ask(url=body["@odata.nextLink"])
            assert body["value"]
            found += [each["id"] for each in body["value"]]
        return found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    folder: Path = tmp_path_factory.mktemp("app")
    with asyncio.Runner() as runner:
        context = in_process(folder)
        app = runner.run(context.__aenter__())
        store = app.application.store
        runner.run(sign_ins.bring(store, CONTOSO, ALL))
        runner.run(sign_ins.bring(store, FABRIKAM, [made(500, crossTenantAccessType="passthrough")]))
        yield Log(runner, app)
        runner.run(context.__aexit__(None, None, None))


def ids(kept: Any) -> list[str]:
    return [each.id for each in reversed(ALL) if kept(each.document)]


ACROSS = "CrossTenantAccessType ne 'none'"
QUERIES = {
    f"$filter={ACROSS} and ResourceTenantId ne '{CONTOSO}'": lambda each: each["resourceTenantId"] == FABRIKAM,
    f"$filter={ACROSS} and HomeTenantId eq '{FABRIKAM}' and TokenIssuerType eq 'AzureAD'": (
        lambda each: each["homeTenantId"] == FABRIKAM
    ),
    f"$filter=hometenantid eq '{FABRIKAM.upper()}'&$top=7": lambda each: each["homeTenantId"] == FABRIKAM,
    "$filter=status/errorCode eq 500212 and createdDateTime lt 2026-01-10T08:01:00Z&$top=2": (
        lambda each: each["status"]["errorCode"] == 500212 and each["createdDateTime"] < "2026-01-10T08:01"
    ),
    "$filter=userId eq 'bbbbbbbb-0000-4000-8000-000000000001'&$top=11&$select=id": (
        lambda each: each["userId"].endswith("1")
    ),
}


@pytest.mark.parametrize(("query", "kept"), QUERIES.items())
def test_filters_and_pages_meet_each_sign_in_once_latest_first(log: Log, query: str, kept: Any) -> None:
    wanted = ids(kept)
    assert 0 < len(wanted) < len(ALL)
    assert log.everything(query) == wanted


def test_all_of_them_are_read_in_pages_of_any_size(log: Log):
    for size in (1, 50, 119, 120, 1000):
        assert log.everything(f"$top={size}") == ids(lambda _: True)
    assert log.everything("$orderby=CreatedDateTime asc&$top=50") == ids(lambda _: True)[::-1]


def test_they_are_counted_once(log: Log):
    _, body = log.ask(f"$filter=homeTenantId eq '{FABRIKAM}'&$count=true&$top=2&$skip=1")
    assert body["@odata.count"] == 30
    assert [each["id"] for each in body["value"]] == ids(lambda each: each["homeTenantId"] == FABRIKAM)[1:3]
    _, after = log.ask(url=body["@odata.nextLink"])
    assert "@odata.count" not in after


def test_one_is_read_by_id(log: Log):
    status, body = log.ask(url=f"{LOG}/{ALL[1].id.upper()}")
    assert (status, body["homeTenantId"]) == (200, FABRIKAM)
    assert body["@odata.context"].endswith("/beta/$metadata#auditLogs/signIns/$entity")
    assert log.ask(url=f"{LOG}/9c5d131d-b1c3-4fc4-9e3f-c6557947d551")[0] == 404


def test_v1_does_not_know_the_kind_of_access(log: Log):
    _, body = log.ask("$top=1", url="/v1.0/auditLogs/signIns")
    assert body["value"][0]["homeTenantId"] == CONTOSO
    assert not {"crossTenantAccessType", "tokenIssuerType"} & body["value"][0].keys()
    status, refused = log.ask("$filter=crossTenantAccessType ne 'none'", url="/v1.0/auditLogs/signIns")
    assert (status, refused["error"]["code"]) == (400, "BadRequest")


def test_a_tenant_sees_its_own_log_only(log: Log):
    _, body = log.ask(tenant="fabrikam")
    assert len(body["value"]) == 1
    assert log.ask(url=f"{LOG}/{ALL[0].id}", tenant="fabrikam")[0] == 404
    _, page = log.ask("$top=1")
    assert log.ask(url=page["@odata.nextLink"], tenant="fabrikam")[0] == 400


def test_a_newer_kind_of_access_is_shown_to_who_asks_for_it(log: Log):
    _, body = log.ask(tenant="fabrikam")
    assert body["value"][0]["crossTenantAccessType"] == "unknownFutureValue"
    _, body = log.ask(tenant="fabrikam", Prefer="include-unknown-enum-members")
    assert body["value"][0]["crossTenantAccessType"] == "passthrough"
