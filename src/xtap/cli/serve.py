"""``xtap serve``: run the server until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shlex
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xtap.cli.main import add_settings, messages, settings_of
from xtap.errors import Unavailable, XtapError

if TYPE_CHECKING:
    import argparse

    from xtap.server.asgi import Application
    from xtap.server.settings import Settings
    from xtap.server.workers import Worker


log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags: every setting."""
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal; why that cannot be is logged as the settings say, once they are known."""
    gc.disable()  # until it serves: what a start makes stays
    from xtap.server import logs  # noqa: PLC0415 - 'xtap serve --help' needs no server

    settings = settings_of(args)
    logs.configure(settings)
    try:
        return _run_server(settings, args)
    except BrokenPipeError:  # nobody reads the banner: no matter of settings or files
        raise
    except (XtapError, OSError) as error:
        return _refused(settings, error)


def _refused(settings: Settings, error: XtapError | OSError) -> int:
    """Say why, to people or to programs, and return the exit code."""
    for message in messages(error):
        if settings.log_format == "json":
            log.error("%s", message)
        else:
            print(f"xtap serve: {message}", file=sys.stderr)
    return 1


def _run_server(settings: Settings, args: argparse.Namespace) -> int:
    """Build the application and listen, in as many processes as the settings say."""
    from xtap.identity import private_file  # noqa: PLC0415 - see run
    from xtap.server.asgi import metrics_of  # noqa: PLC0415
    from xtap.server.serve import certificate_of, require_free  # noqa: PLC0415
    from xtap.server.settings import check, passed_over  # noqa: PLC0415
    from xtap.server.storage import claimed  # noqa: PLC0415
    from xtap.server.workers import Workers  # noqa: PLC0415

    for name in passed_over(os.environ):
        log.warning("There is no setting for the variable %s: it is passed over.", name)
    check(settings)
    for file in settings.secret_files:
        private_file.warn_if_shared(file)
    require_free(settings)
    if settings.workers == 1:
        return _run(_serve(settings, args, None))
    with claimed(settings):
        if settings.tls_port:
            certificate_of(settings)
        return Workers(settings.workers, metrics_of(settings), partial(_work, settings, args)).run()


def _work(settings: Settings, args: argparse.Namespace, worker: Worker) -> int:
    try:
        return _run(_serve(settings, args, worker))
    except (XtapError, OSError) as error:
        return _refused(settings, error)


def _run(main: object) -> int:
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        asyncio.run(main)  # type: ignore[arg-type]
    else:
        uvloop.run(main)  # type: ignore[arg-type]
    return 0


async def _serve(settings: Settings, args: argparse.Namespace, worker: Worker | None) -> None:
    from xtap.server.asgi import build  # noqa: PLC0415 - see run
    from xtap.server.lifetime import Lifetime  # noqa: PLC0415
    from xtap.server.serve import serve  # noqa: PLC0415

    lifetime = Lifetime(None if worker is None else worker.lifeline)
    lifetime.watch(settings.watched)
    application = await build(settings, worker)

    async def greet() -> None:
        if settings.log_format == "text" and (worker is None or worker.index == 0):
            print(await _greeting(application, args), flush=True)

    await serve(application, greet, lifetime, lambda: settings_of(args))


async def _greeting(application: Application, args: argparse.Namespace) -> str:
    settings = application.settings
    lines = ["xtap is ready"]
    if settings.port:
        lines.append(f"  Graph  {settings.http_url}/v1.0")
    if settings.tls_port:
        lines.append(f"  Graph  {settings.https_url}/v1.0")
    if application.issuer is not None:
        ca = "" if settings.tls_cert else f"   (authority: {settings.folder / 'ca.pem'})"
        lines.append(f"  issuer {settings.https_url}/{{tenant}}/v2.0{ca}")
        with suppress(Unavailable):  # a storage that fails now ends no server that listens
            lines += await _example(application, args)
    return "\n".join([*lines, "", "stop with Ctrl-C"])


async def _example(application: Application, args: argparse.Namespace) -> list[str]:
    """Return a command to paste: it creates fabrikam as partner of contoso, or shows it if it is there."""
    from xtap.model.objects import Kind  # noqa: PLC0415 - see _serve
    from xtap.server.demo import CONTOSO, FABRIKAM  # noqa: PLC0415
    from xtap.service import tenants  # noqa: PLC0415

    settings = application.settings
    if not settings.port or not await tenants.is_registered(application.store, CONTOSO.id):
        return []
    partners = f"{settings.http_url}/v1.0/policies/crossTenantAccessPolicy/partners"
    token = f'-H "Authorization: Bearer $({_command()} token --tenant contoso{_same_place(args, settings)})"'
    known = (await application.store.snapshot(CONTOSO.id)).get(Kind.PARTNER, FABRIKAM.id)
    if known is not None:
        return ["", "show contoso's partner fabrikam:", f"  curl -sS {token} {partners}/{FABRIKAM.id}"]
    body = f'{{"tenantId":"{FABRIKAM.id}","inboundTrust":{{"isMfaAccepted":true}}}}'
    return [
        "",
        "create fabrikam as a partner of contoso that is trusted for MFA (paste in another terminal, same folder):",
        f"  curl -sS {token} -H 'Content-Type: application/json' -d '{body}' {partners}",
    ]


def _command() -> str:
    """Return how this command was called, so that the example works where it was printed."""
    path = Path(sys.argv[0]).absolute()
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _same_place(args: argparse.Namespace, settings: Settings) -> str:
    """Return the flags that another terminal needs, whose environment may differ."""
    from xtap.server.settings import Settings as Defaults  # noqa: PLC0415 - see _serve

    port = None if settings.tls_port == Defaults().tls_port else str(settings.tls_port)
    names = ("config", "data", "database", "database_password_file", "public_url")
    given = (*((name, getattr(args, name, None)) for name in names), ("tls_port", port))
    return "".join(f" --{name.replace('_', '-')} {shlex.quote(value)}" for name, value in given if value)
