"""Whatever is sent: a Graph-shaped 4xx, never a 5xx, and nothing changed."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import socket
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xtap.graph.bodies import MAX_BODY
from xtap.graph.paths import addresses, build
from xtap.graph.routes import ROUTES
from xtap.testing.in_process import in_process
from xtap.testing.transcripts import GUID, always

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.conformance.conftest import FreshTenants, Tokens

    from xtap.testing.in_process import InProcess

POLICY = "/v1.0/policies/crossTenantAccessPolicy"
ID = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
OTHER = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a"
JSON = (b"content-type", b"application/json")
WRITES = [(method, path) for method, path in addresses(build(ROUTES)) if method in {"POST", "PUT", "PATCH"}]
WITH_BODY = [(method, path) for method, path in WRITES if "reset" not in path.lower()]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problems(self) -> list[str]:
        """Return what is wrong with it as an error of Graph."""
        answer = httpx.Response(self.status, headers=self.headers, content=self.body)
        found = [*always(answer)]
        if not 400 <= self.status < 500:
            found.append(f"status {self.status}: {self.body[:500]!r}")
        return found


class Direct:
    """The application without HTTP in between, so that no client tidies up what is sent."""

    def __init__(self, runner: asyncio.Runner, app: InProcess) -> None:
        self._runner = runner
        self._app = app.application
        self._token = app.headers()["Authorization"].encode()
        self.sent = 0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
        query: bytes = b"",
        chunk: int = 65_536,
    ) -> Answer:
        """Send one request, with a token that may everything unless the headers have one."""
        own = dict(headers)
        if b"authorization" not in own:
            headers = [(b"authorization", self._token), *headers]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": b"",
            "query_string": query,
            "headers": [(b"host", b"localhost"), *headers],
            "server": ("localhost", 80),
        }
        chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            part = chunks.pop(0) if chunks else b""
            return {"type": "http.request", "body": part, "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            sent.append(message)

        self._runner.run(self._app(scope, receive, send))
        self.sent += 1
        start = sent[0]
        decoded = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], decoded, b"".join(message.get("body", b"") for message in sent[1:]))

    def prepare(self) -> None:
        """Make sure that there is something to break: a partner, and its synchronization policy."""
        setting = {"tenantId": ID, "automaticUserConsentSettings": {"inboundAllowed": True}}
        assert self.ask("POST", f"{POLICY}/partners", json.dumps(setting).encode(), [JSON]).status in {201, 409}
        assert self.ask("PATCH", f"{POLICY}/partners/{ID}", json.dumps(setting).encode(), [JSON]).status == 204
        sync = b'{"displayName": "Fabrikam", "userSyncInbound": {"isSyncAllowed": true}}'
        assert self.ask("PUT", f"{POLICY}/partners/{ID}/identitySynchronization", sync, [JSON]).status == 204

    def state(self) -> list[bytes]:
        """Return everything that the tenant has, without the addresses that stand in it."""
        places = ("", "/default", "/partners", f"/partners/{ID}/identitySynchronization", "/templates")
        more = ("multiTenantOrganizationPartnerConfiguration", "multiTenantOrganizationIdentitySynchronization")
        paths = [*places, *(f"/templates/{name}" for name in more)]
        found = [self.ask("GET", POLICY.replace("v1.0", "beta") + path) for path in paths]
        assert [answer.status for answer in found] == [200] * len(found)
        return [answer.body for answer in found]


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Direct]:
    folder: Path = tmp_path_factory.mktemp("app")
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
        context = in_process(folder)
        app = runner.run(context.__aenter__())
        stack.callback(lambda: runner.run(context.__aexit__(None, None, None)))
        made = Direct(runner, app)
        made.prepare()
        yield made


def _url(path: str) -> str:
    return f"/v1.0{path.replace('{key}', ID)}"


# --- bodies -------------------------------------------------------------------

DEEP = 100_000
NO_JSON = {
    "nothing": b"",
    "blanks": b"  \n ",
    "an open brace": b"{",
    "no value": b'{"displayName":}',
    "a bare word": b"displayName",
    "a trailing comma": b'{"displayName": "x",}',
    "single quotes": b"{'displayName': 'x'}",
    "a comment": b'{"displayName": "x"} // y',
    "two values": b'{"displayName": "x"} {}',
    "a member twice": b'{"displayName": "x", "displayName": "x"}',
    "a member twice, once escaped": b'{"displayName": "x", "\\u0064isplayName": "x"}',
    "a member twice inside": b'{"inboundTrust": {"isMfaAccepted": true, "isMfaAccepted": false}}',
    "null": b"null",
    "a list": b"[]",
    "a list of objects": b'[{"displayName": "x"}]',
    "a text": b'"x"',
    "true": b"true",
    "NaN": b'{"displayName": NaN}',
    "Infinity": b'{"displayName": Infinity}',
    "minus Infinity": b'{"displayName": -Infinity}',
    "UTF-16": '{"displayName": "x"}'.encode("utf-16"),
    "UTF-32": '{"displayName": "x"}'.encode("utf-32-le"),
    "a byte order mark": b'\xef\xbb\xbf{"displayName": "x"}',
    "Latin-1": b'{"displayName": "\xfc"}',
    "a broken sequence": b'{"displayName": "\xe2\x82"}',
    "an overlong sequence": b'{"displayName": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"displayName": "\xed\xa0\x80"}',
    "a lone high surrogate": b'{"displayName": "\\ud800"}',
    "a lone low surrogate": b'{"displayName": "\\udc00 x"}',
    "a lone surrogate as name": b'{"\\ud800": 1}',
    "a lone surrogate deep inside": b'{"inboundTrust": {"x": [{"y": "\\udfff"}]}}',
    "a NUL byte": b'{"displayName": "\x00"}',
    "a line feed in a text": b'{"displayName": "a\nb"}',
    "NUL bytes only": b"\x00" * 100,
    "deep lists": b"[" * DEEP,
    "deep lists, closed": b"[" * DEEP + b"]" * DEEP,
    "deep lists in a member": b'{"displayName": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP,
    "deep objects, closed": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "33 levels": b'{"displayName": ' + b"[" * 33 + b"]" * 33 + b"}",
    "a number of 5,000 digits": b'{"displayName": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_json_object_is_refused_everywhere(direct: Direct, body: bytes) -> None:
    before = direct.state()
    for method, path in WITH_BODY:
        answer = direct.ask(method, _url(path), body, [JSON])
        assert answer.problems() == []
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["code"] == "BadRequest"
    assert direct.state() == before


VALUES: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 1.5, 10**300, "", "x", "null", "true", [], [None], [[]], {"": None}, {"x": 1}),
    *("unknownFutureValue", "ALLOWED", {"accessType": "unknownFutureValue"}, {"targets": {}}, {"targets": [{}]}),
    *([{"isMfaAccepted": True}], {"isMfaAccepted": 1}, {"isMfaAccepted": "true"}, {"inboundAllowed": [True]}),
    *({"usersAndGroups": []}, {"usersAndGroups": {"targets": ["AllUsers"]}}, {"applications": {"accessType": None}}),
)
OBJECTS = {
    "/policies/crosstenantaccesspolicy": ("allowedCloudEndpoints", "id"),
    "/policies/crosstenantaccesspolicy/default": (
        *("inboundTrust", "b2bCollaborationInbound", "tenantRestrictions", "m365CollaborationInbound"),
        *("invitationRedemptionIdentityProviderConfiguration", "appServiceConnectInbound", "isServiceDefault"),
    ),
    "/policies/crosstenantaccesspolicy/partners/{key}": (
        *("inboundTrust", "b2bDirectConnectInbound", "automaticUserConsentSettings", "tenantRestrictions", "tenantId"),
        *("m365CollaborationOutbound", "isInMultiTenantOrganization"),
    ),
    "/policies/crosstenantaccesspolicy/partners/{key}/identitysynchronization": ("userSyncInbound", "tenantId"),
    "/policies/crosstenantaccesspolicy/templates/multitenantorganizationpartnerconfiguration": (
        *("templateApplicationLevel", "inboundTrust", "b2bCollaborationOutbound", "id"),
    ),
    "/policies/crosstenantaccesspolicy/templates/multitenantorganizationidentitysynchronization": (
        *("templateApplicationLevel", "userSyncInbound"),
    ),
}
GOOD: tuple[tuple[str, Any], ...] = (
    *(("templateApplicationLevel", ""), ("isInMultiTenantOrganization", False), ("allowedCloudEndpoints", [])),
)
"""Pairs that are no mistakes: no flags, an echo, an empty list."""


@pytest.mark.parametrize("path", OBJECTS)
def test_wrong_types_are_refused_everywhere(direct: Direct, path: str) -> None:
    assert ("PATCH", path) in WITH_BODY
    before = direct.state()
    for name in OBJECTS[path]:
        for value in VALUES:
            if any(name == other and value == good and type(value) is type(good) for other, good in GOOD):
                continue
            if name == "isServiceDefault" and value is True:
                continue  # an echo
            answer = direct.ask("PATCH", _url(path), json.dumps({name: value}).encode(), [JSON])
            assert answer.problems() == [], (name, value)
            error = json.loads(answer.body)["error"]
            assert (answer.status, error["code"]) == (400, "Request_BadRequest"), (name, value)
            assert error["details"][0]["target"].startswith(f"$.{name}"), (name, value)
    assert direct.state() == before


KEYS = (
    *("x", "1", " ", "%", "'", "''", "null", "{}", "*", "..", "$count'", "me", ID[:-1], f"{ID}0", f"{ID} ", f" {ID}"),
    *(f"{{{ID}}}", ID.replace("-", ""), ID.replace("-", "\u2010"), ID.replace("9", "\u0669"), f"urn:uuid:{ID}"),
    *(f"{ID}\n", f"{ID}\x00", "\x00", "a" * 100_000, "\U0001f600", f"{ID};x=1", f"{ID},{OTHER}", "$ref"),
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key[:24]))
def test_what_is_no_guid_is_no_key(direct: Direct, key: str) -> None:
    before = direct.state()
    for method, path in addresses(build(ROUTES)):
        if "{key}" in path:
            answer = direct.ask(method, f"/v1.0{path.replace('{key}', key)}", b"{}", [JSON])
            assert answer.problems() == [], (method, path)
            assert answer.status == 400, (method, path)
    for body in ({"tenantId": key}, {"tenantId": [key]}, {"tenantId": {"x": key}}):
        assert direct.ask("POST", f"{POLICY}/partners", json.dumps(body).encode(), [JSON]).problems() == []
    assert direct.state() == before


def test_a_body_of_the_limit_is_read_and_one_more_byte_is_not(direct: Direct) -> None:
    before = direct.state()
    blanks = MAX_BODY - 2
    for chunk in (MAX_BODY * 2, 4096, 100_000):
        assert direct.ask("PATCH", POLICY, b"{}" + b" " * blanks, [JSON], chunk=chunk).status == 204
        answer = direct.ask("PATCH", POLICY, b"{}" + b" " * (blanks + 1), [JSON], chunk=chunk)
        assert answer.problems() == []
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (413, "RequestEntityTooLarge")
    assert direct.state() == before


def test_the_rest_of_a_huge_body_is_not_read(direct: Direct) -> None:
    reads = 0

    async def receive() -> dict[str, Any]:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b" " * MAX_BODY, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", direct._token), JSON]
    scope = {"type": "http", "scheme": "http", "method": "PATCH", "path": POLICY, "query_string": b""}
    direct._runner.run(direct._app(scope | {"headers": headers, "server": None}, receive, send))
    assert sent[0]["status"] == 413
    assert reads == 2


GZIP = {
    "a bomb": (gzip.compress(b" " * (200 * MAX_BODY)), 413),
    "a bomb of deflate": (zlib.compress(b" " * (200 * MAX_BODY)), 413),
    "one byte too many": (gzip.compress(b"{}" + b" " * (MAX_BODY - 1)), 413),
    "plain JSON": (b"{}", 400),
    "nothing": (b"", 400),
    "a cut end": (gzip.compress(b'{"displayName": "x"}')[:-5], 400),
    "a changed checksum": (gzip.compress(b'{"displayName": "x"}')[:-8] + bytes(8), 400),
    "a changed header": (b"\x1f\x8c" + gzip.compress(b"{}")[2:], 400),
    "random bytes": (bytes(range(256)) * 4, 400),
    "compressed twice": (gzip.compress(gzip.compress(b'{"displayName": "x"}')), 400),
    "a dictionary": (b"\x78\xbb" + bytes(10), 400),
}


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b"deflate", b"GZIP "])
@pytest.mark.parametrize(("body", "status"), GZIP.values(), ids=GZIP.keys())
def test_broken_compression_is_refused(direct: Direct, body: bytes, status: int, encoding: bytes) -> None:
    before = direct.state()
    answer = direct.ask("PATCH", POLICY, body, [JSON, (b"content-encoding", encoding)])
    assert answer.problems() == []
    assert answer.status == status
    assert direct.state() == before


def test_every_encoding_that_is_spoken_is_read(direct: Direct) -> None:
    for encoding, body in (("gzip", gzip.compress(b"{}")), ("deflate", zlib.compress(b"{}")), ("identity", b"{}")):
        headers = [JSON, (b"content-encoding", encoding.encode())]
        assert direct.ask("PATCH", POLICY, body, headers).status == 204


HEADERS = {
    "br": ([JSON, (b"content-encoding", b"br")], 415),
    "two encodings": ([JSON, (b"content-encoding", b"gzip, gzip")], 415),
    "an encoding that is no text": ([JSON, (b"content-encoding", b"\xff")], 415),
    "no content type": ([], 400),
    "an empty content type": ([(b"content-type", b"")], 400),
    "blanks as content type": ([(b"content-type", b"  ;")], 400),
    "text": ([(b"content-type", b"text/plain")], 415),
    "XML": ([(b"content-type", b"application/xml")], 415),
    "a form": ([(b"content-type", b"application/x-www-form-urlencoded")], 415),
    "another charset": ([(b"content-type", b"application/json; charset=utf-7")], 415),
    "a content type that is no text": ([(b"content-type", b"\xff\xfe")], 415),
    "JSON lines": ([(b"content-type", b"application/jsonl")], 415),
}


@pytest.mark.parametrize(("headers", "status"), HEADERS.values(), ids=HEADERS.keys())
def test_other_media_are_refused(direct: Direct, headers: list[tuple[bytes, bytes]], status: int) -> None:
    before = direct.state()
    for method, path in WITH_BODY:
        answer = direct.ask(method, _url(path), b'{"displayName": "x"}', headers)
        assert answer.problems() == []
        assert answer.status == status
    assert direct.state() == before


# --- addresses, methods, options, headers ----------------------------------------

PATHS = (
    *("/v1.0", "/v1.0/", "/beta", "/v1.0//", "/v1.0/policies", "/v1.0/$metadata", "/v1.0/$batch", "/v1.0/\x00"),
    *(f"{POLICY}/nonsense", f"{POLICY}x", f"{POLICY}\x00", f"{POLICY}/ ", f"{POLICY}/default'", f"{POLICY}/.."),
    *(
        f"{POLICY}/default/../default",
        f"{POLICY}/./default",
        f"{POLICY}\\default",
        f"{POLICY};a=b",
        f"{POLICY}/default ",
    ),
    *(f"{POLICY}/partners/{ID}/nonsense", f"{POLICY}/partners('{ID}", f"{POLICY}/partners{ID}')"),
    *(f"{POLICY}/partners('{ID}')('{ID}')", f"{POLICY}/default('{ID}')", f"{POLICY}/partners/{ID}/partners"),
    *(f"{POLICY}/partners(\n'{ID}')", f"{POLICY}/partners(tenantId ='{ID}')"),
    *(f"{POLICY}/{'a' * 100_000}", f"{POLICY}/{'a/' * 20_000}x", f"{POLICY}/partners({'(' * 50_000}"),
    *(f"{POLICY}/partners({'a' * 50_000}='{ID}", f"{POLICY}/\U0001f600", f"{POLICY}/%2e%2e"),
    *(f"{POLICY}/partners/{{key}}", f"{POLICY}/{{key}}", f"{POLICY}/partners/$count/{ID}", "/v1.0/' or 1=1 --"),
    *(f"{POLICY}/\u212aey", f"{POLICY}/default\u200b", f"{POLICY}/deﬁnition", "/v1.0/<script>alert(1)</script>"),
)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path[-30:]))
def test_strange_addresses_name_nothing(direct: Direct, path: str) -> None:
    before = direct.state()
    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        answer = direct.ask(method, path, b'{"displayName": "x"}', [JSON])
        assert answer.problems() == []
        assert answer.status == (405 if "/partners/{key}" in path and method in {"POST", "PUT"} else 400)
        assert len(answer.body) < 2_000
    assert direct.state() == before


METHODS = (
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "MERGE",
    "QUERY",
    "get",
    "",
    "G ET",
    "PROPFIND",
    "\u00dc",
    "A" * 5_000,
)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: ascii(method[:12]) or "empty")
def test_odd_methods_are_not_allowed(direct: Direct, method: str) -> None:
    before = direct.state()
    for path in ROUTES:
        answer = direct.ask(method, f"/v1.0/{path.replace('{key}', ID)}", b"{}", [JSON])
        assert answer.problems() == []
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (405, "Request_BadRequest")
        assert answer.headers["allow"] == ", ".join(sorted(ROUTES[path]))
    assert direct.state() == before


QUERIES = (
    *(b"$nonsense=1", b"$select=nonsense", b"$select=", b"$select=,", b"$select=tenantId/x", b"$select=\x00"),
    *(
        b"$select=" + b"a" * 9_000,
        b"$select=" + b"a" * 100_000,
        b"$select=%FF",
        b"$select=%",
        b"$select=%2",
        b"$select=%zz",
    ),
    *(b"$expand=nonsense", b"$expand=identitySynchronization(", b"$expand=identitySynchronization($select=x)"),
    *(b"$expand=" + b"identitySynchronization($expand=" * 50, b"$expand=" + b"(" * 5_000, b"$expand=tenantId"),
    *(b"$select=tenantId&$select=tenantId", b"%24select=x", b"$SELECT=nonsense", b"$select=%00", b"$select=tenantid"),
    *(b"$levels=1", b"$id=1", b"$search=x", b"$apply=x", b"$compute=x", b"$=x", b"$%FF=1", b"%FF=1", b"$format=%FF"),
)
LIST_QUERIES = (
    *(
        b"$filter=",
        b"$filter=x",
        b"$filter=x eq 1",
        b"$filter=tenantId eq",
        b"$filter=" + b"(" * 10_000,
        b"$filter=%00",
    ),
    *(b"$filter=" + b"not " * 5_000 + b"isServiceProvider", b"$filter=tenantId eq '", b"$filter=tenantId eq 'x' and"),
    *(b"$filter=" + b"tenantId eq 'x' or " * 4_000 + b"true", b"$filter=" + b"a/" * 20_000 + b"b eq 1"),
    *(b"$top=0", b"$top=-1", b"$top=1e3", b"$top=0x10", b"$top=1000", b"$top=" + b"9" * 5_000, "$top=\u0661".encode()),
    *(b"$top=1,2", b"$skip=-1", b"$skip=" + b"9" * 5_000, b"$skip=%2B1", b"$count=yes", b"$count=", b"$orderby=x"),
    *(b"$orderby=tenantId up", b"$orderby=inboundTrust", b"$orderby=" + b"tenantId," * 5_000, b"$orderby="),
    *(b"$skiptoken=x", b"$skiptoken=", b"$skiptoken=" + b"A" * 50_000, b"$skiptoken=%00", b"$skiptoken=____"),
)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: ascii(query[:30]))
def test_bad_options_are_refused_by_every_read(direct: Direct, query: bytes) -> None:
    for method, path in addresses(build(ROUTES)):
        if method == "GET" and not path.endswith("$count"):
            answer = direct.ask("GET", _url(path), query=query)
            assert answer.problems() == [], path
            assert answer.status == 400
            assert len(answer.body) < 2_000


@pytest.mark.parametrize("query", LIST_QUERIES, ids=lambda query: ascii(query[:30]))
def test_bad_options_are_refused_by_lists(direct: Direct, query: bytes) -> None:
    answer = direct.ask("GET", f"{POLICY}/partners", query=query)
    assert answer.problems() == []
    assert answer.status == 400
    assert len(answer.body) < 2_000


def test_a_query_string_that_is_too_long_is_refused(direct: Direct) -> None:
    answer = direct.ask("GET", f"{POLICY}/partners", query=b"a=" + b"b" * 70_000)
    assert answer.problems() == []


ODD_HEADERS = (
    *((b"client-request-id", b"\xff\xfe"), (b"client-request-id", b"a\r\nSet-Cookie: x"), (b"client-request-id", b"")),
    *((b"host", b""), (b"host", b"evil.example/x?"), (b"host", b"a b"), (b"host", b"\xff"), (b"host", b"[::1")),
    *((b"accept", b"\xff"), (b"accept", b"a" * 50_000), (b"prefer", b"\xff"), (b"prefer", b"return="), (b"", b"")),
    *(
        (b"if-match", b"*"),
        (b"range", b"bytes=0-1"),
        (b"expect", b"100-continue"),
        (b"x-http-method-override", b"DELETE"),
    ),
    *(
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"-1"),
        (b"forwarded", b"host=evil"),
        (b"cookie", b"a=b"),
    ),
)


@pytest.mark.parametrize("header", ODD_HEADERS, ids=ascii)
def test_odd_headers_do_no_harm(direct: Direct, header: tuple[bytes, bytes]) -> None:
    before = direct.state()
    for method, path in (("GET", "/default"), ("GET", f"/partners/{OTHER}"), ("DELETE", f"/partners/{OTHER}")):
        answer = direct.ask(method, POLICY + path, headers=[header])
        assert answer.status == (200 if path == "/default" else 404)
        assert GUID.fullmatch(answer.headers["client-request-id"]) is not None
        text = (answer.body + str(answer.headers).encode()).decode()
        assert "evil" not in text
        assert "Set-Cookie" not in text
        if answer.status == 200:
            assert re.match(r"https?://[\w.\[\]:-]+/v1\.0/\$metadata#", json.loads(answer.body)["@odata.context"])
    assert direct.state() == before


AUTHORIZATIONS = (
    *(b"", b"Bearer", b"Bearer ", b"bearer x", b"Basic x", b"Bearer \xff", b"Bearer a.b.c", b"Bearer " + b"." * 10_000),
    *(b"Bearer " + b"a" * 1_000_000, b"Bearer eyJhbGciOiJub25lIn0.e30.", b"Bearer \x00", b"Bearer x y", b"Negotiate"),
)


@pytest.mark.parametrize("value", AUTHORIZATIONS, ids=lambda value: ascii(value[:20]))
def test_without_a_good_token_everything_is_401(direct: Direct, value: bytes) -> None:
    for method, path in [*addresses(build(ROUTES)), ("GET", "/nonsense"), ("TRACE", "/policies")]:
        answer = direct.ask(method, _url(path), b"{", [(b"authorization", value)])
        assert answer.problems() == []
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


# --- fuzz --------------------------------------------------------------------------

WORDS = ("policies", "crossTenantAccessPolicy", "default", "partners", "templates", "$count", "identitySynchronization")
SEGMENTS = st.sampled_from((*WORDS, ID, OTHER, f"partners('{ID}')", "resetToSystemDefault")) | st.text(max_size=12)
FUZZ_PATHS = st.sampled_from([path for _, path in addresses(build(ROUTES))]).map(_url) | st.lists(
    SEGMENTS, max_size=6
).map(lambda parts: "/v1.0/" + "/".join(parts))
FUZZ_QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            (*(b"$" + name for name in (b"select", b"expand", b"filter", b"orderby", b"top")), b"$skip", b"x")
        ),
        st.binary(max_size=20) | st.sampled_from((b"tenantId", b"tenantId eq null", b"identitySynchronization", b"1")),
    ).map(b"=".join),
    max_size=3,
).map(b"&".join)
NAMES = st.sampled_from(("tenantId", "inboundTrust", "b2bCollaborationInbound", "usersAndGroups", "targets", "target"))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(("allowed", ID)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)
FUZZ_BODIES = st.binary(max_size=60) | TREES.map(lambda tree: json.dumps(tree).encode())
FUZZ_HEADERS = st.lists(
    st.tuples(
        st.sampled_from((b"content-type", b"content-encoding", b"accept", b"prefer", b"host", b"client-request-id")),
        st.binary(max_size=20)
        | st.sampled_from(
            (b"application/json", b"gzip", b"return=representation", b"application/json;odata.metadata=none")
        ),
    ),
    max_size=3,
)
FUZZ_METHODS = st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE")) | st.text(max_size=6)


def test_no_request_at_all_is_an_internal_error(direct: Direct) -> None:
    begun, seen = direct.sent, set()

    @settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
    @given(FUZZ_METHODS, FUZZ_PATHS, FUZZ_QUERIES, FUZZ_BODIES, FUZZ_HEADERS)
    def fuzz(method: str, path: str, query: bytes, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        answer = direct.ask(method, path, body, [JSON, *headers], query)
        seen.add(answer.status)
        assert answer.status < 500
        if answer.status >= 400:
            assert answer.problems() == []
        if method in {"POST", "PUT", "PATCH", "DELETE"} and answer.status >= 400:
            assert direct.ask("GET", f"{POLICY}/partners").status == 200

    fuzz()
    direct.prepare()
    assert direct.sent - begun >= 2_000
    assert {200, 204, 400, 405} <= seen


GOOD_BODIES = st.sampled_from(
    (
        *(b"{}", b'{"displayName": "x"}', b'{"templateApplicationLevel": "none"}', b'{"userSyncInbound": null}'),
        *(b'{"inboundTrust": {"isMfaAccepted": true}}', b'{"inboundTrust": {"isMfaAccepted": true}, "x": 1}'),
        b'{"tenantId": "%b"}' % OTHER.encode(),
    )
)


def test_refused_requests_change_nothing(direct: Direct) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(WITH_BODY), FUZZ_BODIES | GOOD_BODIES, FUZZ_QUERIES, FUZZ_HEADERS)
    def fuzz(where: tuple[str, str], body: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        direct.prepare()
        before = direct.state()
        answer = direct.ask(where[0], _url(where[1]), body, [JSON, *headers], query)
        if answer.status >= 400:
            assert direct.state() == before

    fuzz()


# --- over the network -----------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens(tenants: FreshTenants) -> Tokens:
    return tenants.take("bad input")


def _raw(port: int, request: bytes) -> bytes:
    """Send bytes and return what comes back until the server closes, or is silent for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.settimeout(1.5)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65_536):
                found += part
        return found


