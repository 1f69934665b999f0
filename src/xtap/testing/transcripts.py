"""Does a server answer as the documentation and we say? Runs the cases of ``conformance/graph`` against any base URL.

    python -m xtap.testing.transcripts --against http://127.0.0.1:8420 --token "$TOKEN" --wipe

A case is data (``conformance/README.md`` explains it): requests that set the state up, one request, the answer to it,
and requests that prove what it left behind. Reading cases needs ``pyyaml``.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import httpx
from msgspec import UNSET, Struct, UnsetType, ValidationError, convert, field

from xtap.errors import ConfigurationError
from xtap.model.ids import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Tokens: TypeAlias = "Callable[[Caller | None], str | None]"
    """Gives the Authorization value for a caller (None: may everything), or None if it cannot."""

ApiVersion: TypeAlias = Literal["v1.0", "beta"]

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INNER_DATE = r"<re:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d>"
MATCHERS: Mapping[str, re.Pattern[str]] = {"<guid>": GUID, "<string>": re.compile(r"(?s).*")}
POLICY = "policies/crossTenantAccessPolicy"
ORGANIZATION = "tenantRelationships/multiTenantOrganization"
AUTHORIZATION_POLICY = ("allowInvitesFrom", "guestUserRoleId", "defaultUserRolePermissions", "allowedToUseSSPR")
TEMPLATES = ("multiTenantOrganizationPartnerConfiguration", "multiTenantOrganizationIdentitySynchronization")


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a fact comes from, and how sure it is.

    ``documented``: a page or the metadata says so. ``observed``: captured by third parties. ``chosen``: nothing was
    found, and this project decided.
    """

    page: str
    certainty: Literal["documented", "observed", "chosen"]


class Caller(Struct, frozen=True, forbid_unknown_fields=True):
    """Who sends a request, if not an application that may everything.

    ``authorization`` is a literal header value instead of a token; empty for no header.
    """

    kind: Literal["application", "delegated"] = "application"
    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    authorization: str | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One request.

    ``path`` is below the version, ``version`` another one than the case runs in; ``follow`` names a member of the
    answer before that holds a URL.
    """

    method: str = "GET"
    path: str = ""
    headers: dict[str, str] = {}
    body: Any = UNSET
    text: str | UnsetType = UNSET
    encoding: Literal["identity", "gzip"] = "identity"
    follow: str = ""
    version: ApiVersion | None = None
    caller: Caller | None = None


class Response(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer; a header of null must be absent, ``keys`` is the order of the body's members."""

    status: int
    headers: dict[str, str | None] = {}
    match: Literal["equal", "contains"] = "equal"
    body: Any = UNSET
    text: str | UnsetType = UNSET
    keys: tuple[str, ...] = ()


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One more request, and the answer to it."""

    request: Request
    response: Response


class Deviation(Struct, frozen=True, forbid_unknown_fields=True):
    """One deliberate difference from the documentation's example, at a JSON path of its answer, and why."""

    path: str
    reason: str


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """One fact about the wire.

    Attributes:
        name: unique among all files.
        source: where the fact comes from.
        request: what is asked.
        response: what is answered.
        versions: of the API, in which it holds.
        example: name of the documentation's example that this case is, empty for none.
        validation: how strictly the server must be configured.
        directory: people in the words of ``xtap tenant import``, and ``tenants``; no request can bring them in.
        given: requests that set the state up; each must succeed.
        then: what can be seen afterwards.
        deviations: differences from the documentation's example.
    """

    name: str
    source: Source
    request: Request
    response: Response
    versions: tuple[ApiVersion, ...] = ("v1.0", "beta")
    example: str = ""
    validation: Literal["compatible", "strict"] = "compatible"
    directory: dict[str, Any] = {}
    given: tuple[Request, ...] = ()
    then: tuple[Step, ...] = ()
    deviations: tuple[Deviation, ...] = ()


