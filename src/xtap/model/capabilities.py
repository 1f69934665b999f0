"""What is a Microsoft 365 capability? One feature that users of other tenants may use, and which of ours it shows them.

Its name is that of its type; on the wire ``@odata.type`` says it too. A capability without an entry is disabled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct, field

from xtap.model.enums import ResourceType

if TYPE_CHECKING:
    from typing import Final


def _nothing() -> tuple[ResourceScope, ...]:
    """Make the default of a list: a factory, because a default that is a value would be taken for a null."""
    return ()


class ResourceScope(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """m365CapabilityResourceScope: a group or user of this tenant, or with id ``All`` every one of that type."""

    resource_id: str | None = None
    resource_type: ResourceType | None = None


class ResourceScopes(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """m365CapabilityResourceScopes: ``excluded`` wins over ``included``; a list that a write leaves out is empty."""

    included: tuple[ResourceScope, ...] = field(default_factory=_nothing)
    excluded: tuple[ResourceScope, ...] = field(default_factory=_nothing)


class InboundAccess(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """m365CapabilityInboundAccess: may users of the other tenant use it, and toward whom."""

    is_allowed: bool | None = None
    resource_scopes: ResourceScopes | None = None


class Capability(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """m365CapabilityBase: one entry; ``last_modified_date_time`` has seven fractional digits."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"name", "lastModifiedDateTime"})

    name: str
    last_modified_date_time: str
    inbound_access: InboundAccess | None = None


EXCHANGE: Final = frozenset(
    {
        "crossTenantMailTipsAll",
        "crossTenantMailTipsLimited",
        "crossTenantCalendarSharingFreeBusySimple",
        "crossTenantCalendarSharingFreeBusyReviewer",
        "crossTenantCalendarSharingFreeBusyDetail",
    }
)
"""MailTips and calendar free/busy, which an Exchange Administrator may change (wire.md section 6.3)."""

ON_PARTNERS: Final = EXCHANGE | {
    "crossTenantOpenProfileCard",
    "crossTenantCalendarAvailabilityBasic",
    "crossTenantCalendarAvailabilityLimitedDetails",
    "crossTenantPlacesRoomBooking",
    "crossTenantPlacesDeskBooking",
    "crossTenantMigration",
}
"""The capabilities of a partner."""

ON_DEFAULT: Final = ON_PARTNERS | {
    "anonymousCalendarSharingFreeBusySimple",
    "anonymousCalendarSharingFreeBusyReviewer",
    "anonymousCalendarSharingFreeBusyDetail",
}
"""The capabilities of the default policy; an example of the documentation posts crossTenantMigration there."""
