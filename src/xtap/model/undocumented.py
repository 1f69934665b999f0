"""Which keys did people see in answers of the service that stand on no page and in no metadata? Kept if asked for.

Seen in captured beta answers of the default policy only (wire.md section 4). They mean nothing here: no decision
looks at them. Whether they may be written and are shown is a setting of the server (docs/adr/0015).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, UnsetType

from xtap.model.policies import BetaDefault
from xtap.model.settings import AutomaticUserConsent, InboundTrust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.model.schema import Shape


class ObservedInboundTrust(InboundTrust, frozen=True, kw_only=True, rename="camel", gc=False):
    """crossTenantAccessPolicyInboundTrust with what was seen in it."""

    is_compliant_network_accepted: bool | UnsetType = UNSET


class ObservedDefault(BetaDefault, frozen=True, kw_only=True, rename="camel", gc=False):
    """The default policy in beta with what was seen in it; this is the type that is stored."""

    inbound_trust: ObservedInboundTrust | None = None
    cross_cloud_meeting_configuration: AutomaticUserConsent | UnsetType = UNSET
    protected_content_sharing: AutomaticUserConsent | UnsetType = UNSET


OBSERVED: Final[Mapping[Shape, Shape]] = MappingProxyType({BetaDefault: ObservedDefault})
"""The type that takes the place of a documented one where undocumented keys are kept."""