LINE = f"{POLICY}/default".encode()
BROKEN = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00" + bytes(60),
    "a line of letters": b"hello\r\n\r\n",
    "no version": b"GET " + LINE + b"\r\n\r\n",
    "an unknown version": b"GET " + LINE + b" HTTP/9.9\r\nHost: x\r\n\r\n",
    "a header without colon": b"GET " + LINE + b" HTTP/1.1\r\nHost: x\r\nnonsense\r\nConnection: close\r\n\r\n",
    "a header with a NUL": b"GET " + LINE + b" HTTP/1.1\r\nHost: x\r\nA: \x00\r\nConnection: close\r\n\r\n",
    "two lengths": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "a negative length": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    "a length of words": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}",
    "broken chunks": b"PATCH "
    + LINE
    + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a very long header": b"GET " + LINE + b" HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a very long line": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a thousand headers": b"GET " + LINE + b" HTTP/1.1\r\n" + b"A: b\r\n" * 1_000 + b"Connection: close\r\n\r\n",
    "a blank in the method": b"G ET " + LINE + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a body that ends early": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    "nothing": b"",
}


@pytest.mark.wire
@pytest.mark.xdist_group("raw")
@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN.keys())
def test_broken_http_is_refused_or_dropped(tenants: FreshTenants, tokens: Tokens, request_: bytes) -> None:
    server = tenants.server
    answer = _raw(server.port, request_)
    status = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    assert answer == b"" or status is not None
    if status is not None:
        assert 400 <= int(status[1]) < 500
    alive = httpx.get(f"{server.graph}/default", headers={"Authorization": tokens(None)})
    assert (alive.status_code, alive.json()["isServiceDefault"]) == (200, True)


