"""Which question of xtap does a request ask? Subjects, actions and resources become tenants, people and applications.

    action               subject                                 resource
    b2bCollaboration     user: object id or name                 application: application id
    b2bDirectConnect     user                                    application
    serviceProvider      user                                    application
    tenantRestrictions   user                                    application
    invite               user: mail address                      tenant: tenant id
    crossTenantSync      tenant: the source's tenant id          tenant: the target's

Facts that the request leaves out are filled from the directory; what nobody knows stays unknown. Words of another
vocabulary are no error: no question arises, and nothing is allowed (AuthZEN 1.0, section 4).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from xtap.authzen.messages import ActionProperties, ApplicationProperties, PersonProperties, converted
from xtap.authzen.people import Known, People, known_id, tenant_of
from xtap.errors import InvalidInput
from xtap.model.ids import TenantId
from xtap.semantics.invitation import Invitation
from xtap.semantics.request import NO_CLAIMS_KNOWN, Access, Channel, Control, Requirements
from xtap.semantics.restrictions import ForeignAccess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.authzen.messages import Asked, ConditionalAccess, Context
    from xtap.service.decisions import Moment

ACTIONS: Final = (*Channel, "tenantRestrictions", "invite", "crossTenantSync")
"""Every action that has a meaning, in the order of action searches."""

ENTRA: Final = "azureActiveDirectory"
PROVIDERS: Final = (
    ENTRA,
    "externalFederation",
    "socialIdentityProviders",
    "emailOneTimePasscode",
    "microsoftAccount",
)
"""Where an account may live; another word is refused, because accounts that are not of Entra are not governed."""


class Synchronization(Struct, frozen=True, gc=False):
    """May the source push users into the target?"""

    home: TenantId
    resource: TenantId


class Disabled(Struct, frozen=True, gc=False):
    """The home tenant's directory says that this account cannot sign in: no policy is asked."""

    home: TenantId
    resource: TenantId
    user: str | None


class Incomplete(Struct, frozen=True, gc=False):
    """No question arises: these facts are missing, or these words mean nothing here."""

    missing: tuple[str, ...]


Question: TypeAlias = Access | ForeignAccess | Invitation | Synchronization | Disabled | Incomplete


class Asker(Struct, frozen=True, gc=False):
    """From where is asked?

    Attributes:
        place: the tenant in the address, which then is the resource tenant unless the request names another one.
        people: where facts about people are, that requests leave out.
    """

    place: TenantId | None
    people: People

    async def question(self, request: Asked) -> Question:
        """Return what a request asks.

        Raises:
            InvalidInput: a property is of another type than expected, or an id is none.
        """
        action = request.action.name
        match (action, request.subject.type, request.resource.type):
            case (_, "user", "application") if action in _CHANNELS:
                return await self._access(request, _CHANNELS[action])
            case ("invite", "user", "tenant"):
                return await self._invitation(request)
            case ("crossTenantSync", "tenant", "tenant"):
                return _synchronization(request)
            case ("tenantRestrictions", "user", "application"):
                return await self._restricted(request)
            case _:
                return _meaningless(request)

    async def _access(self, request: Asked, channel: Channel) -> Access | Disabled | Incomplete:
        person, known, application, named = await self._both_ends(request)
        home, resource = known.home, named or self.place
        _require_foreign(person, resource)
        if home is None or resource is None:
            return _incomplete({"subject.properties.tenantId": home, "resource.properties.tenantId": resource})
        if known.disabled:
            return Disabled(home, resource, known.user)
        return Access(
            home=home,
            resource=resource,
            channel=channel,
            user=known.user,
            groups=known.groups,
            known_groups=known.known_groups,
            client_app=known_id(application.client_app_id),
            resource_app=known_id(request.resource.id),
            claims=person.claims or NO_CLAIMS_KNOWN,
            requires=_requirements(request.context.conditional_access),
            is_entra_account=_is_entra(person.identity_provider),
        )

    async def _both_ends(
        self, request: Asked
    ) -> tuple[PersonProperties, Known, ApplicationProperties, TenantId | None]:
        """Read who asks for access, and to what, and the tenant that the resource is said to be in."""
        person = converted(request.subject.properties, PersonProperties, "$.subject.properties")
        application = converted(request.resource.properties, ApplicationProperties, "$.resource.properties")
        named = tenant_of(application.tenant_id, "$.resource.properties.tenantId")
        return person, await self.people.known(request.subject.id, person), application, named

    async def _restricted(self, request: Asked) -> ForeignAccess | Disabled | Incomplete:
        action = converted(request.action.properties, ActionProperties, "$.action.properties")
        policy = tenant_of(action.policy_tenant_id, "$.action.properties.policyTenantId") or self.place
        person, known, application, resource = await self._both_ends(request)
        home = known.home
        _require_foreign(person, resource)
        if action.anonymous:  # nobody's account: there is no home tenant to know
            home = home or resource
        if policy is None or home is None or resource is None:
            return _incomplete(
                {
                    "action.properties.policyTenantId": policy,
                    "subject.properties.tenantId": home,
                    "resource.properties.tenantId": resource,
                }
            )
        if known.disabled and not action.anonymous:
            return Disabled(home, resource, known.user)
        return ForeignAccess(
            policy_tenant=policy,
            home=home,
            resource=resource,
            user=known.user,
            groups=known.groups,
            known_groups=known.known_groups,
            client_app=known_id(application.client_app_id),
            resource_app=known_id(request.resource.id),
            anonymous=action.anonymous,
            signalled=action.signalled,
        )

    async def _invitation(self, request: Asked) -> Invitation | Incomplete:
        action = converted(request.action.properties, ActionProperties, "$.action.properties")
        person = converted(request.subject.properties, PersonProperties, "$.subject.properties")
        home = tenant_of(person.tenant_id, "$.subject.properties.tenantId")
        resource = known_id(request.resource.id)
        address = _ADDRESS.fullmatch(request.subject.id)
        if resource is None or address is None:
            return _incomplete({"resource.id": resource, "subject.id": address and address[0]})
        _require_foreign(person, TenantId(resource.lower()))
        invitation = Invitation(
            resource=TenantId(resource),
            domain=address[1],
            home=home,
            is_entra_account=_is_entra(person.identity_provider),
            allowed_domains=_domains(action.allowed_domains, "allowedDomains"),
            blocked_domains=_domains(action.blocked_domains, "blockedDomains"),
        )
        if invitation.contradicts_itself:
            raise InvalidInput.at("$.subject.properties", _CONTRADICTION.format(person.identity_provider))
        return invitation


