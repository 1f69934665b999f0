"""Keys that were seen and stand on no page: refused, or kept and shown where the server is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from xtap.testing.in_process import in_process

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.testing.in_process import InProcess

DEFAULT = "policies/crossTenantAccessPolicy/default"
MEETINGS = {"inboundAllowed": False, "outboundAllowed": False}
SEEN: dict[str, Any] = {
    "inboundTrust": {"isMfaAccepted": True, "isCompliantNetworkAccepted": False},
    "crossCloudMeetingConfiguration": MEETINGS,
    "protectedContentSharing": {"inboundAllowed": True, "outboundAllowed": True},
}


async def ask(app: InProcess, method: str, path: str, body: object = None) -> tuple[int, Any]:
    answer = await app.client.request(method, path, json=body, headers=app.headers())
    return answer.status_code, answer.json() if answer.content else None


@pytest.mark.parametrize("key", SEEN)
@pytest.mark.parametrize("version", ["v1.0", "beta"])
async def test_they_are_unknown_unless_they_are_asked_for(tmp_path: Path, version: str, key: str) -> None:
    async with in_process(tmp_path) as app:
        before = await ask(app, "GET", f"/{version}/{DEFAULT}")
        status, refused = await ask(app, "PATCH", f"/{version}/{DEFAULT}", {key: SEEN[key]})
        assert (status, refused["error"]["details"][0]["code"]) == (400, "UnknownProperty")
        assert await ask(app, "GET", f"/{version}/{DEFAULT}") == before


async def test_they_are_kept_in_beta_and_shown_as_they_were_written(tmp_path: Path):
    async with in_process(tmp_path, undocumented_keys=True) as app:
        _, before = await ask(app, "GET", f"/beta/{DEFAULT}")
        assert not SEEN.keys() - {"inboundTrust"} & before.keys()
        assert "isCompliantNetworkAccepted" not in before["inboundTrust"]
        assert await ask(app, "PATCH", f"/beta/{DEFAULT}", SEEN) == (204, None)
        _, shown = await ask(app, "GET", f"/beta/{DEFAULT}")
        trust = before["inboundTrust"] | SEEN["inboundTrust"]
        assert shown == before | SEEN | {"inboundTrust": trust, "isServiceDefault": False}
        assert await ask(app, "PATCH", f"/beta/{DEFAULT}", {"protectedContentSharing": None}) == (204, None)
        _, shown = await ask(app, "GET", f"/beta/{DEFAULT}?$select=crossCloudMeetingConfiguration")
        assert shown.pop("@odata.context")
        assert shown == {"crossCloudMeetingConfiguration": MEETINGS}
        assert "protectedContentSharing" not in (await ask(app, "GET", f"/beta/{DEFAULT}"))[1]


async def test_v1_neither_shows_nor_takes_them_and_a_reset_removes_them(tmp_path: Path):
    async with in_process(tmp_path, undocumented_keys=True) as app:
        _, before = await ask(app, "GET", f"/v1.0/{DEFAULT}")
        await ask(app, "PATCH", f"/beta/{DEFAULT}", SEEN)
        _, shown = await ask(app, "GET", f"/v1.0/{DEFAULT}")
        assert shown.keys() == before.keys()
        assert shown["inboundTrust"] == before["inboundTrust"] | {"isMfaAccepted": True}
        assert (await ask(app, "PATCH", f"/v1.0/{DEFAULT}", SEEN))[0] == 400
        assert await ask(app, "PATCH", f"/v1.0/{DEFAULT}", {"inboundTrust": {"isMfaAccepted": False}}) == (204, None)
        _, kept = await ask(app, "GET", f"/beta/{DEFAULT}")
        assert kept["inboundTrust"]["isCompliantNetworkAccepted"] is False
        assert kept["crossCloudMeetingConfiguration"] == MEETINGS
        assert await ask(app, "POST", f"/v1.0/{DEFAULT}/resetToSystemDefault") == (204, None)
        _, reset = await ask(app, "GET", f"/beta/{DEFAULT}")
        assert not SEEN.keys() - {"inboundTrust"} & reset.keys()


async def test_what_is_wrong_in_them_is_refused(tmp_path: Path):
    async with in_process(tmp_path, undocumented_keys=True) as app:
        wrong = {
            "protectedContentSharing": {"inboundAllowed": "yes"},
            "inboundTrust": {"isCompliantNetworkAccepted": 1},
        }
        status, refused = await ask(app, "PATCH", f"/beta/{DEFAULT}", wrong | {"protectedContent": {}})
        assert status == 400
        targets = {detail["target"] for detail in refused["error"]["details"]}
        assert targets == {
            "$.protectedContentSharing.inboundAllowed",
            "$.inboundTrust.isCompliantNetworkAccepted",
            "$.protectedContent",
        }
