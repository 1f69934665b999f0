"""What are a tenant's policies made to be? All of them at once, in one change that the audit log tells of."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from msgspec import Raw, json, structs
from msgspec.structs import replace

from xtap.errors import Forbidden
from xtap.model.audit import Activity
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import Kind
from xtap.model.policies import BetaDefault, BetaIdentitySync, BetaPartner, BetaPolicy
from xtap.model.versions import BETA
from xtap.semantics.loading import NEIGHBOURS, SYNC, tenant_policy
from xtap.service import identity_sync, partners, singletons
from xtap.service.audit import Modification, change
from xtap.service.organization_draft import organization_of
from xtap.service.permissions import DIRECTORY_ROLES, PERMISSIONS
from xtap.service.recycle_bin import NOT_HISTORY
from xtap.store.memory import MemoryStore
from xtap.store.protocol import Change, Write
from xtap.store.snapshot import Snapshot

if TYPE_CHECKING:
    from xtap.model.schema import Document, Json, Shape
    from xtap.service.context import Call, Service

KEPT: Final = frozenset(
    {
        *(Kind.TENANT, Kind.APPLICATION, Kind.USER, Kind.GROUP, Kind.SERVICE_PRINCIPAL, Kind.SECRET),
        Kind.CARRIED_OUT,
    }
)
"""Who lives on the server, and what organizations did to the tenant so far: stays when policies are reset."""


async def reset(service: Service, call: Call) -> None:
    """Bring the tenant of the call back to what nobody configured.

    Its applications and people stay, and so does its place in a multitenant organization.
    """
    tenant = call.caller.tenant
    await restore(service, call, Snapshot(tenant))


async def taken(service: Service, tenant: TenantId) -> Snapshot:
    """Return the state of a tenant, to be restored; who else is in its organization is not of the tenant alone."""
    snapshot = await service.store.snapshot(tenant)
    fellows = await _fellows(service, tenant)
    return snapshot.apply(Change(tuple(structs.replace(each, document=None) for each in fellows.writes)))


async def restore(service: Service, call: Call, wanted: Snapshot) -> None:
    """Bring the policies of the tenant of the call to a state, in the organization that the tenant is in now."""
    wanted = _marked(wanted.apply(await _fellows(service, call.caller.tenant)))
    kinds = [kind for kind in Kind if kind not in KEPT]

    def decide(snapshot: Snapshot) -> Change:
        changes = []
        for kind in kinds:
            before, after = dict(snapshot.scan(kind)), dict(wanted.scan(kind))
            changes += [
                _written(service, call, kind, key, before.get(key), after.get(key))
                for key in before | after
                if before.get(key) != after.get(key)
            ]
        return Change(
            tuple(chain.from_iterable(each.writes for each in changes)),
            tuple(chain.from_iterable(each.audit for each in changes)),
        )

    await service.store.change(call.caller.tenant, decide)


async def seed(service: Service, call: Call, document: Document) -> None:
    """Make the policies of the tenant of the call those of a document (``xtap.semantics.loading``), and nothing else.

    Raises:
        InvalidInput: the document is not understood, or a rule refuses what stands in it; nothing is changed.
        Forbidden: it is the document of another tenant.
    """
    tenant = tenant_policy(document).tenant_id
    if tenant != call.caller.tenant:
        raise Forbidden(
            "A token seeds its own tenant.",
            (f"The document is of tenant {tenant}, the token of {call.caller.tenant}.",),
        )
    administrator = replace(
        call.caller,
        is_application=False,
        permissions=frozenset(PERMISSIONS),
        directory_roles=frozenset({DIRECTORY_ROLES["Global Administrator"]}),
    )
    scratch = replace(service, store=MemoryStore())
    fellows = await _fellows(service, tenant)
    await scratch.store.change(tenant, lambda _: fellows)
    await _write(scratch, structs.replace(call, caller=administrator, version=BETA, is_retry=False), document)
    await restore(service, call, await scratch.store.snapshot(tenant))


async def _fellows(service: Service, tenant: TenantId) -> Change:
    """Return the change that says who is in the tenant's multitenant organization."""
    organization = organization_of(await service.store.snapshot(DIRECTORY), tenant)
    active = () if organization is None else organization.active()
    return Change(tuple(Write(Kind.FELLOW, each.tenant_id, b"true") for each in active if each.tenant_id != tenant))


def _marked(wanted: Snapshot) -> Snapshot:
    """Return a state whose partners are marked as being in the organization if they are fellows, and only then."""
    writes = []
    for key, document in wanted.scan(Kind.PARTNER):
        partner = json.decode(document, type=BetaPartner)
        is_fellow = wanted.get(Kind.FELLOW, key) is not None
        if partner.is_in_multi_tenant_organization is not is_fellow:
            marked = structs.replace(partner, is_in_multi_tenant_organization=is_fellow)
            writes.append(Write(Kind.PARTNER, key, json.encode(marked)))
    return wanted.apply(Change(tuple(writes)))


async def _write(scratch: Service, call: Call, document: Document) -> None:
    """Write what a document says into a store of its own, by the rules that every write is held to."""
    if policy := _object(document.get("policy")):
        await singletons.update(scratch, call, singletons.POLICY, _own(policy, BetaPolicy))
    default = _object(document.get("default"))
    if default and default.get("isServiceDefault") is not True:
        await singletons.update(scratch, call, singletons.DEFAULT, _own(default, BetaDefault))
    listed = document.get("partners")
    items = listed.get("value") if isinstance(listed, dict) else listed
    for partner in map(_object, items if isinstance(items, list) else ()):
        tenant_id = TenantId(str(partner["tenantId"]).lower())
        body = _own(partner, BetaPartner) | {"tenantId": tenant_id}
        sync = _object(body.pop(SYNC, None))
        await partners.create(scratch, call, body)
        if partner.get("isInMultiTenantOrganization") is True:
            await _join(scratch, call.caller.tenant, tenant_id)
        if sync:
            await identity_sync.put(scratch, call, tenant_id, _own(sync, BetaIdentitySync))


async def _join(scratch: Service, tenant: TenantId, partner: TenantId) -> None:
    """Say of a partner what no client may write: that it is in the multitenant organization."""

    def decide(snapshot: Snapshot) -> Change:
        stored = json.decode(snapshot.get(Kind.PARTNER, partner) or b"", type=BetaPartner)
        joined = structs.replace(stored, is_in_multi_tenant_organization=True)
        return Change((Write(Kind.PARTNER, partner, json.encode(joined)), Write(Kind.FELLOW, partner, b"true")))

    await scratch.store.change(tenant, decide)


def _written(service: Service, call: Call, kind: Kind, key: str, before: bytes | None, after: bytes | None) -> Change:
    if kind in NOT_HISTORY or kind is Kind.FELLOW:
        return Change((Write(kind, key, after),))
    old, new = (None if each is None else Raw(each) for each in (before, after))
    return change(service, call, Modification(Activity.EMULATE, kind, key, old, new))


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}


def _own(document: Document, shape: Shape) -> Document:
    """Return what a client may write of an exported object."""
    read_only: frozenset[str] = getattr(shape, "READ_ONLY", frozenset())
    return {name: _plain(value) for name, value in document.items() if name not in read_only and _known(name)}


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items() if _known(name)}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _known(name: str) -> bool:
    return "@" not in name and name not in NEIGHBOURS