def requested_moment(context: Context) -> Moment:
    """Return the moment that a context asks about.

    Raises:
        InvalidInput: a time and versions at once, or a version of something that is no tenant.
    """
    if context.policy_versions is None:
        return context.as_of
    if isinstance(context.as_of, datetime):
        raise InvalidInput.at("$.context", "Name a time ('asOf') or versions ('policyVersions'), not both.")
    return _versions(context.policy_versions, "policyVersions")


def demanded_versions(context: Context) -> Mapping[TenantId, int]:
    """Return the versions that the answer must be made from, or from later ones.

    Raises:
        InvalidInput: a version of something that is no tenant.
    """
    return _versions(context.at_least, "atLeast") if context.at_least else {}


def _versions(given: Mapping[str, int], member: str) -> dict[TenantId, int]:
    path = f"$.context.{member}"
    versions: dict[TenantId, int] = {}
    for tenant, version in given.items():
        key = tenant_of(tenant, path) or TenantId("")
        if key in versions:
            raise InvalidInput.at(path, f"Tenant {key} stands in '{member}' twice.")
        versions[key] = version
    return versions


_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_ADDRESS: Final = re.compile(rf"[^@\s]+@({_DOMAIN.pattern})")
"""A mail address; names in other scripts stand in their ASCII form, as domain lists have them."""

_CONTRADICTION: Final = (
    "$.subject.properties: 'tenantId' names a Microsoft Entra tenant, and identityProvider '{}' an account that is in "
    "none. Leave one of them out."
)
"""Which of both is wrong cannot be guessed: without the tenant its policy, and the inviter's, would not count."""

_CHANNELS: Final[Mapping[str, Channel]] = {str(channel): channel for channel in Channel}
_CONTROLS: Final = tuple((control, str(control.name).lower()) for control in Control)


def _requirements(demanded: ConditionalAccess | None) -> Requirements | None:
    if demanded is None:
        return None
    return Requirements(
        controls=frozenset(control for control, name in _CONTROLS if getattr(demanded, name)),
        any_of=demanded.operator == "OR",
        authentication_strength=demanded.authentication_strength,
    )


def _synchronization(request: Asked) -> Synchronization | Incomplete:
    source, target = known_id(request.subject.id), known_id(request.resource.id)
    if source is None or target is None:
        return _incomplete({"subject.id": source, "resource.id": target})
    return Synchronization(TenantId(source.lower()), TenantId(target.lower()))


def _meaningless(request: Asked) -> Incomplete:
    if request.action.name not in ACTIONS:
        return Incomplete((f"the meaning of action '{request.action.name[:64]}'",))
    kinds = f"subject type '{request.subject.type[:64]}' with resource type '{request.resource.type[:64]}'"
    return Incomplete((f"the meaning of {kinds}",))


def _incomplete(facts: Mapping[str, str | None]) -> Incomplete:
    return Incomplete(tuple(name for name, value in facts.items() if value is None))


def _require_foreign(person: PersonProperties, resource: TenantId | None) -> None:
    """Refuse a guest whose home is the resource tenant: whoever asks took the tenant of the guest object for it."""
    path = "$.subject.properties.tenantId"
    if person.user_type == "Guest" and resource is not None and tenant_of(person.tenant_id, path) == resource:
        message = f"{path}: A guest does not live in the resource tenant. Name the tenant where the account lives."
        raise InvalidInput.at(path, message)


def _is_entra(provider: str) -> bool:
    if provider not in PROVIDERS:
        path = "$.subject.properties.identityProvider"
        raise InvalidInput.at(path, f"{path}: Expected one of {', '.join(PROVIDERS)}, found '{provider[:64]}'.")
    return provider == ENTRA


def _domains(names: frozenset[str] | None, member: str) -> frozenset[str] | None:
    """Read a list of domains: a block list with an entry that can match nothing would let through what it names."""
    for name in sorted(names or ()):
        if not _DOMAIN.fullmatch(name):
            path = f"$.action.properties.{member}"
            raise InvalidInput.at(path, f"{path}: Expected domains such as 'mail.example', found '{name[:64]}'.")
    return names
