"""The reference that most Python teams would write: FastAPI with pydantic models, in memory, without authentication.

Run as ``python -m benchmarks.fastapi_server PORT`` in the environment of the peers; it listens as xtap does.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import uvloop
from fastapi import FastAPI, HTTPException
from granian.constants import Interfaces
from granian.server.embed import Server
from pydantic import BaseModel


class Target(BaseModel):
    target: str
    targetType: Literal["user", "group", "application"]  # noqa: N815 - names of the wire


class TargetList(BaseModel):
    accessType: Literal["allowed", "blocked"]  # noqa: N815
    targets: list[Target]


class Setting(BaseModel):
    usersAndGroups: TargetList | None = None  # noqa: N815
    applications: TargetList | None = None


class Partner(BaseModel):
    tenantId: str  # noqa: N815
    b2bCollaborationInbound: Setting | None = None  # noqa: N815
    b2bCollaborationOutbound: Setting | None = None  # noqa: N815
    b2bDirectConnectInbound: Setting | None = None  # noqa: N815
    b2bDirectConnectOutbound: Setting | None = None  # noqa: N815


app = FastAPI()
partners: dict[str, Partner] = {}


@app.get("/partners/{tenant}")
async def read(tenant: str) -> Partner:
    if tenant not in partners:
        raise HTTPException(404)
    return partners[tenant]


@app.post("/partners", status_code=201)
async def create(partner: Partner) -> Partner:
    return partners.setdefault(partner.tenantId, partner)


@app.patch("/partners/{tenant}", status_code=204)
async def change(tenant: str, changes: dict[str, Any]) -> None:
    partners[tenant] = Partner.model_validate(partners[tenant].model_dump() | changes)


async def main() -> None:
    server = Server(app, address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.ASGI, log_enabled=False)
    await server.serve()


uvloop.run(main())
