"""What do a tenant's stored documents mean? A view of one snapshot; partner entries are read only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec import Struct, json

from xtap.model.enums import CloudEndpoint
from xtap.model.ids import TenantId
from xtap.model.objects import SINGLETON, Kind
from xtap.semantics.documents import Default, IdentitySync, Partner, TenantPolicy

if TYPE_CHECKING:
    from xtap.store.snapshot import Snapshot

T = TypeVar("T", bound=Struct)


class _Root(Struct, rename="camel"):
    """What of the root policy decides."""

    allowed_cloud_endpoints: tuple[str, ...] | None = None


_root: Final = json.Decoder(_Root)
_default: Final = json.Decoder(Default)
_partner: Final = json.Decoder(Partner)
_sync: Final = json.Decoder(IdentitySync)
_UNTOUCHED: Final = Default(is_service_default=True)


class _Read(Mapping[TenantId, T], Generic[T]):
    """The documents of one kind in a snapshot, decoded at each access: compiled crossings keep what they need."""

    __slots__ = ("_decoder", "_kind", "_snapshot")

    def __init__(self, snapshot: Snapshot, kind: Kind, decoder: json.Decoder[T]) -> None:
        self._snapshot = snapshot
        self._kind = kind
        self._decoder = decoder

    def __getitem__(self, tenant: TenantId) -> T:
        document = self._snapshot.get(self._kind, tenant)
        if document is None:
            raise KeyError(tenant)
        return self._decoder.decode(document)

    def __iter__(self) -> Iterator[TenantId]:
        return (TenantId(key) for key, _ in self._snapshot.scan(self._kind))

    def __len__(self) -> int:
        return self._snapshot.count(self._kind)


def policy_of(snapshot: Snapshot, cloud: str = CloudEndpoint.COMMERCIAL) -> TenantPolicy:
    """Return the policy that stands in a snapshot; its version is the number of the tenant's last audit record."""
    root, default = snapshot.get(Kind.POLICY, SINGLETON), snapshot.get(Kind.DEFAULT, SINGLETON)
    clouds = None if root is None else _root.decode(root).allowed_cloud_endpoints
    return TenantPolicy(
        tenant_id=snapshot.tenant,
        cloud=cloud,
        allowed_clouds=frozenset(clouds or ()),
        default=_UNTOUCHED if default is None else _default.decode(default),
        partners=_Read(snapshot, Kind.PARTNER, _partner),
        identity_sync=_Read(snapshot, Kind.IDENTITY_SYNC, _sync),
        version=snapshot.sequence,
    )
