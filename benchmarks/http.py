"""How fast are Graph's operations beside a bare application on the same listener? Start and memory, too."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from benchmarks.measure import (
    Contestant,
    Workload,
    bare,
    bare_on,
    compared,
    created,
    head,
    request,
    resident,
    served,
)
from benchmarks.table import Row, render
from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from xtap.testing.local_server import LocalServer

PARTNER = "22222222-2222-4222-8222-222222222222"
PARTNERS = "/v1.0/policies/crossTenantAccessPolicy/partners"
PAGE = 100
BATCH = 20


def partner(tenant: str, group: str = "6f546279-4da5-4b53-a095-09ea0cef9971") -> dict[str, Any]:
    """Return the body that creates a partner, of about the size that they have in life."""
    people = {"accessType": "blocked", "targets": [{"target": group, "targetType": "group"}]}
    office = {"accessType": "allowed", "targets": [{"target": "Office365", "targetType": "application"}]}
    return {
        "tenantId": tenant,
        "b2bDirectConnectOutbound": {"usersAndGroups": people},
        "b2bDirectConnectInbound": {"applications": office},
    }


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as server:
        rows = operations(server, Path(name))
        server.stop()
        return [*rows, *start(server, Path(name))]


def operations(server: LocalServer, folder: Path) -> list[Row]:
    for tenant in (PARTNER, *(str(uuid4()) for _ in range(PAGE))):
        created(server, PARTNERS, partner(tenant))
    one, page = f"GET {PARTNERS}/{PARTNER}", f"GET {PARTNERS}?$top={PAGE}"
    change = {key: value for key, value in partner(PARTNER, "{id}").items() if key != "tenantId"}
    part = {"method": "GET", "url": f"/policies/crossTenantAccessPolicy/partners/{PARTNER}"}
    batch = {"requests": [{"id": str(number)} | part for number in range(BATCH)]}
    writes = {
        Workload("POST partner, durable, 32 clients", 32, "at least 0.5"): (f"POST {PARTNERS}", partner("{id}")),
        Workload("PATCH partner, durable, 32 clients", 32): (f"PATCH {PARTNERS}/{PARTNER}", change),
        Workload(f"$batch of {BATCH} GET, 4 clients", 4): ("POST /v1.0/$batch", batch),
    }
    rows = [
        *reading(server, folder, one, Workload("GET one partner, 16 clients", 16, "at least 0.7", "at most 3")),
        *reading(server, folder, page, Workload(f"GET a page of {PAGE} partners, 4 clients", 4)),
    ]
    with bare(folder / "answer") as port:
        for workload, (line, body) in writes.items():
            file = request(folder / "write", head(server, line), [body])
            rows += compared(workload, Contestant(server.port, file), Contestant(port, file))
    return rows


def reading(server: LocalServer, folder: Path, line: str, workload: Workload) -> list[Row]:
    """Compare with an application that has the bytes of the answer at hand."""
    answer = httpx.get(f"{server.http}{line.partition(' ')[2]}", headers=server.headers()).raise_for_status()
    (folder / "answer").write_bytes(answer.content)
    file = request(folder / "read", head(server, line))
    with bare(folder / "answer") as port:
        return compared(workload, Contestant(server.port, file), Contestant(port, file))


def start(server: LocalServer, folder: Path) -> list[Row]:
    """Compare how long it takes until the first answer, and the memory then."""
    (port,) = free_ports(1)
    times: tuple[list[float], list[float]] = ([], [])
    sizes: tuple[list[float], list[float]] = ([], [])
    for _ in range(9):
        for place, run in enumerate((lambda: served(server), lambda: bare_on(port, folder / "answer"))):
            begun = time.perf_counter()
            with run() as pid:
                times[place].append((time.perf_counter() - begun) * 1000)
                sizes[place].append(resident(pid))
    return [
        Row.compare("process start to first answer", *times, aim="at most 1.5", unit="ms"),
        Row.compare("memory after the first answer", *sizes, aim="at most 2", unit="MiB"),
    ]


if __name__ == "__main__":
    print(render(run()))
