"""Whatever is sent: a Graph-shaped 4xx, never a 5xx, and nothing changed."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.direct import ID, JSON, OTHER, POLICY, WITH_BODY, url
from xtap.graph.paths import addresses, build
from xtap.graph.routes import ROUTES
from xtap.http.bodies import DROPPED_BODY, MAX_BODY

if TYPE_CHECKING:
    from tests.conformance.direct import Direct


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
        answer = direct.ask(method, url(path), body, [JSON])
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
            answer = direct.ask("PATCH", url(path), json.dumps({name: value}).encode(), [JSON])
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


NAMED = {"/users/{key}", "/policies/crosstenantaccesspolicy/default/m365capabilities/{key}"}
"""Addresses whose keys are not GUIDs only."""


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key[:24]))
def test_what_is_no_guid_is_no_key(direct: Direct, key: str) -> None:
    before = direct.state()
    for method, path in addresses(build(ROUTES)):
        if "{key}" in path:
            answer = direct.ask(method, f"/v1.0{path.replace('{key}', key)}", b"{}", [JSON])
            assert answer.problems() == [], (method, path)
            assert answer.status == (404 if path in NAMED else 400), (method, path)
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


def test_an_endless_body_is_not_read_to_its_end(direct: Direct) -> None:
    reads = 0

    async def receive() -> dict[str, Any]:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b" " * MAX_BODY, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", direct._token), JSON]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "PATCH",
        "path": POLICY,
        "query_string": b"",
    }
    direct._runner.run(direct._app(scope | {"headers": headers, "server": None}, receive, send))
    assert sent[0]["status"] == 413
    assert reads == DROPPED_BODY // MAX_BODY + 1


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
        answer = direct.ask(method, url(path), b'{"displayName": "x"}', headers)
        assert answer.problems() == []
        assert answer.status == status
    assert direct.state() == before


# --- fuzz --------------------------------------------------------------------------

WORDS = ("policies", "crossTenantAccessPolicy", "default", "partners", "templates", "$count", "identitySynchronization")
SEGMENTS = st.sampled_from((*WORDS, ID, OTHER, f"partners('{ID}')", "resetToSystemDefault")) | st.text(max_size=12)
FUZZ_PATHS = st.sampled_from([path for _, path in addresses(build(ROUTES))]).map(url) | st.lists(
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
        answer = direct.ask(where[0], url(where[1]), body, [JSON, *headers], query)
        if answer.status >= 400:
            assert direct.state() == before

    fuzz()