NETWORK = {
    "a huge body": ("PATCH", "/default", {"Content-Type": "application/json"}, b" " * (4 * MAX_BODY), 413),
    "a huge body in chunks": (
        "PATCH",
        "/default",
        {"Content-Type": "application/json"},
        iter([b" " * MAX_BODY] * 4),
        413,
    ),
    "a bomb": (
        *("PATCH", "/default", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        *(gzip.compress(b" " * (200 * MAX_BODY)), 413),
    ),
    "deep nesting": ("PATCH", "/default", {"Content-Type": "application/json"}, b"[" * DEEP, 400),
    "deep objects": ("PATCH", "/default", {"Content-Type": "application/json"}, b'{"a":' * DEEP, 400),
    "invalid UTF-8": ("PATCH", "/default", {"Content-Type": "application/json"}, b'{"x": "\xff"}', 400),
    "no content type": ("PATCH", "/default", {}, b"{}", 400),
    "text": ("PATCH", "/default", {"Content-Type": "text/plain"}, b"{}", 415),
    "broken gzip": ("PATCH", "/default", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 400),
    "a body on DELETE": ("DELETE", f"/partners/{ID}", {"Content-Type": "application/json"}, b"{" * 1000, 404),
    "an encoded slash": ("GET", f"/partners%2F{ID}", {}, b"", 404),
    "an encoded NUL": ("GET", "/default%00", {}, b"", 400),
    "a broken escape": ("GET", "/default%", {}, b"", 400),
    "an escape of two levels": ("GET", "/default%2500", {}, b"", 400),
    "an encoded line feed": ("GET", "/partners/%0d%0aSet-Cookie:x", {}, b"", 400),
    "a path that is no UTF-8": ("GET", "/partners/%ff", {}, b"", 400),
    "dots": ("GET", "/default/%2e%2e/%2e%2e", {}, b"", 400),
    "a long path": ("GET", "/" + "a" * 20_000, {}, b"", 400),
    "a query that is no UTF-8": ("GET", "/partners?$filter=%ff", {}, b"", 400),
    "a query with NUL": ("GET", "/partners?$select=%00", {}, b"", 400),
    "TRACE": ("TRACE", "/default", {}, b"", 405),
    "OPTIONS": ("OPTIONS", "/default", {}, b"", 405),
    "an unknown method": ("PROPFIND", "/default", {}, b"", 405),
}


@pytest.mark.wire
@pytest.mark.parametrize("bad", NETWORK.values(), ids=NETWORK.keys())
def test_bad_requests_over_the_network(tenants: FreshTenants, tokens: Tokens, bad: tuple[Any, ...]) -> None:
    method, path, headers, body, status = bad
    server = tenants.server
    own = {"Authorization": tokens(None)}
    with httpx.Client() as client:
        try:
            answer = client.request(method, f"{server.graph}{path}", headers=headers | own, content=body)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            assert status == 413  # the server hangs up while the rest is still on its way
        else:
            assert answer.status_code == status
            assert [*always(answer)] == []
    after = httpx.get(f"{server.graph}/default", headers=own)
    assert (after.status_code, after.json()["isServiceDefault"]) == (200, True)


@pytest.mark.wire
def test_head_has_no_body_and_the_connection_goes_on(tenants: FreshTenants, tokens: Tokens) -> None:
    headers = f"Host: x\r\nAuthorization: {tokens(None)}\r\n"
    line = f"{POLICY}/default HTTP/1.1\r\n{headers}"
    answer = _raw(tenants.server.port, f"HEAD {line}\r\nGET {line}Connection: close\r\n\r\n".encode())
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 405")
    assert rest.startswith(b"HTTP/1.1 200")
