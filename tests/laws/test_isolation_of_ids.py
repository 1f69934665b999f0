"""An id of another tenant is an id that nobody has: whatever A sends to it is answered alike, and changes nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.laws.three_tenants import POLICY, A, B
from xtap.graph.paths import addresses, build
from xtap.graph.routes import BETA_ROUTES, ROUTES
from xtap.model.directory_files import read
from xtap.service import directory
from xtap.store.protocol import SignInEntry

if TYPE_CHECKING:
    from tests.laws.three_tenants import Loop
    from xtap.store.rows import Row

KEYED = [(method, path) for method, path in addresses(build({**ROUTES, **BETA_ROUTES})) if "{key}" in path]
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z?")
PEOPLE = {
    "users": [{"id": str(uuid4()), "userPrincipalName": "only@fabrikam.example", "displayName": "only of B"}],
    "groups": [{"id": str(uuid4()), "displayName": "only of B"}],
    "servicePrincipals": [{"id": str(uuid4()), "appId": str(uuid4()), "displayName": "only of B"}],
}
BODIES: tuple[object, ...] = (
    {},
    {"displayName": "A was here"},
    {"inboundTrust": {"isMfaAccepted": True}},
    {"userSyncInbound": {"isSyncAllowed": True}},
    {"role": "owner"},
)


async def _plant(loop: Loop) -> dict[str, str]:
    """Give B an object of every sort that has a key, and return their keys."""
    client, headers, store = loop.app.client, loop.headers(B), loop.app.application.store
    partner, binned, sign_in = (str(uuid4()) for _ in range(3))
    beta = f"/beta{POLICY}"
    for each in (partner, binned):
        body = {"tenantId": each, "automaticUserConsentSettings": {"inboundAllowed": True}}
        assert (await client.post(f"{beta}/partners", json=body, headers=headers)).status_code == 201
    sync = f"{beta}/partners/{partner}/identitySynchronization"
    assert (await client.put(sync, json={"displayName": "sync"}, headers=headers)).status_code in {201, 204}
    assert (await client.delete(f"{beta}/partners/{binned}", headers=headers)).status_code == 204
    await directory.put_objects(store, B, read([("people", json.dumps(PEOPLE).encode())]), whole=False)
    await store.add_sign_ins(
        B, [SignInEntry("2026-01-01T00:00:00.0000000Z", sign_in, b'{"id":"%s"}' % sign_in.encode())]
    )
    audits = (await client.get("/v1.0/auditLogs/directoryAudits", headers=headers)).json()["value"]
    found = {
        "partner": partner,
        "binned": binned,
        "sign-in": sign_in,
        "audit": audits[0]["id"],
        "user name": "only@fabrikam.example",
    }
    found |= {kind: str(items[0]["id"]) for kind, items in PEOPLE.items()} | {
        "app": str(PEOPLE["servicePrincipals"][0]["appId"])
    }
    return found


async def _rows_of_b(loop: Loop) -> list[Row]:
    return await loop.app.application.store.dump(lambda rows: [row for row in rows if row.tenant == B])


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_an_id_of_another_tenant_is_an_id_that_nobody_has(loop: Loop, version: str) -> None:
    keys = loop.do(_plant(loop))
    before = loop.do(_rows_of_b(loop))
    headers = loop.headers(A) | {"Content-Type": "application/json"}

    async def asked(method: str, path: str, key: str, body: object) -> tuple[int, str]:
        content = json.dumps(body).encode() if method in {"POST", "PUT", "PATCH"} else b""
        url = f"/{version}{path.replace('{key}', key)}"
        answer = await loop.app.client.request(method, url, content=content, headers=headers)
        return answer.status_code, TIME.sub("<time>", GUID.sub("<guid>", answer.text.replace(key, "<guid>")))

    async def compare() -> None:
        for method, path in KEYED:
            for what, key in keys.items():
                nobody = str(uuid4()) if GUID.fullmatch(key) else "nobody@fabrikam.example"
                for body in BODIES if method in {"POST", "PUT", "PATCH"} else BODIES[:1]:
                    theirs, unknown = await asked(method, path, key, body), await asked(method, path, nobody, body)
                    assert theirs == unknown, (method, path, what, body)

    loop.do(compare())
    assert loop.do(_rows_of_b(loop)) == before


def test_the_owner_does_find_them(loop: Loop) -> None:
    """The test above would prove nothing if the keys were nowhere."""
    keys = loop.do(_plant(loop))
    found: set[str] = set()

    async def ask() -> None:
        for method, path in KEYED:
            for what, key in keys.items():
                if method == "GET":
                    url = f"/beta{path.replace('{key}', key)}"
                    answer = await loop.app.client.get(url, headers=loop.headers(B))
                    found.update({what} if answer.status_code == 200 else set())

    loop.do(ask())
    assert {"partner", "sign-in", "audit", "users", "groups", "user name"} <= found
    assert "binned" in found
