"""A real issuer over HTTP on loopback: discovery, rollover, failure, and how often it is asked."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from xtap.errors import ConfigurationError, Unauthenticated, Unavailable
from xtap.identity.discovery import DiscoveredKeys, Pace
from xtap.identity.issuers import TrustedIssuer
from xtap.identity.tokens import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.identity.conftest import Clock, Forge

CONTOSO = "11111111-1111-4111-8111-111111111111"
PACE = Pace(refresh=600, retry=30, max_age=3600, timeout=2)


class Publisher:
    """An issuer's web server; what it answers can be changed between requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.keys = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.metadata: dict[str, object] = {}
        self.slow = threading.Event()
        self.slow.set()
        self.second = threading.Event()
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked.append(self.path)
                if publisher.fetches == 2:
                    publisher.second.set()
                publisher.slow.wait(10)
                body = publisher.answer(self.path)
                self.send_response(publisher.status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in publisher.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.issuer = self.url + "/{tenantid}/v2.0"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, path: str) -> bytes:
        if path.endswith("openid-configuration"):
            return json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.url}/keys", **self.metadata}).encode()
        return self.keys

    @property
    def fetches(self) -> int:
        return sum(path.endswith("openid-configuration") for path in self.asked)

    def close(self) -> None:
        self.slow.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def publisher(forge: Forge) -> Iterator[Publisher]:
    publisher = Publisher()
    publisher.keys = forge.jwks(forge.rsa)
    yield publisher
    publisher.close()


@pytest.fixture
def keys(publisher: Publisher, clock: Clock) -> DiscoveredKeys:
    return DiscoveredKeys(publisher.issuer, clock, pace=PACE)


@pytest.fixture
def outside(publisher: Publisher, keys: DiscoveredKeys, clock: Clock) -> Verifier:
    return Verifier([TrustedIssuer(publisher.issuer, frozenset({"https://localhost"}), keys)], clock)


@pytest.fixture
def honest(publisher: Publisher, forge: Forge, clock: Clock) -> Honest:
    return Honest(publisher, forge, clock)


class Honest:
    """Writes good tokens of the publisher."""

    def __init__(self, publisher: Publisher, forge: Forge, clock: Clock) -> None:
        self.publisher, self.forge, self.clock = publisher, forge, clock

    def __call__(self, *, two: bool = False, **header: object) -> str:
        iss = self.publisher.issuer.replace("{tenantid}", CONTOSO)
        now = int(self.clock.now)
        claims = self.forge.claims(iss=iss, iat=now, nbf=now, exp=now + 86_400)
        return self.forge.sign(claims, self.forge.rsa_two if two else self.forge.rsa, "RS256", **header)


async def test_keys_are_found_where_the_metadata_says(outside: Verifier, honest: Honest, publisher: Publisher) -> None:
    assert (await outside.caller(honest())).tenant == CONTOSO
    assert publisher.asked == ["/common/v2.0/.well-known/openid-configuration", "/keys"]


async def test_a_new_key_is_fetched_once_and_then_known(
    outside: Verifier, honest: Honest, publisher: Publisher, forge: Forge, clock: Clock
) -> None:
    old = honest()
    await outside.caller(old)
    publisher.keys = forge.jwks(forge.rsa, forge.rsa_two)
    clock.now += 30
    assert (await outside.caller(honest(two=True))).tenant == CONTOSO
    assert publisher.fetches == 2
    assert outside.cached(old) is None  # the set has changed, so it is judged again, without another fetch
    assert (await outside.caller(old)).tenant == CONTOSO
    assert publisher.fetches == 2


async def test_the_same_keys_read_again_change_nothing(
    outside: Verifier, honest: Honest, publisher: Publisher, clock: Clock, keys: DiscoveredKeys
) -> None:
    token = honest()
    await outside.caller(token)
    clock.now += PACE.retry
    with pytest.raises(Unauthenticated):
        await outside.caller(honest(kid="invented"))
    assert (publisher.fetches, keys.generation) == (2, 1)
    assert outside.cached(token) is not None


async def test_a_withdrawn_key_is_refused_after_the_refresh(
    outside: Verifier, honest: Honest, publisher: Publisher, forge: Forge, clock: Clock
) -> None:
    token = honest()
    await outside.caller(token)
    publisher.keys = forge.jwks(forge.rsa_two)
    clock.now += 30
    await outside.caller(honest(two=True))
    with pytest.raises(Unauthenticated, match="No key of the issuer fits"):
        await outside.caller(token)


async def test_invented_key_names_do_not_make_us_hammer_the_issuer(
    outside: Verifier, honest: Honest, publisher: Publisher, clock: Clock
) -> None:
    await outside.caller(honest())
    for number in range(200):
        clock.now += 0.5
        with pytest.raises(Unauthenticated, match="No key of the issuer fits"):
            await outside.caller(honest(kid=f"invented-{number}"))
    assert publisher.fetches <= 1 + 100 / PACE.retry


