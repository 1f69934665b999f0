"""Sign-ins in the three forms in which they are exported, and what is said of files that cannot be understood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from xtap.errors import InvalidInput
from xtap.model.sign_in_files import MAX_PROBLEMS, read, sortable_time

if TYPE_CHECKING:
    from xtap.model.schema import Document

HOME = "22222222-2222-4222-8222-222222222222"
RESOURCE = "11111111-1111-4111-8111-111111111111"
GRAPH: Document = {
    "id": "AAAAAAAA-0000-4000-8000-000000000001",
    "createdDateTime": "2026-01-10T08:00:00.5Z",
    "crossTenantAccessType": "b2bCollaboration",
    "homeTenantId": HOME,
    "resourceTenantId": RESOURCE,
    "status": {"errorCode": 0},
}
DIAGNOSTIC: Document = {
    "time": "2026-01-10T08:00:00.0000000Z",
    "category": "NonInteractiveUserSignInLogs",
    "resultType": "500212",
    "resultDescription": "blocked",
    "callerIpAddress": "192.0.2.1",
    "correlationId": "c",
    "tenantId": RESOURCE,
    "properties": {"id": "aaaaaaaa-0000-4000-8000-000000000002", "userType": "Guest", "homeTenantId": HOME},
}
HEADER = (
    "Date (UTC),Request ID,Username,User type,Cross tenant access type,Incoming token type,Application ID ,"
    "Resource ID ,Resource tenant ID,Home tenant ID,Location,Status,Sign-in error code,Failure reason,Compliant,"
    "Authentication requirement,Token issuer type,Incoming token type,Latency,Conditional Access,Something new"
)
ROW = (
    "2026-01-10T08:00:00Z,aaaaaaaa-0000-4000-8000-000000000003,a@b.example,Guest,B2B collaboration,,app,res,"
    f'{RESOURCE},{HOME},"Berlin, Berlin, DE",Failure,500212,blocked,Yes,'
    "Multifactor authentication,AzureAD,none,12,Not Applied,x"
)


def documents(name: str, content: object) -> list[dict[str, Any]]:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return [each.document for each in read([(name, raw)]).sign_ins]


@pytest.mark.parametrize("content", [{"value": [GRAPH]}, [GRAPH], GRAPH])
def test_answers_of_graph_are_kept_as_they_are(content: object) -> None:
    assert documents("a.json", content) == [GRAPH]


AUDIT = {"category": "AuditLogs", "properties": {"id": "x"}}


@pytest.mark.parametrize(
    "text",
    [json.dumps({"records": [DIAGNOSTIC, AUDIT]}), "\n".join(json.dumps(each) for each in (DIAGNOSTIC, AUDIT))],
    ids=["records", "lines"],
)
def test_records_of_diagnostic_settings_are_unwrapped(text: str) -> None:
    found = read([("a.json", text.encode())])
    assert found.passed_over == 1
    (sign_in,) = found.sign_ins
    assert sign_in.document == {
        "id": "aaaaaaaa-0000-4000-8000-000000000002",
        "userType": "guest",
        "homeTenantId": HOME,
        "createdDateTime": "2026-01-10T08:00:00Z",
        "signInEventTypes": ["nonInteractiveUser"],
        "correlationId": "c",
        "ipAddress": "192.0.2.1",
        "status": {"errorCode": 500212, "failureReason": "blocked"},
    }


def test_a_download_of_the_admin_center_is_read_by_its_columns():
    (found,) = documents("exports/InteractiveSignIns_2026.csv", f"\ufeff{HEADER}\r\n{ROW}\r\n".encode())
    assert found == {
        "createdDateTime": "2026-01-10T08:00:00Z",
        "id": "aaaaaaaa-0000-4000-8000-000000000003",
        "userPrincipalName": "a@b.example",
        "userType": "guest",
        "crossTenantAccessType": "b2bCollaboration",
        "appId": "app",
        "resourceId": "res",
        "resourceTenantId": RESOURCE,
        "homeTenantId": HOME,
        "location": {"city": "Berlin", "state": "Berlin", "countryOrRegion": "DE"},
        "status": {"errorCode": 500212, "failureReason": "blocked"},
        "deviceDetail": {"isCompliant": True},
        "authenticationRequirement": "multiFactorAuthentication",
        "tokenIssuerType": "AzureAD",
        "incomingTokenType": "none",
        "processingTimeInMilliseconds": 12,
        "conditionalAccessStatus": "notApplied",
        "signInEventTypes": ["interactiveUser"],
    }


def test_an_older_download_says_nothing_of_tenants():
    text = b"Date (UTC),Request ID,Status,Cross tenant access type\n2026-01-10T08:00:00Z,x,Success,Something else\n"
    (found,) = documents("NonInteractiveSignIns.csv", text)
    assert found["status"] == {"errorCode": 0}
    assert found["crossTenantAccessType"] == "unknownFutureValue"
    assert found["signInEventTypes"] == ["nonInteractiveUser"]
    assert not {"homeTenantId", "resourceTenantId"} & found.keys()


@pytest.mark.parametrize(
    ("text", "sortable"),
    [
        ("2026-01-10T08:00:00Z", "2026-01-10T08:00:00.0000000Z"),
        ("2026-01-10 08:00:00.12", "2026-01-10T08:00:00.1200000Z"),
        ("2026-01-10T08:00:00.123456789+02:00", "2026-01-10T06:00:00.1234567Z"),
        ("1/10/2026, 8:00:00 AM", None),
        ("2026-13-10T08:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_times_sort_as_text(text: str, sortable: str | None) -> None:
    assert sortable_time(text) == sortable


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"\xff", "a.json: Expected text in UTF-8."),
        ("a.json", b'{"value": 1}', "a.json: Expected a list of sign-ins in 'value' or 'records'."),
        ("a.json", b"{}\n{x", "a.json: line 1: Expected the id of a sign-in ('id', or 'Request ID' in CSV)."),
        ("a.json", b"[1]", "a.json: [0]: Expected an object."),
        ("a.json", b'[{"id": "a"}]', "found 'None'."),
        ("a.csv", b"Request ID,Date (UTC)\na,yesterday", "a.csv: line 2: Expected a time in ISO 8601"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read([(name, content)])
    assert message in refused.value.violations[0].message


def test_not_everything_is_told():
    with pytest.raises(InvalidInput) as refused:
        read([("a.json", json.dumps([{}] * 1_000).encode())])
    assert len(refused.value.violations) == MAX_PROBLEMS
