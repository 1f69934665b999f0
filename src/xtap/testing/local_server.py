"""A real server for tests: ``xtap serve`` in its own process and folder, on free ports of this machine.

with running(tmp_path) as server:
    httpx.get(f"{server.graph}/default", headers=server.headers("contoso"))
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xtap.identity import keys
from xtap.identity.embedded import Delegation, EmbeddedIssuer
from xtap.model.directory import Application
from xtap.server.demo import CONTOSO, FABRIKAM
from xtap.server.trust import SIGNING_KEYS
from xtap.service.permissions import DIRECTORY_ROLES, PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from xtap.model.directory import Tenant
    from xtap.model.ids import TenantId

TENANTS = {"contoso": CONTOSO, "fabrikam": FABRIKAM}
AUDIENCE = "https://graph.microsoft.com"
START_SECONDS = 30.0


class NobodyAsks:
    """A directory for minting tokens by hand: nobody asks it for anything."""

    async def find_tenant(self, id_or_domain: str) -> Tenant | None:  # noqa: ARG002 - the protocol has it
        """Know no tenant."""
        return None

    async def find_application(self, tenant_id: TenantId, client_id: str) -> Application | None:  # noqa: ARG002
        """Know no application."""
        return None


@dataclass(slots=True)
class LocalServer:
    """One server process that can be stopped, killed and started again on the same folder.

    Attributes:
        folder: its working folder; data is in ``.xtap`` below it.
        port: of plain http.
        tls_port: of https.
        flags: more flags for ``xtap serve``.
    """

    folder: Path
    port: int
    tls_port: int
    flags: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def http(self) -> str:
        """Where plain http is spoken."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def https(self) -> str:
        """Where https is spoken."""
        return f"https://localhost:{self.tls_port}"

    @property
    def ca(self) -> Path:
        """The authority that clients must trust."""
        return self.folder / ".xtap" / "ca.pem"

    @property
    def graph(self) -> str:
        """The policy's address in v1.0, over plain http."""
        return f"{self.http}/v1.0/policies/crossTenantAccessPolicy"

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of an xtap command for this server's folder."""
        return [sys.executable, "-c", "from xtap.cli.main import run; run()", *arguments]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run an xtap command in the server's folder, with its ports."""
        return subprocess.run(  # noqa: S603 - our own command
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=check,
        )

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            RuntimeError: it ended, or did not answer in time; with its log.
        """
        log = (self.folder / "serve.log").open("ab")
        command = self.command("serve", *self.flags)
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while not (self._answers(self.port) and self._answers(self.tls_port)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server did not start:\n{self.log()}")
            time.sleep(0.01)

    def stop(self) -> int:
        """Ask the process to end, and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kill the process as a power cut would (SIGKILL), and return its exit code."""
        return self._end(signal.SIGKILL)

    def log(self) -> str:
        """Return what the process printed so far."""
        return (self.folder / "serve.log").read_text()

    def token(self, tenant: str = "contoso", permissions: Sequence[str] = PERMISSIONS) -> str:
        """Return an app-only token of a demo tenant with these application permissions."""
        return self.issuer().mint_app(TENANTS[tenant].id, registered(tenant, permissions), AUDIENCE)

    def user_token(self, tenant: str, scopes: Sequence[str], roles: Sequence[str] = ()) -> str:
        """Return a delegated token with these scopes, of a user with these directory roles (display names)."""
        user = Delegation(
            username=f"user@{tenant}.example",
            object_id=TENANTS[tenant].id,
            scopes=tuple(scopes),
            directory_roles=tuple(DIRECTORY_ROLES[role] for role in roles),
        )
        return self.issuer().mint_delegated(TENANTS[tenant].id, user, AUDIENCE)

    def headers(self, tenant: str = "contoso") -> dict[str, str]:
        """Return request headers with a token that may do everything in a demo tenant."""
        return {"Authorization": f"Bearer {self.token(tenant)}"}

    def issuer(self) -> EmbeddedIssuer:
        """Return an issuer that signs with the server's keys."""
        signing = keys.load(self.folder / ".xtap" / SIGNING_KEYS)
        return EmbeddedIssuer(self.https, signing, NobodyAsks(), time.time)

    def environment(self) -> dict[str, str]:
        """Return the environment of its commands: ours, with its ports and without other settings of ours."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("XTAP_")}
        return own | {"XTAP_PORT": str(self.port), "XTAP_TLS_PORT": str(self.tls_port)}

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout=START_SECONDS)
        self.process = None
        return code

    def _answers(self, port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False


def registered(tenant: str, permissions: Sequence[str]) -> Application:
    """Return an application of a demo tenant that was granted these application permissions."""
    return Application(
        client_id="test",
        display_name="test",
        object_id=TENANTS[tenant].id,
        secret="",
        permissions=tuple(permissions),
    )


@contextlib.contextmanager
def running(folder: Path, *flags: str) -> Iterator[LocalServer]:
    """Run a server with the demo tenants in a folder, until the block ends."""
    port, tls_port = free_ports(2)
    server = LocalServer(folder, port, tls_port, flags)
    server.run("init", "--demo")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