async def test_all_who_wait_share_one_fetch(outside: Verifier, honest: Honest, publisher: Publisher) -> None:
    publisher.slow.clear()
    waiting = [asyncio.create_task(outside.caller(honest(x=number))) for number in range(50)]
    await asyncio.sleep(0.1)
    waiting[0].cancel()
    publisher.slow.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(not isinstance(result, BaseException) for result in results[1:])
    assert publisher.fetches == 1


async def test_old_keys_are_read_again_in_the_background(
    outside: Verifier, honest: Honest, publisher: Publisher, clock: Clock, keys: DiscoveredKeys
) -> None:
    await outside.caller(honest())
    clock.now += PACE.refresh
    publisher.slow.clear()
    async with asyncio.timeout(1):
        await outside.caller(honest(x=1))  # answered although the issuer does not
    publisher.slow.set()
    await asyncio.to_thread(publisher.second.wait, 5)
    assert (await keys.keys("rsa-1")).knows("rsa-1")
    assert publisher.fetches == 2


async def test_when_the_issuer_fails_the_last_keys_serve_until_they_are_too_old(
    outside: Verifier, honest: Honest, publisher: Publisher, clock: Clock, keys: DiscoveredKeys
) -> None:
    await outside.caller(honest())
    publisher.status = 500
    clock.now += PACE.max_age - 1
    assert (await outside.caller(honest(x=1))).tenant == CONTOSO
    await keys.close()
    clock.now += PACE.retry + 1
    with pytest.raises(Unavailable, match="it answered 500"):
        await outside.caller(honest(x=2))
    publisher.status = 200
    clock.now += PACE.retry
    assert (await outside.caller(honest(x=2))).tenant == CONTOSO


async def test_an_issuer_that_was_never_reached_refuses_all_and_is_asked_seldom(
    outside: Verifier, honest: Honest, publisher: Publisher
) -> None:
    publisher.status = 503
    for _ in range(20):
        with pytest.raises(Unavailable, match="it answered 503"):
            await outside.caller(honest())
    assert publisher.fetches == 1


async def test_a_silent_issuer_is_given_up(publisher: Publisher, clock: Clock) -> None:
    publisher.slow.clear()
    keys = DiscoveredKeys(publisher.issuer, clock, pace=Pace(timeout=0.1))
    with pytest.raises(Unavailable, match=r"no answer within 0\.1 s"):
        await keys.keys("rsa-1")


async def test_a_port_where_nobody_listens(clock: Clock) -> None:
    with pytest.raises(Unavailable, match="could not be reached"):
        await DiscoveredKeys("http://127.0.0.1:1", clock).keys(None)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer"),
        ({"jwks_uri": "http://evil.example/keys"}, "jwks_uri is not https"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri is not https"),
        ({"jwks_uri": None}, "not a JSON object with"),
    ],
)
async def test_metadata_that_is_not_believed(
    publisher: Publisher, keys: DiscoveredKeys, metadata: dict[str, object], reason: str
) -> None:
    publisher.metadata = metadata
    with pytest.raises(Unavailable, match=reason):
        await keys.keys("rsa-1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not JSON", "key set is not a JSON object"),
        (b'{"keys":[]}', "holds no key"),
        (b'{"keys":[1,"x",null,{"kty":"RSA"}]}', "holds no key"),
        (b" " * 600_000, "longer than"),
        (b"\xff", "key set is not a JSON object"),
    ],
)
async def test_key_sets_that_cannot_be_used(
    publisher: Publisher, keys: DiscoveredKeys, body: bytes, reason: str
) -> None:
    publisher.keys = body
    with pytest.raises(Unavailable, match=reason):
        await keys.keys("rsa-1")


async def test_a_compressed_answer_is_not_unpacked(publisher: Publisher, keys: DiscoveredKeys) -> None:
    publisher.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(Unavailable, match="compressed"):
        await keys.keys("rsa-1")


async def test_a_redirect_is_not_followed(publisher: Publisher, keys: DiscoveredKeys) -> None:
    publisher.status, publisher.headers = 302, {"Location": "http://169.254.169.254/"}
    with pytest.raises(Unavailable, match="it answered 302"):
        await keys.keys("rsa-1")


@pytest.mark.parametrize(
    "url", ["http://login.example", "http://localhost.evil.example", "ftp://localhost", "//localhost", "https://", "x"]
)
def test_keys_are_read_over_https_or_from_this_machine_only(url: str, clock: Clock) -> None:
    with pytest.raises(ConfigurationError, match="over https"):
        DiscoveredKeys(url, clock)


@pytest.mark.parametrize("url", ["https://login.example", "http://localhost:1", "http://127.0.0.9", "http://[::1]:8"])
def test_urls_that_are_protected(url: str, clock: Clock) -> None:
    assert DiscoveredKeys(url, clock).generation == 0
