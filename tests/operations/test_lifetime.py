"""A server that is told to stop or to reload: nothing under way is lost, and a reload that fails changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.identity import authority
from xtap.server.lifetime import Lifetime
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xtap.testing.local_server import LocalServer


def send(server: LocalServer, number: signal.Signals) -> None:
    assert server.process is not None
    server.process.send_signal(number)


def until_logged(server: LocalServer, text: str, times: int = 1) -> None:
    deadline = time.monotonic() + 20
    while server.log().count(text) < times:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)


def certificate_shown(server: LocalServer) -> str:
    return ssl.get_server_certificate(("localhost", server.tls_port))


def until_shown(server: LocalServer, certificate: str) -> None:
    """Wait until ten new connections in a row are shown this certificate; one may be closed when it changes."""
    deadline, in_a_row = time.monotonic() + 10, 0
    while in_a_row < 10:
        assert time.monotonic() < deadline
        try:
            in_a_row = in_a_row + 1 if certificate_shown(server) == certificate else 0
        except OSError:
            in_a_row = 0


def put_certificate(folder: Path, maker: Path) -> str:
    """Let ``tls.pem`` and ``tls.key`` of a folder be a new pair, and return the certificate."""
    made = authority.ensure(maker, time.time())
    shutil.copy(made.key, folder / "tls.key")
    shutil.copy(made.certificate, folder / "tls.pem")
    return made.certificate.read_text()


def status(server: LocalServer, token: str) -> int:
    return httpx.get(f"{server.graph}/default", headers={"Authorization": f"Bearer {token}"}).status_code


def twice(get: Callable[[str], httpx.Response], url: str) -> httpx.Response:
    """Ask once more if a connection was lost: a server may close a kept one just when its client writes (RFC 9112,
    9.3.1), and a listener that closes drops those that it has not accepted yet.
    """
    try:
        return get(url)
    except httpx.TransportError:
        return get(url)


@contextmanager
def asking(url: str, trust: ssl.SSLContext) -> Iterator[list[Exception | int]]:
    """Ask without a pause over new and kept connections; gives what was not answered with 200."""
    wrong: list[Exception | int] = []
    end = threading.Event()

    def ask() -> None:
        with httpx.Client(verify=trust) as kept:
            while not end.is_set():
                for get in (kept.get, partial(httpx.get, verify=trust)):
                    try:
                        status = twice(get, url).status_code
                    except httpx.HTTPError as error:
                        wrong.append(error)
                    else:
                        wrong.extend([status] * (status != 200))

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield wrong
    finally:
        end.set()
        client.join()


# --- stopping ---------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_under_way_is_answered_before_the_server_ends(tmp_path: Path, workers: int):
    # With several workers there is no emulator to delay a request: a slow client takes its place.
    with running(tmp_path, "--workers", str(workers), "--stop-timeout", "20") as server:
        partner = f'{{"tenantId":"99999999-9999-4999-8999-99999999999{workers}"}}'.encode()
        begun, answers = threading.Event(), []

        def slow_body() -> Iterator[bytes]:
            yield partner[:10]
            begun.set()
            time.sleep(1.5)
            yield partner[10:]

        def post() -> None:
            headers = {**server.headers(), "Content-Type": "application/json", "Content-Length": str(len(partner))}
            answers.append(httpx.post(f"{server.graph}/partners", headers=headers, content=slow_body()).status_code)

        client = threading.Thread(target=post)
        client.start()
        assert begun.wait(10)
        time.sleep(0.3)
        stopped = server.stop()
        client.join()
        assert (answers, stopped) == ([201], 0)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.http}/healthz")
        server.start()
        found = httpx.get(f"{server.graph}/partners", headers=server.headers()).json()["value"]
        assert [each["tenantId"][-1] for each in found] == [str(workers)]


def test_a_request_that_takes_too_long_does_not_hold_up_the_end(tmp_path: Path):
    with running(tmp_path, "--emulator", "--stop-timeout", "0.5") as server:
        httpx.post(f"{server.http}/xtap/faults", headers=server.headers(), json={"delay": 60}).raise_for_status()
        with ThreadPoolExecutor() as clients:
            answer = clients.submit(status, server, server.token())
            time.sleep(0.5)
            assert server.stop() == 0  # which waits for 30 s, half the delay
            assert isinstance(answer.exception(), httpx.HTTPError) or answer.result() >= 500


async def test_the_end_of_a_pipe_is_noticed_once():
    """It stays readable: a loop that went on watching it would do nothing else until the process ends."""
    lifeline, held = os.pipe()
    lifetime = Lifetime(lifeline)
    os.close(held)
    assert [reload async for reload in lifetime.reloads(asyncio.Event())] == []
    assert not asyncio.get_running_loop().remove_reader(lifeline)
    os.close(lifeline)


# --- certificates -----------------------------------------------------------------


def test_a_new_certificate_is_shown_after_a_signal_and_connections_go_on(tmp_path: Path):
    first = put_certificate(tmp_path, tmp_path / "first")
    second_maker = tmp_path / "second"
    authority.ensure(second_maker, time.time())
    trust = ssl.create_default_context(cafile=tmp_path / "first" / "ca.pem")
    trust.load_verify_locations(second_maker / "ca.pem")
    with (
        running(tmp_path, "--tls-cert", "tls.pem", "--tls-key", "tls.key") as server,
        asking(f"{server.https}/v1.0/$metadata", trust) as refused,
    ):
        assert certificate_shown(server) == first
        second = put_certificate(tmp_path, second_maker)
        send(server, signal.SIGHUP)
        until_logged(server, "were reloaded")
        until_shown(server, second)
        send(server, signal.SIGHUP)  # nothing to change
        until_logged(server, "were reloaded", times=2)
        assert certificate_shown(server) == second
    assert refused == []


def test_a_changed_certificate_is_noticed_without_a_signal(tmp_path: Path):
    put_certificate(tmp_path, tmp_path / "first")
    with running(tmp_path, "--tls-cert", "tls.pem", "--tls-key", "tls.key") as server:
        second = put_certificate(tmp_path, tmp_path / "second")
        until_logged(server, "were reloaded")
        assert certificate_shown(server) == second


def test_files_that_are_named_while_the_server_runs_are_watched_too(tmp_path: Path):
    with running(tmp_path) as server:
        put_certificate(tmp_path, tmp_path / "first")
        config = tmp_path / "xtap.toml"
        config.write_text(f'{config.read_text()}tls-cert = "tls.pem"\ntls-key = "tls.key"\n')
        (tmp_path / "tls.key").write_text("no key yet")
        send(server, signal.SIGHUP)
        until_logged(server, "nothing was reloaded")
        first = put_certificate(tmp_path, tmp_path / "first")
        until_logged(server, "were reloaded")
        until_shown(server, first)
        second = put_certificate(tmp_path, tmp_path / "second")
        until_logged(server, "were reloaded", times=2)
        until_shown(server, second)


def test_a_broken_certificate_leaves_the_old_one(tmp_path: Path):
    first = put_certificate(tmp_path, tmp_path / "first")
    with running(tmp_path, "--tls-cert", "tls.pem", "--tls-key", "tls.key") as server:
        (tmp_path / "tls.pem").write_text("-----BEGIN CERTIFICATE-----\nhalf")
        send(server, signal.SIGHUP)
        until_logged(server, "nothing was reloaded")
        assert certificate_shown(server) == first
        assert "Traceback" not in server.log()


# --- issuers ----------------------------------------------------------------------


def test_an_issuer_comes_and_goes_without_a_restart(tmp_path: Path):
    for name in ("other", "own"):
        (tmp_path / name).mkdir()
    with running(tmp_path / "other") as other, running(tmp_path / "own") as server:
        config = tmp_path / "own" / "xtap.toml"
        before, token = config.read_text(), other.token()
        own = server.token()
        assert (status(server, token), status(server, own)) == (401, 200)
        trusted = (
            f'issuer = "{other.https}/{{tenantid}}/v2.0"\naudience = ["https://graph.microsoft.com"]\n'
            f'issuer-ca = "{other.ca}"\n'
        )
        config.write_text(before + trusted)
        send(server, signal.SIGHUP)
        until_logged(server, "were reloaded")
        assert (status(server, token), status(server, own)) == (200, 200)
        config.write_text(before)
        send(server, signal.SIGHUP)
        until_logged(server, "were reloaded", times=2)
        assert (status(server, token), status(server, own)) == (401, 200)


def test_a_broken_file_is_refused_and_what_needs_a_restart_is_named(tmp_path: Path):
    with running(tmp_path) as server:
        config = tmp_path / "xtap.toml"
        before = config.read_text()
        untrusting = ('issuer = "https://a.example"\n', "embedded-issuer = false\n")
        for broken in ("issuer = \n", "no-such-key = 1\n", *untrusting):
            config.write_text(broken)
            send(server, signal.SIGHUP)
            time.sleep(0.05)
        until_logged(server, "nothing was reloaded")
        assert status(server, server.token()) == 200
        config.write_text(f'{before}validation = "strict"\njoin-delay = 3\n')
        send(server, signal.SIGHUP)
        until_logged(server, "these settings need a restart: validation, join-delay")
        assert "Traceback" not in server.log()


# --- what the log tells of it -----------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_life_is_told_as_json_and_nothing_else(tmp_path: Path, workers: int):
    with running(tmp_path, "--log-format", "json", "--workers", str(workers)) as server:
        until_logged(server, '"started"', times=workers)
        assert server.stop() == 0
        told = [json.loads(line) for line in server.log().splitlines()]
    lives: dict[int, list[str]] = {}
    for line in told:
        lives.setdefault(line["pid"], []).append(line["message"])
    assert list(lives.values()) == [["started", "stopping", "stopped"]] * workers
    assert (told[0]["http"], told[0]["https"]) == (server.http, server.https)


def test_a_life_is_told_as_text_beside_the_banner(tmp_path: Path):
    with running(tmp_path) as server:
        until_logged(server, "xtap is ready")
        server.stop()
        words = [line.split()[3] for line in server.log().splitlines() if " INFO xtap.server.serve " in line]
    assert words == ["started", "stopping", "stopped"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_why_a_server_does_not_start_is_told_as_json(tmp_path: Path, workers: str):
    with running(tmp_path) as other:
        done = other.run("serve", "--log-format", "json", "--workers", workers, check=False)
        other.stop()
        (tmp_path / ".xtap" / "xtap.db").write_bytes(b"no database at all" * 1000)
        damaged = other.run("serve", "--log-format", "json", "--workers", workers, check=False)
        for each, reason in ((done, "Cannot listen on"), (damaged, "is damaged")):
            assert (each.returncode, each.stdout) == (1, "")
            (line,) = each.stderr.splitlines()
            told = json.loads(line)
            assert told["level"] == "ERROR"
            assert reason in told["message"]
