"""Which question is asked? One access of one person of one tenant to one application of another, with known facts only.

A fact that is not known is None, never a guess; identifiers are compared in lower case, whoever wrote them.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr

from xtap.errors import InvalidInput
from xtap.model.ids import TenantId


class Channel(StrEnum):
    """The way in which somebody crosses the border; settings of one say nothing about another (XT-SCOPE-4)."""

    COLLABORATION = "b2bCollaboration"
    DIRECT_CONNECT = "b2bDirectConnect"
    SERVICE_PROVIDER = "serviceProvider"


class Control(StrEnum):
    """What a Conditional Access policy of the resource tenant may demand."""

    MFA = "mfa"
    COMPLIANT_DEVICE = "compliantDevice"
    HYBRID_JOINED_DEVICE = "hybridJoinedDevice"
    APPROVED_APPLICATION = "approvedApplication"
    COMPLIANT_APPLICATION = "compliantApplication"
    PASSWORD_CHANGE = "passwordChange"  # noqa: S105 - a control, not a password
    TERMS_OF_USE = "termsOfUse"


class Requirements(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What Conditional Access of the resource tenant demands of this access.

    Attributes:
        controls: the controls.
        any_of: whether one of the controls or the strength is enough (grant operator OR); otherwise all are needed.
        authentication_strength: methods that an authentication strength accepts; None if none is demanded.
    """

    controls: frozenset[Control] = frozenset()
    any_of: bool = False
    authentication_strength: frozenset[str] | None = None


class Claims(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What the session in the home tenant proves; None is "not known".

    Attributes:
        mfa: multifactor authentication was done there.
        compliant_device: the device is compliant there.
        hybrid_joined_device: the device is joined to a domain and registered there.
        methods: authentication methods that were used there, as authentication strengths name them.
    """

    mfa: bool | None = None
    compliant_device: bool | None = None
    hybrid_joined_device: bool | None = None
    methods: frozenset[str] | None = None


NO_CLAIMS_KNOWN = Claims()


class Access(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One access; identifiers are lowered when it is made.

    Attributes:
        home: the tenant of the person's account.
        resource: the tenant that owns the application or its data.
        channel: how the border is crossed.
        user: object id of the person in the home tenant.
        groups: object ids of all groups of the home tenant that the person belongs to, nested ones too.
        known_groups: the groups of which it is known whether the person belongs to them; None for all.
        client_app: application id of the client.
        resource_app: application id of the resource.
        claims: what the home session proves.
        requires: what Conditional Access demands; None if that is not asked about.
        is_entra_account: whether the account is one of Microsoft Entra; guests with other accounts are not governed.
    """

    home: TenantId
    resource: TenantId
    channel: Channel = Channel.COLLABORATION
    user: str | None = None
    groups: frozenset[str] | None = None
    known_groups: frozenset[str] | None = None
    client_app: str | None = None
    resource_app: str | None = None
    claims: Claims = NO_CLAIMS_KNOWN
    requires: Requirements | None = None
    is_entra_account: bool = True

    def __post_init__(self) -> None:
        """Lower every identifier: a block list must not be passed by writing an id in capitals."""
        try:
            self._lower()
        except (AttributeError, TypeError):
            raise InvalidInput.at("$", "The identifiers of an access are text, its groups a set of text.") from None

    def _lower(self) -> None:
        if self.user and self.client_app and self.resource_app and isinstance(self.groups, frozenset):
            # One look at all of them: most are lower already.
            text = "".join((self.home, self.resource, self.user, self.client_app, self.resource_app, *self.groups))
            if text == text.lower():
                return
        force_setattr(self, "home", TenantId(self.home.lower()))
        force_setattr(self, "resource", TenantId(self.resource.lower()))
        force_setattr(self, "user", _lowered(self.user))
        force_setattr(self, "client_app", _lowered(self.client_app))
        force_setattr(self, "resource_app", _lowered(self.resource_app))
        if self.groups is not None:
            force_setattr(self, "groups", frozenset(map(str.lower, self.groups)))


def _lowered(identifier: str | None) -> str | None:
    """An empty identifier is one that is not known."""
    return identifier.lower() if identifier else None
