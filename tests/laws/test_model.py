"""Whatever some tenants do, in any order: every answer and every state is that of a plain model, also after a restart.

The model is in ``plain_tenant`` and ``plain_world``; it is plain dicts, written from the reference. ``make fuzz`` plays
longer than the tests do.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.laws.plain_bodies import ACCESSES, NAMES, ORGANIZATIONS, PARTNERS, PLACES, SOMEBODY, SYNCS, TEMPLATE
from tests.laws.plain_settings import Refused
from tests.laws.plain_tenant import BETA
from tests.laws.plain_world import NOBODY, START, PlainWorld
from tests.laws.real_world import RealWorld
from xtap.identity import keys
from xtap.server.trust import SIGNING_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.laws.plain_tenant import PlainTenant

STEPS = 100
MEMORY = "/dev/shm"
"""Where the file is if the machine has it: crashes are tested elsewhere, so that no disk need be waited for."""

POLICY, MTO = "/policies/crossTenantAccessPolicy", "/tenantRelationships/multiTenantOrganization"
DELETED = "/policies/deletedItems"
IDS = tuple(f"{number}{number * 7:07x}-1111-4111-8111-11111111111{number}" for number in range(1, 4))
TENANTS, KEYS = st.sampled_from((IDS[0], IDS[0], IDS[0], *IDS)), st.sampled_from((*IDS, SOMEBODY))
VERSIONS = st.sampled_from(("v1.0", "beta"))

AREAS = (
    *("singleton", "partner", "partner", "partner", "sync", "sync", "deleted", "deleted"),
    *("capability", "capability", "organization", "member", "member", "join", "gather", "scatter"),
    *("wait", "look", "restart"),
)
BINS = {"partner": "crossTenantPartners", "sync": "crossTenantSyncPolicyPartners"}


class Playing(RuleBasedStateMachine):
    """Three tenants: each rule is a request of one of them, to the real application and to the model."""

    @initialize(minutes=st.sampled_from((0, 60)), gathered=st.booleans(), data=st.data())
    def begin(self, minutes: int, gathered: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
        self.open(minutes)
        for tenant in IDS[:2]:  # so that few steps lead far
            self.add_partner(tenant, SOMEBODY, {"automaticUserConsentSettings": {"inboundAllowed": True}})
            path, body = f"{POLICY}/partners/{SOMEBODY}/identitySynchronization", {"displayName": "sync"}
            self.both(tenant, "PUT", path, body, _putting(body))
            for place in (place for place in PLACES if place.startswith(TEMPLATE)):
                self.change(tenant, place, data)
        if gathered:
            self.gather(IDS[0])

    def open(self, minutes: int) -> None:
        """Begin in an empty world in which a join takes some minutes."""
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if Path(MEMORY).is_dir() else None))
        shutil.copy(_signing_keys(), self.folder / SIGNING_KEYS)
        delay = timedelta(minutes=minutes)
        self.plain = PlainWorld(IDS, delay)
        self.real = RealWorld(self.folder, IDS, delay, START)
        self.ids: dict[tuple[str, str], str] = {}

    def teardown(self) -> None:
        if not hasattr(self, "real"):
            return
        try:
            self.real.restart()
            for each in IDS:
                self.look(each)
        finally:
            self.real.close()
            shutil.rmtree(self.folder)

    @rule(tenant=TENANTS, area=st.sampled_from(AREAS), data=st.data())
    def step(self, tenant: str, area: str, data: st.DataObject) -> None:
        """One rule for everything: Hypothesis leaves rules out of runs, and faults lie between areas."""
        getattr(self, area)(tenant, data)

    # --- policies --------------------------------------------------------------------

    def singleton(self, tenant: str, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(["/default", *PLACES]))
        attribute, reset, _ = PLACES[place]
        if reset and data.draw(st.booleans()):
            path = f"{POLICY}{place}/{reset}"
            self.both(tenant, "POST", path, None, lambda plain: plain.reset(attribute))
            return
        self.change(tenant, place, data)

    def change(self, tenant: str, place: str, data: st.DataObject) -> None:
        attribute, _, bodies = PLACES[place]
        version = data.draw(VERSIONS)
        body = _known(data.draw(bodies), version)
        self.both(tenant, "PATCH", POLICY + place, body, lambda plain: plain.change(attribute, body), version)

    def partner(self, tenant: str, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(("POST", "PATCH", "PATCH", "DELETE")))
        plain = self.plain.tenants[tenant]
        key, version = _near(data, {*plain.partners, *plain.deleted_partners}), data.draw(VERSIONS)
        body = _known(data.draw(PARTNERS), version)
        path = f"{POLICY}/partners/{key}"
        if method == "POST":
            self.add_partner(tenant, key, body, version)
        elif method == "PATCH":
            self.both(tenant, method, path, body, lambda plain: plain.change_partner(key, body), version)
        else:
            self.delete(tenant, "partner", key)

    def add_partner(self, tenant: str, key: str, body: dict[str, Any], version: str = "v1.0") -> None:
        def add(plain: PlainTenant) -> int:
            return 400 if key == tenant else plain.add_partner(key, body)

        self.both(tenant, "POST", f"{POLICY}/partners", {"tenantId": key} | body, add, version)

    def sync(self, tenant: str, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(("PUT", "PATCH", "DELETE")))
        key, version = _near(data, self.plain.tenants[tenant].partners), data.draw(VERSIONS)
        body = _known(data.draw(SYNCS), version)
        path = f"{POLICY}/partners/{key}/identitySynchronization"
        if method == "PUT":
            self.both(tenant, method, path, body, lambda plain: plain.put_sync(key, body, version), version)
        elif method == "PATCH":
            self.both(tenant, method, path, body, lambda plain: plain.change_sync(key, body), version)
        else:
            self.delete(tenant, "sync", key)

    def deleted(self, tenant: str, data: st.DataObject) -> None:
        """Restore or purge something, or delete something first."""
        plain = self.plain.tenants[tenant]
        kind = data.draw(st.sampled_from((*BINS,)))
        there, gone = (
            (plain.partners, plain.deleted_partners) if kind == "partner" else (plain.syncs, plain.deleted_syncs)
        )
        if not gone:
            self.delete(tenant, kind, _near(data, there))
            return
        key, action = _near(data, gone), data.draw(st.sampled_from(("restore", "restore", "restore", "purge")))
        path = f"{DELETED}/{BINS[kind]}/{key}"
        asked = ("DELETE", path) if action == "purge" else ("POST", f"{path}/restore")
        self.both(tenant, *asked, None, lambda plain: getattr(plain, f"{action}_{kind}")(key), "beta")

    def delete(self, tenant: str, kind: str, key: str) -> None:
        path = f"{POLICY}/partners/{key}{'' if kind == 'partner' else '/identitySynchronization'}"
        self.both(tenant, "DELETE", path, None, lambda plain: getattr(plain, f"delete_{kind}")(key))

    def capability(self, tenant: str, data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(("POST", "POST", "PATCH", "DELETE")))
        owner, name = _near(data, self.plain.tenants[tenant].capabilities), data.draw(NAMES)
        body, path = {"inboundAccess": data.draw(ACCESSES)}, f"{_owner(owner)}/m365Capabilities"
        if method == "POST":
            sent = {"@odata.type": f"#microsoft.graph.{name}"} | body
            self.both(tenant, method, path, sent, lambda plain: plain.add_capability(owner, name, body))
        elif method == "PATCH":
            self.both(tenant, method, f"{path}/{name}", body, lambda plain: plain.change_capability(owner, name, body))
        else:
            self.both(tenant, method, f"{path}/{name}", None, lambda plain: plain.delete_capability(owner, name))

    # --- the multitenant organization ------------------------------------------------

    def organization(self, tenant: str, data: st.DataObject) -> None:
        body = data.draw(ORGANIZATIONS)
        if data.draw(st.booleans()):
            self.create(tenant, body)
        else:
            self.all(tenant, "PATCH", MTO, body, lambda plain: plain.change(tenant, body))

    def create(self, tenant: str, body: dict[str, Any]) -> None:
        answer = self.all(tenant, "PUT", MTO, body, lambda plain: plain.create(tenant, body))
        found = self.plain.of(tenant)
        if "error" not in answer and found is not None:
            found.shown["id"] = answer["id"]

    def member(self, tenant: str, data: st.DataObject) -> None:
        method, other = data.draw(st.sampled_from(("POST", "PATCH", "DELETE"))), data.draw(KEYS)
        role = data.draw(st.sampled_from(("owner", "member")))
        path, body = f"{MTO}/tenants/{other}", {"role": role}
        if method == "POST":
            self.add(tenant, other, body)
        elif method == "PATCH":
            self.all(tenant, method, path, body, lambda plain: plain.change_role(tenant, other, role))
        else:
            self.all(tenant, method, path, None, lambda plain: plain.remove(tenant, other))

    def add(self, tenant: str, other: str, body: dict[str, Any]) -> None:
        sent = {"tenantId": other} | body
        self.all(tenant, "POST", f"{MTO}/tenants", sent, lambda plain: plain.add(tenant, other, body))

    def join(self, tenant: str, data: st.DataObject) -> None:
        self.ask_to_join(tenant, data.draw(st.sampled_from((*IDS, NOBODY))))

    def ask_to_join(self, tenant: str, added_by: str) -> None:
        body = {"addedByTenantId": added_by}
        self.all(tenant, "PATCH", f"{MTO}/joinRequest", body, lambda plain: plain.ask_to_join(tenant, added_by))

    def gather(self, tenant: str, _: st.DataObject | None = None) -> None:
        """Get far with one step: an owner adds the others, and they ask to join."""
        self.create(tenant, {"displayName": "x"})
        for other in IDS:
            self.add(tenant, other, {})
            self.ask_to_join(other, tenant)

    def scatter(self, tenant: str, _: st.DataObject) -> None:
        """Come back with one step: every tenant leaves, this one last."""
        for other in sorted(IDS, key=lambda each: each == tenant):
            path = f"{MTO}/tenants/{other}"
            self.all(other, "DELETE", path, None, lambda plain, other=other: plain.remove(other, other))  # type: ignore[misc]

    # --- time, restarts and what is seen ---------------------------------------------

    def wait(self, _: str, data: st.DataObject) -> None:
        passed = data.draw(st.sampled_from((timedelta(minutes=59), timedelta(hours=1), timedelta(days=29, hours=23))))
        self.plain.time += passed
        self.real.time += passed

    def restart(self, _tenant: str, _data: st.DataObject) -> None:
        self.real.restart()

    def look(self, tenant: str, _: st.DataObject | None = None) -> None:
        """Compare everything that a tenant can read."""
        self.plain.begin()
        for path, expected in self._seen(tenant):
            status, found = self.real.ask(tenant, "GET", f"/beta{path}")
            assert status == 200, (path, found)
            self._same(tenant, path, expected, found)

    def _seen(self, tenant: str) -> Iterator[tuple[str, Any]]:
        plain = self.plain.tenants[tenant]
        for place, (attribute, *_) in PLACES.items():
            yield POLICY + place, getattr(plain, attribute)
        partners = [
            plain.partners[key] | {"identitySynchronization": plain.syncs.get(key)} for key in sorted(plain.partners)
        ]
        yield f"{POLICY}/partners?$expand=identitySynchronization", partners
        for key, partner in plain.partners.items():
            yield f"{POLICY}/partners/{key}", partner
        for key, sync in plain.syncs.items():
            yield f"{POLICY}/partners/{key}/identitySynchronization", sync
        for owner, found in plain.capabilities.items():
            yield f"{_owner(owner)}/m365Capabilities", [_typed(found[name]) for name in sorted(found)]
        for kind, items in (("partner", plain.deleted_partners), ("sync", plain.deleted_syncs)):
            yield f"{DELETED}/{BINS[kind]}", [items[key] for key in sorted(items)]
        yield MTO, self.plain.organization(tenant)
        yield f"{MTO}/tenants", self.plain.members(tenant)
        yield f"{MTO}/joinRequest", self.plain.join_request(tenant)

    # --- asking both -----------------------------------------------------------------

    def both(
        self,
        tenant: str,
        method: str,
        path: str,
        body: Any,
        expected: Callable[[PlainTenant], int],
        version: str = "v1.0",
    ) -> None:
        """Ask the application and the tenant of the model."""
        self.plain.begin()
        plain = self.plain.tenants[tenant]
        status = _status(lambda: expected(plain))
        self._compare(tenant, (method, f"/{version}{path}", body), status, plain.answer)

    def all(
        self, tenant: str, method: str, path: str, body: Any, expected: Callable[[PlainWorld], int]
    ) -> dict[str, Any]:
        """Ask the application and the model for what concerns several tenants, and return the answer."""
        self.plain.begin()
        status = _status(lambda: expected(self.plain))
        found = self._compare(tenant, (method, f"/v1.0{path}", body), status, self.plain.answer)
        return found or {}

    def _compare(self, tenant: str, request: tuple[str, str, Any], status: int, answer: Any) -> Any:
        got, found = self.real.ask(tenant, *request)
        assert got == status, (tenant, *request, found)
        if answer is not None and got < 300:
            shown = _typed(answer) if "inboundAccess" in answer else answer
            version = request[1].split("/")[1]
            self._same(tenant, request[1], _known(shown, version), found)
        return found

    def _same(self, tenant: str, path: str, expected: Any, found: dict[str, Any]) -> None:
        """Compare an answer, but for its context, ids that stay the same, and the words of failures."""
        shown = found["value"] if isinstance(expected, list) else {k: v for k, v in found.items() if k != CONTEXT}
        if isinstance(shown, dict) and "id" in shown and "id" not in expected and path != f"/v1.0{MTO}":
            assert self.ids.setdefault((tenant, path), shown["id"]) == shown["id"]
        for each in shown if isinstance(shown, list) else [shown]:
            if "id" in each and "id" not in expected:
                del each["id"]
            if (each.get("transitionDetails") or {}).get("status") == "failed":
                assert each["transitionDetails"]["details"]
                each["transitionDetails"]["details"] = "<words>"
        assert shown == expected, path


CONTEXT = "@odata.context"


def _putting(body: dict[str, Any]) -> Callable[[PlainTenant], int]:
    return lambda plain: plain.put_sync(SOMEBODY, body, "v1.0")


def _near(data: st.DataObject, there: Iterable[str]) -> str:
    """Draw a key, more often one that is there than not."""
    return data.draw(st.sampled_from([*(sorted(there) * 3), SOMEBODY, SOMEBODY, *IDS]))


@cache
def _signing_keys() -> Path:
    """Make keys once: that takes longer than a round."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    keys.load_or_create(folder / SIGNING_KEYS)
    return folder / SIGNING_KEYS


def _known(body: dict[str, Any], version: str) -> dict[str, Any]:
    return body if version == "beta" else {name: value for name, value in body.items() if name not in BETA}


def _typed(capability: dict[str, Any]) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{capability['name']}"} | capability


def _owner(owner: str) -> str:
    return f"{POLICY}/default" if owner == "default" else f"{POLICY}/partners/{owner}"


def _status(expected: Callable[[], int]) -> int:
    try:
        return expected()
    except Refused:
        return 400


def play(rounds: int, first: int) -> None:
    """Play some rounds of up to STEPS steps each, on a seed."""
    chosen = settings(max_examples=rounds, stateful_step_count=STEPS, deadline=None, database=None)
    run_state_machine_as_test(seed(first)(Playing), settings=chosen)


def test_every_answer_is_that_of_a_plain_model() -> None:
    play(30, 0)
