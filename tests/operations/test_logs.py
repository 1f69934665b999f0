"""What the log holds: requests with their identifiers, and never a token or a secret, wherever a client put it."""

from __future__ import annotations

import json
import logging
import sqlite3
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from xtap.server.logs import JsonLines, TextLines
from xtap.testing.in_process import in_process
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.testing.local_server import LocalServer

SECRET = "Xq8~hunter2.SECRET_value-0123456789"
PARTNER = "22222222-2222-4222-8222-222222222222"


def lines(server: LocalServer) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_token_and_no_secret_comes_into_the_log(tmp_path: Path, form: str):
    with running(tmp_path, "--log-format", form, "--log-requests") as server:
        token = server.token()
        planted = [SECRET, token, token.split(".")[2], "demo-secret"]
        for secret in planted:
            plant(server, secret)
        server.stop()
        log = server.log()
    assert "xtap.requests" in log
    for secret in planted:
        assert secret not in log


def plant(server: LocalServer, secret: str) -> None:
    """Send a secret in every place of a request that has one."""
    own = server.headers()
    partners = f"{server.graph}/partners"
    with httpx.Client(timeout=10) as client:
        for url in (
            *(
                f"{partners}/{secret}",
                f"{server.http}/{secret}",
                f"{server.http}/v1.0/{secret}",
                f"{partners}?$x={secret}",
            ),
            *(f"{partners}?$filter={secret}", f"{partners}?access_token={secret}", f"{server.http}/beta?{secret}"),
            *(f"{server.http}/{secret}/oauth2/v2.0/token", f"{server.http}/{secret}/access/v1/evaluation"),
        ):
            client.get(url, headers=own)
            client.post(url, headers=own, json={})
        for header in (
            *(
                "client-request-id",
                "x-request-id",
                "traceparent",
                "tracestate",
                "cookie",
                "user-agent",
                "prefer",
                "accept",
            ),
            *("x-api-key", "content-encoding", "if-match", "forwarded", "x-forwarded-for", "consistencylevel"),
        ):
            for url in (partners, f"{server.http}/access/v1/evaluation", f"{server.http}/healthz"):
                client.get(url, headers=own | {header: secret})
                client.post(url, headers=own | {header: secret}, json={"tenantId": secret})
        for authorization in (secret, f"Bearer {secret}", f"Basic {secret}", f"Bearer {secret}.{secret}.{secret}"):
            client.get(partners, headers={"Authorization": authorization})
        for body in (
            *({"tenantId": secret}, {secret: secret}, {"inboundTrust": {"isMfaAccepted": secret}}, [secret], secret),
            {"requests": [{"id": secret, "method": "GET", "url": secret, "headers": {"x": secret}}]},
            {
                "subject": {"type": "user", "id": secret},
                "action": {"name": secret},
                "resource": {"type": "a", "id": "b"},
            },
        ):
            for url in (partners, f"{server.http}/v1.0/$batch", f"{server.http}/access/v1/evaluation"):
                client.post(url, headers=own, json=body)
        client.post(partners, headers=own | {"content-type": "application/json"}, content=f"{{{secret}".encode())
        for form in (
            {"grant_type": "client_credentials", "client_id": "demo-app", "client_secret": secret, "scope": secret},
            {
                "grant_type": secret,
                "client_assertion": secret,
                "code": secret,
                "password": secret,
                "refresh_token": secret,
            },
        ):
            client.post(f"{server.http}/{PARTNER}/oauth2/v2.0/token", data=form)
            client.post(f"{server.http}/{PARTNER}/oauth2/v2.0/token", data=form, auth=("demo-app", secret))


def test_a_request_is_one_line_with_its_identifiers(tmp_path: Path):
    mine = str(uuid4())
    with running(tmp_path, "--log-format", "json", "--log-requests") as server:
        headers = {**server.headers(), "client-request-id": mine}
        answer = httpx.get(f"{server.graph}/partners", headers=headers)
        httpx.get(f"{server.http}/.well-known/authzen-configuration", headers={"x-request-id": mine})
        server.stop()
        graph, authzen = (line for line in lines(server) if line["logger"] == "xtap.requests")
    assert graph["operation"] == "GET /policies/crossTenantAccessPolicy/partners"
    assert graph["status"] == 200
    assert graph["request_id"] == answer.headers["request-id"]
    assert graph["client_request_id"] == mine
    assert 0 < float(str(graph["seconds"])) < 10
    assert authzen["request_id"] == mine


def test_requests_are_not_logged_unless_asked_for(tmp_path: Path):
    with running(tmp_path) as server:
        httpx.get(f"{server.graph}/partners", headers=server.headers()).raise_for_status()
        server.stop()
        assert "xtap.requests" not in server.log()


@pytest.mark.parametrize("path", ["/v1.0/policies/crossTenantAccessPolicy/partners", "/access/v1/evaluation"])
async def test_an_unexpected_failure_is_logged_with_its_place_and_without_what_was_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, path: str
):
    async with in_process(tmp_path) as app:
        headers = app.headers()

        def fail(*_: object) -> None:
            raise KeyError(SECRET)

        monkeypatch.setattr(type(app.application.store), "snapshot", fail)
        answer = await app.client.post(path, headers=headers, json={"tenantId": SECRET})
    assert answer.status_code == 500
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    for form in (JsonLines(), TextLines()):
        line = form.format(record)
        assert "KeyError" in line
        assert "test_logs.py" in line
        assert (answer.headers.get("request-id") or answer.headers["x-request-id"]) in line
        assert SECRET not in line


# --- one line ---------------------------------------------------------------------


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("xtap.somewhere", logging.ERROR, __file__, 1, message, (), info)


def test_a_line_is_json_whatever_the_message():
    line = JsonLines().format(record('a "quoted"\nmessage'))
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == 'a "quoted"\nmessage'
    assert told["level"] == "ERROR"
    assert told["time"].endswith("Z")


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (OSError(28, "No space left on device"), "No space left"),
        (sqlite3.OperationalError("disk I/O error"), "disk I/O error"),
        (ValueError(SECRET), "left out"),
    ],
)
def test_messages_of_exceptions_are_told_if_they_cannot_repeat_a_request(error: Exception, part: str):
    for form in (JsonLines(), TextLines()):
        line = form.format(record("it failed", error))
        assert part in line
        assert SECRET not in line


def test_the_cause_of_an_exception_is_told_too():
    error = RuntimeError(SECRET)
    error.__cause__ = ValueError(SECRET)
    told = json.loads(JsonLines().format(record("it failed", error)))["error"]
    assert told.index("ValueError") < told.index("RuntimeError")
    assert SECRET not in told


@pytest.mark.parametrize("text", ["Bearer abcdefgh12345", "eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiIxIn0.c2lnbmF0dXJl"])
def test_what_looks_like_a_token_is_blotted_out(text: str):
    assert text not in JsonLines().format(record(f"somebody logged {text} here"))
    assert "here" in TextLines().format(record(f"somebody logged {text} here"))
