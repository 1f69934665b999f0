"""Traces with the real SDK, received by a collector that speaks OTLP over HTTP on this machine."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.operations.test_metrics import PARTNER, PARTNERS, QUESTION
from xtap.server.tracing import FLUSH_SECONDS
from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Receive spans as a collector does; gives its address and what came."""
    spans: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
            for group in sent.resource_spans:
                resource = {each.key: each.value.string_value for each in group.resource.attributes}
                spans.extend((span, resource) for scope in group.scope_spans for span in scope.spans)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def test_a_trace_is_taken_up_and_told(tmp_path: Path):
    with collector() as (endpoint, received):  # noqa: SIM117 - the server needs the address
        with running(tmp_path, "--otlp-endpoint", endpoint, "--log-requests", "--log-format", "json") as server:
            headers = {**server.headers(), "traceparent": f"00-{TRACE}-{PARENT}-01"}
            partners = f"{server.graph}/partners"
            httpx.post(partners, headers=headers, json={"tenantId": PARTNER}).raise_for_status()
            httpx.post(f"{server.http}/access/v1/evaluation", headers=headers, json=QUESTION).raise_for_status()
            httpx.get(f"{partners}/{PARTNER}", headers=server.headers()).raise_for_status()
            broken = {**server.headers(), "traceparent": "00-nonsense-01"}
            httpx.get(f"{partners}/{PARTNER}", headers=broken).raise_for_status()
            server.stop()  # what waits is sent
            log = server.log()
    named: dict[str, list[Any]] = {}
    for span, resource in received:
        assert resource["service.name"] == "xtap"
        named.setdefault(span.name, []).append(span)
    (post,) = named[f"POST {PARTNERS}"]
    (evaluation,) = named["POST /access/v1/evaluation"]
    (decision,) = named["decision"]
    assert {post.trace_id.hex(), evaluation.trace_id.hex(), decision.trace_id.hex()} == {TRACE}
    assert (post.parent_span_id.hex(), evaluation.parent_span_id.hex()) == (PARENT, PARENT)
    assert decision.parent_span_id == evaluation.span_id
    assert any(span.parent_span_id == post.span_id for span in named["store change"])
    told = {"http.request.method": "POST", "http.route": PARTNERS, "http.response.status_code": 201}
    assert told.items() <= attributes(post).items()
    assert attributes(decision)["xtap.outcome"] in {"allowed", "blocked", "notApplicable", "unknown"}
    gets = named[f"GET {PARTNERS}/{{key}}"]
    assert len({span.trace_id for span in gets} | {bytes.fromhex(TRACE)}) == 3, "each has a trace of its own"
    assert f'"trace_id":"{TRACE}"' in log
    assert not any(PARTNER in str(span) for span, _ in received)


def test_what_is_refused_is_no_error_and_tells_nothing_of_the_request(tmp_path: Path):
    unknown, person = "99999999-9999-4999-8999-999999999991", "alice@contoso.example"
    with collector() as (endpoint, received):  # noqa: SIM117 - the server needs the address
        with running(tmp_path, "--otlp-endpoint", endpoint) as server, httpx.Client(headers=server.headers()) as http:
            partners, trust = f"{server.graph}/partners", {"inboundTrust": {"isMfaAccepted": True}}
            people = {
                "usersAndGroups": {"accessType": "allowed", "targets": [{"target": person, "targetType": "user"}]}
            }
            statuses = [
                http.post(partners, json={"tenantId": PARTNER}).status_code,
                http.post(partners, json={"tenantId": PARTNER}).status_code,
                http.patch(f"{partners}/{unknown}", json=trust).status_code,
                http.delete(f"{partners}/{unknown}").status_code,
                http.patch(f"{partners}/{PARTNER}", json={"b2bCollaborationInbound": people}).status_code,
                http.get(f"{server.graph}/{person}").status_code,
            ]
            (tmp_path / ".xtap" / "xtap.db").rename(tmp_path / "away.db")
            statuses.append(http.patch(f"{partners}/{PARTNER}", json=trust).status_code)
            server.stop()
    assert statuses == [201, 409, 404, 404, 400, 400, 503]
    spans = [span for span, _ in received]
    changes = [span for span in spans if span.name == "store change"]
    assert len(changes) >= 4, "the refused requests came as far as the storage"
    failed = [span for span in spans if span.status.code == 2]  # STATUS_CODE_ERROR of the protocol
    assert {attributes(span).get("http.response.status_code", 503) for span in failed} == {503}
    assert [span.name for span in failed].count("store change") == 1
    assert {span.status.message for span in spans} == {""}
    told = [sent for sent in (PARTNER, unknown, person, "does not exist", "xtap.db") if sent in str(spans)]
    assert told == []


def test_a_collector_that_is_away_disturbs_nobody(tmp_path: Path):
    (nobody,) = free_ports(1)
    flags = ("--otlp-endpoint", f"http://127.0.0.1:{nobody}", "--stop-timeout", "1")
    with running(tmp_path, *flags) as server, httpx.Client(headers=server.headers()) as client:
        for _ in range(1500):  # more than the SDK sends at once
            assert client.get(f"{server.graph}/default").status_code == 200
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < FLUSH_SECONDS + 6


def test_nothing_of_it_is_loaded_when_nobody_asked():
    code = "import sys, xtap.cli.serve, xtap.server.asgi, xtap.server.serve, xtap.server.logs as l; l._trace();"
    code += "print(sorted({m.partition('.')[0] for m in sys.modules} & {'opentelemetry', 'google', 'requests'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_the_sdk_the_setting_says_what_to_install():
    code = "import sys; sys.modules['opentelemetry'] = None\nfrom xtap.errors import ConfigurationError\n"
    code += "try:\n import xtap.server.tracing\nexcept ConfigurationError as e:\n print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Install 'xtap[tracing]'" in done.stdout
