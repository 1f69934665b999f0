"""What every answer says to browsers and caches, and what no command line holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from msgspec import structs

from xtap.server.settings import Settings

if TYPE_CHECKING:
    from xtap.testing.local_server import LocalServer

FORM = {"grant_type": "client_credentials", "client_id": "demo-app", "scope": "https://graph.microsoft.com/.default"}
TENANT = "11111111-1111-4111-8111-111111111111"
GRAPH = "/v1.0/policies/crossTenantAccessPolicy"
ANSWERS = {
    "Graph": ("GET", f"{GRAPH}/default", 200),
    "an error of Graph": ("GET", f"{GRAPH}/nothing", 400),
    "metadata of Graph": ("GET", "/v1.0/$metadata", 200),
    "an error of the decision point": ("POST", "/access/v1/evaluation", 400),
    "metadata of the decision point": ("GET", "/.well-known/authzen-configuration", 200),
    "discovery": ("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration", 200),
    "keys": ("GET", f"/{TENANT}/discovery/v2.0/keys", 200),
    "health": ("GET", "/healthz", 200),
    "the cloud document": ("GET", "/metadata/endpoints?api-version=2022-09-01", 200),
    "no address": ("GET", "/nothing/here", 404),
}


@pytest.mark.wire
@pytest.mark.parametrize(("method", "path", "status"), ANSWERS.values(), ids=ANSWERS.keys())
def test_no_answer_is_taken_for_something_else(server: LocalServer, method: str, path: str, status: int):
    answer = httpx.request(method, f"{server.http}{path}", headers=server.headers())
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"]
    assert not re.search("[0-9]", answer.headers.get("server", ""))  # no version of anything
    assert "set-cookie" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.wire
@pytest.mark.parametrize(("secret", "status"), [("demo-secret", 200), ("wrong", 401)])
def test_nobody_keeps_tokens(server: LocalServer, secret: str, status: int):
    answer = httpx.post(f"{server.http}/{TENANT}/oauth2/v2.0/token", data={**FORM, "client_secret": secret})
    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert (answer.headers["pragma"], answer.headers["x-content-type-options"]) == ("no-cache", "nosniff")


def test_no_secret_is_a_setting():
    """A flag can be seen by every user of the machine: settings name files that hold secrets, never secrets."""
    secrets = [name for name in structs.fields(Settings) if re.search("secret|password|credential", name.name)]
    assert [field.name for field in secrets if not field.name.endswith("_file")] == []
