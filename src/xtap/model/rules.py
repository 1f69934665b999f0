"""Which combinations of settings are refused? Rules over one whole, well-formed document, in two strengths.

``COMPATIBLE`` refuses only what cannot be meant; what the service is known to accept is accepted, and strange
settings are left to ``xtap check``. ``STRICT`` adds the rules of the admin center, which the API itself does not
enforce (semantics section 8.2: three layers that disagree; docs/adr/0006).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import UNSET

from xtap.errors import Violation
from xtap.model.enums import AccessType, IdentityProvider
from xtap.model.ids import is_guid
from xtap.model.policies import Default
from xtap.model.schema import properties
from xtap.model.settings import B2BSetting, InvitationRedemption, TargetConfiguration, TenantRestrictions
from xtap.model.targets import ALL_APPLICATIONS, ALL_MICROSOFT_APPS, ALL_USERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from msgspec import Struct

FALLBACKS = frozenset(
    {
        IdentityProvider.DEFAULT_CONFIGURED_IDP,
        IdentityProvider.EMAIL_ONE_TIME_PASSCODE,
        IdentityProvider.MICROSOFT_ACCOUNT,
    }
)
"""The identity providers that can be the fallback, and only that (semantics R7.3)."""

INBOUND_FOR_EVERYONE = frozenset({"b2bCollaborationInbound", "b2bDirectConnectInbound", "tenantRestrictions"})
"""Settings of the default policy that cannot name single foreign users or groups (semantics R3.15)."""


class Strength(StrEnum):
    """How much is refused."""

    COMPATIBLE = "compatible"
    STRICT = "strict"


def check(document: Struct, names: Iterable[str], strength: Strength) -> Iterator[Violation]:
    """Yield every rule that the named properties of a well-formed document break."""
    known = properties(type(document))
    for name in names:
        value = getattr(document, known[name].attribute)
        if name == "allowedRoleTemplateIds":
            yield from _roles(value, f"$.{name}")
        elif isinstance(value, InvitationRedemption):
            yield from _redemption(value, f"$.{name}")
        elif strength is Strength.STRICT and isinstance(value, B2BSetting | TenantRestrictions):
            for path, message in _portal(value, name, is_default=isinstance(document, Default)):
                yield Violation(f"$.{name}{path}", message, "PortalRule")


def _roles(ids: Iterable[str], path: str) -> Iterator[Violation]:
    """Template ids of directory roles are GUIDs; which of them exist is another service's matter."""
    for index, each in enumerate(ids):
        if not is_guid(each):
            yield Violation(
                f"{path}[{index}]", f"'{each[:64]}' is no template id of a directory role. Expected a GUID."
            )


def _redemption(value: InvitationRedemption, path: str) -> Iterator[Violation]:
    """Semantics R7.3: three primary providers at most once each, one fallback of the other three."""
    primary = value.primary_identity_provider_precedence_order
    path_primary = f"{path}.primaryIdentityProviderPrecedenceOrder"
    for provider in sorted(FALLBACKS.intersection(primary)):
        yield Violation(path_primary, f"'{provider}' can only be the fallbackIdentityProvider.")
    if len(set(primary)) < len(primary):
        yield Violation(path_primary, "An identity provider is listed twice. List each one once.")
    if value.fallback_identity_provider not in FALLBACKS:
        message = (
            f"'{value.fallback_identity_provider}' cannot be the fallback. Expected: {', '.join(sorted(FALLBACKS))}."
        )
        yield Violation(f"{path}.fallbackIdentityProvider", message)


def _portal(setting: B2BSetting | TenantRestrictions, name: str, *, is_default: bool) -> Iterator[tuple[str, str]]:
    """Yield (path below the setting, message) for each rule of the admin center that the setting breaks."""
    people, apps = setting.users_and_groups, setting.applications
    for half, value in (("usersAndGroups", people), ("applications", apps)):
        if value is UNSET:
            yield "", f"'{half}' is missing. Configure users and applications together."
        else:
            yield from _mixed(value, half)
    if people is UNSET or apps is UNSET:
        return
    if is_default and name in INBOUND_FOR_EVERYONE and not _names(people, ALL_USERS):
        yield (
            ".usersAndGroups.targets",
            "The default policy cannot name users or groups of unknown tenants: use 'AllUsers'.",
        )
    if not is_default and name == "b2bDirectConnectInbound" and not _names(people, ALL_USERS):
        yield ".usersAndGroups.targets", "B2B direct connect inbound is for 'AllUsers' or nobody."
    yield from _conflict(people, apps)


def _mixed(value: TargetConfiguration, half: str) -> Iterator[tuple[str, str]]:
    names = {target.target for target in value.targets}
    for keyword in (ALL_USERS, ALL_APPLICATIONS):
        if keyword in names and len(names) > 1:
            yield f".{half}.targets", f"'{keyword}' cannot stand beside other targets: it covers them."
    if ALL_MICROSOFT_APPS in names:
        yield f".{half}.targets", f"'{ALL_MICROSOFT_APPS}' is no longer offered: list the applications by id."


def _conflict(people: TargetConfiguration, apps: TargetConfiguration) -> Iterator[tuple[str, str]]:
    """Blocking everybody goes with blocking every application, and letting people in with some application."""
    nobody = people.access_type is AccessType.BLOCKED and _names(people, ALL_USERS)
    nothing = apps.access_type is AccessType.BLOCKED and _names(apps, ALL_APPLICATIONS)
    if nobody and not nothing:
        yield ".applications", "All users are blocked: block all applications too."
    if nothing and not nobody:
        yield ".usersAndGroups", "All applications are blocked: block all users too."


def _names(value: TargetConfiguration, keyword: str) -> bool:
    return any(target.target == keyword for target in value.targets)
