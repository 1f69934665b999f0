"""The cases of ``conformance/authzen``: what enforcement points send, and what they are told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from xtap.model.directory_files import read
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.service.directory import put_objects
from xtap.testing.in_process import in_process
from xtap.testing.transcripts import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from xtap.testing.in_process import InProcess

FOLDER = Path(__file__).parents[2] / "conformance" / "authzen"
POLICY = "/beta/policies/crossTenantAccessPolicy"
TENANTS = {"contoso": CONTOSO.id, "fabrikam": FABRIKAM.id}
FILES = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.yaml"))}
CASES = [(topic, case) for topic, found in FILES.items() for case in found["cases"]]

Document = dict[str, Any]


class Server:
    """The application with the policies of one file."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self._runner = runner
        self.app = app

    def configure(self, tenants: dict[str, Document]) -> None:
        """Write the policies of some tenants as their administrators would, and who is in their directories."""
        for name, policy in tenants.items():
            if "directory" in policy:
                people = read([(name, json.dumps(policy["directory"]).encode())])
                self._runner.run(put_objects(self.app.application.store, TENANTS[name], people, whole=False))
            if "default" in policy:
                assert self.send("PATCH", f"{POLICY}/default", name, policy["default"]).status_code == 204
            for partner in policy.get("partners", ()):
                own = {key: value for key, value in partner.items() if key != "identitySynchronization"}
                assert self.send("POST", f"{POLICY}/partners", name, own).status_code == 201
                if "identitySynchronization" in partner:
                    path = f"{POLICY}/partners/{partner['tenantId']}/identitySynchronization"
                    answer = self.send("PUT", path, name, partner["identitySynchronization"])
                    assert answer.status_code == 204, answer.text

    def send(
        self, method: str, path: str, tenant: str | None, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a request; text is sent as it is, anything else as JSON."""
        content = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        own = {"Content-Type": "application/json"} | (self.app.headers(tenant) if tenant else {}) | (headers or {})
        return self._runner.run(self.app.client.request(method, path, content=content, headers=own))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    with asyncio.Runner() as runner:
        contexts, made = [], {}
        for topic, found in FILES.items():
            contexts.append(in_process(tmp_path_factory.mktemp("data")))
            made[topic] = Server(runner, runner.run(contexts[-1].__aenter__()))
            made[topic].configure(found.get("tenants", {}))
        yield made
        for context in contexts:
            runner.run(context.__aexit__(None, None, None))


@pytest.mark.parametrize(("topic", "case"), CASES, ids=[case["name"] for _, case in CASES])
def test_case(servers: dict[str, Server], topic: str, case: Document) -> None:
    asked, expected = case["request"], case["response"]
    body = asked.get("text", asked.get("body"))
    if "items" in asked:
        body = asked["body"] | {"evaluations": [{}] * asked["items"]}
    answer = servers[topic].send(asked.get("method", "POST"), asked["path"], case["as"], body, asked.get("headers"))
    assert answer.status_code == expected["status"], answer.text
    assert answer.headers["content-type"] == "application/json"
    assert {name: answer.headers.get(name) for name in expected.get("headers", {})} == expected.get("headers", {})
    found = answer.json()
    problems = [*_problems(expected, found)]
    assert not problems, f"{problems}\n{json.dumps(found, indent=1)}"
    assert not [word for word in expected.get("silent", ()) if word in answer.text], answer.text


def _problems(expected: Document, found: Any) -> Iterator[str]:
    if expected["status"] != 200:
        assert isinstance(found, str)
        if "text" in expected and found != expected["text"]:
            yield found
        return
    if "decision" in expected and found.get("decision") is not expected["decision"]:
        yield "decision"
    if "context" in expected:
        yield from differences(expected["context"], found["context"], contains=True)
    if "decisions" in expected:
        if "decision" in found or [each["decision"] for each in found["evaluations"]] != expected["decisions"]:
            yield "decisions"
        errors = {
            n: each["context"]["error"]["status"]
            for n, each in enumerate(found["evaluations"])
            if "error" in each["context"]
        }
        if errors != expected.get("errors", {}):
            yield f"errors {errors}"
    if "results" in expected:
        names = [each.get("id") or each["name"] for each in found["results"]]
        if names != expected["results"] or found["page"]["next_token"] != "":
            yield f"results {names}"


def test_names_of_cases_are_unique() -> None:
    names = [case["name"] for _, case in CASES]
    assert len(set(names)) == len(names)
