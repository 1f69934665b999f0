"""Strange addresses, methods, options, headers and tokens: refused in the shape of Graph, and nothing changed."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.conformance.direct import ID, JSON, OTHER, POLICY, url
from xtap.graph.paths import addresses, build
from xtap.graph.routes import ROUTES
from xtap.testing.transcripts import GUID

if TYPE_CHECKING:
    from tests.conformance.direct import Direct


PATHS = (
    *("/v1.0", "/v1.0/", "/beta", "/v1.0//", "/v1.0/policies", "/v1.0/$metadata/x", "/v1.0/$batch/x", "/v1.0/\x00"),
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
        b"$filter=" + b"(" * 1_000 + b"true" + b")" * 1_000,
        b"$filter=" + b" and ".join([b"true"] * 5_000),
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
            answer = direct.ask("GET", url(path), query=query)
            assert answer.problems() == [], path
            assert answer.status == 400
            assert len(answer.body) < 2_000


MTO = "/v1.0/tenantRelationships/multiTenantOrganization"
LISTS = (
    *(f"{POLICY}/partners", f"{POLICY}/default/m365Capabilities", f"{MTO}/tenants", "/v1.0/users", "/v1.0/groups"),
    *("/v1.0/auditLogs/directoryAudits", "/v1.0/auditLogs/signIns"),
    *("/beta/policies/deletedItems/crossTenantPartners", "/beta/policies/deletedItems/crossTenantSyncPolicyPartners"),
)
ONLY_SOME = {
    b"$top=1000": ("/v1.0/auditLogs/directoryAudits", "/v1.0/auditLogs/signIns"),
}
"""Options that some lists take."""


@pytest.mark.parametrize("query", LIST_QUERIES, ids=lambda query: ascii(query[:30]))
def test_bad_options_are_refused_by_lists_in_a_moment(direct: Direct, query: bytes) -> None:
    for path in LISTS:
        if path in ONLY_SOME.get(query, ()):
            continue
        begun = time.process_time()
        answer = direct.ask("GET", path, query=query)
        assert answer.problems() == [], path
        assert answer.status == 400, path
        assert len(answer.body) < 2_000, path
        assert time.process_time() - begun < 1, path


def test_a_query_string_that_is_too_long_is_refused(direct: Direct) -> None:
    answer = direct.ask("GET", f"{POLICY}/partners", query=b"a=" + b"b" * 70_000)
    assert answer.problems() == []


ODD_HEADERS = (
    *((b"client-request-id", b"\xff\xfe"), (b"client-request-id", b"a\r\nSet-Cookie: x"), (b"client-request-id", b"")),
    *((b"host", b"evil.example/x?"), (b"host", b"a b"), (b"host", b"\xff"), (b"host", b"[::1")),
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
        answer = direct.ask(method, url(path), b"{", [(b"authorization", value)])
        assert answer.problems() == []
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