class Topic(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of cases."""

    topic: str
    cases: tuple[Case, ...] = field()


def load(folder: Path) -> list[Case]:
    """Read every case below a folder, in the order of file names.

    Raises:
        ConfigurationError: a file is no transcript, or a name is there twice.
    """
    import yaml  # noqa: PLC0415 - an optional dependency

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    cases: dict[str, Case] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            topic = convert(yaml.load(file.read_text("utf-8"), loader), Topic)  # noqa: S506 - a safe loader
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{file.name} is no transcript: {error}") from None
        for case in topic.cases:
            if case.name in cases:
                raise ConfigurationError(f"{file.name}: there are two cases named '{case.name}'.")
            cases[case.name] = case
    return list(cases.values())


class Runner:
    """Runs cases against one server, as one tenant.

    Attributes:
        client: with the server's address as base URL.
        tokens: gives authorizations.
        tenant: the tenant's id, for ``<tenant>``.
    """

    def __init__(self, client: httpx.Client, tokens: Tokens, tenant: str) -> None:
        self.client = client
        self.tokens = tokens
        self.tenant = tenant

    def run(self, case: Case, version: str) -> list[str]:
        """Run one case in one version and return what was not as expected, in words; the tenant must be fresh."""
        for number, request in enumerate(case.given):
            answer = self.send(request, version)
            if answer.status_code >= 300:
                return [f"given[{number}] was refused: {answer.status_code} {answer.text}"]
        answer = self.send(case.request, version)
        found = [*self.check(answer, case.response, version)]
        for number, step in enumerate(case.then):
            answer = self.send(step.request, version, answer)
            found += [f"then[{number}]: {problem}" for problem in self.check(answer, step.response, version)]
        return found

    def can_run(self, case: Case) -> bool:
        """Say whether there is a token for every caller of the case; who runs it brings its directory in."""
        requests = [*case.given, case.request, *(step.request for step in case.then)]
        return all(self.tokens(request.caller) is not None for request in requests)

    def send(self, request: Request, version: str, before: httpx.Response | None = None) -> httpx.Response:
        """Send one request; ``before`` is the answer whose link it may follow."""
        version = request.version or version
        url = f"/{version}{self._filled(request.path, version)}"
        if request.follow and before is not None:
            url = str(before.json()[request.follow])
        headers = {name.lower(): self._filled(value, version) for name, value in request.headers.items()}
        authorization = self.tokens(request.caller)
        if authorization:
            headers.setdefault("authorization", authorization)
        content = b""
        if not isinstance(request.text, UnsetType):
            content = request.text.encode()
        elif request.body is not UNSET:
            content = json.dumps(self._filled(request.body, version)).encode()
            headers.setdefault("content-type", "application/json")
        if request.encoding == "gzip":
            content, headers["content-encoding"] = gzip.compress(content), "gzip"
        return self.client.request(request.method, url, headers=headers, content=content)

    def check(self, answer: httpx.Response, expected: Response, version: str) -> Iterator[str]:
        """Yield how an answer differs from the one expected, and from what every answer has."""
        if answer.status_code != expected.status:
            yield f"status {answer.status_code} instead of {expected.status}: {answer.text[:2000]}"
        for name, value in expected.headers.items():
            wanted = self._filled(value, version)
            yield from differences(wanted, answer.headers.get(name), f"header {name}")
        yield from always(answer)
        if not isinstance(expected.text, UnsetType) and answer.text != expected.text:
            yield f"text {answer.text!r} instead of {expected.text!r}"
        if expected.body is not UNSET:
            try:
                body = answer.json()
            except ValueError:
                yield f"no JSON: {answer.text[:200]!r}"
                return
            yield from differences(self._filled(expected.body, version), body, contains=expected.match == "contains")
            if expected.keys and list(body) != list(expected.keys):
                yield f"members in the order {list(body)} instead of {list(expected.keys)}"

    def wipe(self) -> None:
        """Bring the tenant back to the state that nobody configured, through the API."""
        if self._ask("GET", ORGANIZATION).json()["state"] == "active":
            self._ask("DELETE", f"{ORGANIZATION}/tenants/{self.tenant}")
        self._ask("PATCH", f"{ORGANIZATION}/joinRequest", {"addedByTenantId": DIRECTORY})
        partners = self._ask("GET", f"{POLICY}/partners?$select=tenantId&$expand=identitySynchronization").json()
        for partner in partners["value"]:
            path = f"{POLICY}/partners/{partner['tenantId']}"
            if partner["identitySynchronization"] is not None:
                self._ask("DELETE", f"{path}/identitySynchronization")
            self._ask("DELETE", path)
        if "@odata.nextLink" in partners:
            self.wipe()
        for name in ("crossTenantPartners", "crossTenantSyncPolicyPartners"):
            self._empty_bin(f"policies/deletedItems/{name}")
        self._ask("PATCH", POLICY, {"allowedCloudEndpoints": [], "displayName": None, "description": None})
        self._ask("PATCH", "policies/authorizationPolicy", dict.fromkeys(AUTHORIZATION_POLICY))
        self._ask("PATCH", "networkAccess/settings/crossTenantAccess", {"networkPacketTaggingStatus": None}, "beta")
        self._ask("POST", f"{POLICY}/default/resetToSystemDefault")
        for name in TEMPLATES:
            self._ask("POST", f"{POLICY}/templates/{name}/resetToDefaultSettings")

    def _empty_bin(self, path: str) -> None:
        while deleted := self._ask("GET", f"{path}?$select=tenantId", version="beta").json()["value"]:
            for item in deleted:
                self._ask("DELETE", f"{path}/{item['tenantId']}", version="beta")

    def _ask(self, method: str, path: str, body: object = UNSET, version: ApiVersion = "v1.0") -> httpx.Response:
        answer = self.send(Request(method=method, path=f"/{path}", body=body), version)
        answer.raise_for_status()
        return answer

    def _filled(self, value: Any, version: str) -> Any:
        """Put this run's values in the place of ``<root>``, ``<tenant>`` and ``<version>``."""
        match value:
            case str():
                root = f"{str(self.client.base_url).rstrip('/')}/{version}"
                return value.replace("<root>", root).replace("<tenant>", self.tenant).replace("<version>", version)
            case dict():
                return {name: self._filled(member, version) for name, member in value.items()}
            case list():
                return [self._filled(item, version) for item in value]
            case _:
                return value


def differences(expected: Any, actual: Any, path: str = "$", *, contains: bool = False) -> Iterator[str]:
    """Yield how a JSON value differs from a pattern.

    Args:
        expected: the pattern: values, ``<any>``, ``<guid>``, ``<string>``, ``<re:…>``, and ``<absent>`` for a member
            that must not be there.
        actual: the value.
        path: where it stands, for the words.
        contains: objects may have more members than the pattern.
    """
    if expected == "<any>":
        return
    if isinstance(expected, str) and (pattern := _pattern(expected)) is not None:
        if not isinstance(actual, str) or pattern.fullmatch(actual) is None:
            yield f"{path} is {actual!r} instead of {expected}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        yield from _members(expected, actual, path, contains=contains)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (wanted, got) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(wanted, got, f"{path}[{index}]", contains=contains)
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{path} is {actual!r} instead of {expected!r}"


def _members(expected: dict[str, Any], actual: dict[str, Any], path: str, *, contains: bool) -> Iterator[str]:
    for name in sorted(expected.keys() | actual.keys()):
        if expected.get(name) == "<absent>" or name not in expected:
            if name in actual and (name in expected or not contains):
                yield f"{path}.{name} is there: {actual[name]!r}"
        elif name not in actual:
            yield f"{path}.{name} is missing"
        else:
            yield from differences(expected[name], actual[name], f"{path}.{name}", contains=contains)


def _pattern(text: str) -> re.Pattern[str] | None:
    if text.startswith("<re:") and text.endswith(">"):
        return re.compile(text[4:-1])
    return MATCHERS.get(text)


def always(answer: httpx.Response) -> Iterator[str]:
    """Yield what is wrong with an answer whatever was asked: ids, and the shape of errors (wire.md section 9)."""
    ids = {name: answer.headers.get(name, "") for name in ("request-id", "client-request-id")}
    if GUID.fullmatch(ids["request-id"]) is None or not ids["client-request-id"]:
        yield f"the headers have no ids: {ids}"
    if answer.status_code == 204 and (answer.content or "content-type" in answer.headers):
        yield "a 204 with a body or a content type"
    if answer.status_code < 400:
        return
    if answer.headers.get("content-type") != "application/json":
        yield f"the content type of an error is {answer.headers.get('content-type')}"
    try:
        body = answer.json()
    except ValueError:
        yield f"an error without JSON: {answer.text[:200]!r}"
        return
    shape = {"error": {"code": "<re:[A-Za-z_]+>", "message": "<re:(?s).+>", "innerError": ids | {"date": INNER_DATE}}}
    yield from differences(shape, body, contains=True)
    inner = body.get("error", {}).get("innerError", {})
    more = {"code", "message", "status"} if answer.status_code == 429 else set()  # the concept page on throttling
    if set(body) != {"error"} or set(inner) - more != {"date", *ids}:
        yield f"the error is not shaped as Graph's: {body}"


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0 all as expected, 1 not."""
    parser = argparse.ArgumentParser(
        prog="python -m xtap.testing.transcripts", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--against", required=True, metavar="URL", help="address of the server, without version")
    parser.add_argument("--token", required=True, help="bearer token of an application that may everything in a tenant")
    parser.add_argument("--cases", type=Path, default=Path("conformance/graph"), help="folder of the cases")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name contains this")
    parser.add_argument(
        "--wipe", action="store_true", help="yes, everything that the tenant has configured may be deleted"
    )
    given = parser.parse_args(arguments)
    if not given.wipe:
        parser.error("The cases delete what the tenant has configured. Pass --wipe if that is fine.")
    with httpx.Client(base_url=given.against) as client:
        runner = Runner(client, lambda who: f"Bearer {given.token}" if who is None else None, _tenant(given.token))
        return _run_all(runner, [case for case in load(given.cases) if given.only in case.name])


def _run_all(runner: Runner, cases: Sequence[Case]) -> int:
    skipped = failed = done = 0
    for case in cases:
        if case.validation == "strict" or case.directory or not runner.can_run(case):
            skipped += 1
            continue
        for version in case.versions:
            runner.wipe()
            problems = runner.run(case, version)
            done += 1
            failed += bool(problems)
            for problem in problems:
                sys.stdout.write(f"{case.name} [{version}] {problem}\n")
    sys.stdout.write(
        f"{done - failed} as expected, {failed} not, {skipped} cases left out (other callers, directory, strict)\n"
    )
    return 1 if failed else 0


def _tenant(token: str) -> str:
    """Read the tenant's id out of a token, unverified; empty if that is no JWT."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["tid"])
    except (ValueError, KeyError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
