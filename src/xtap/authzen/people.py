"""Who is the person in a request? Home tenant, object id and groups: from the request, else from the directory.

The directory fills only what the caller may see and only for questions about now, because it has no history. A group
that it does not hold stays not known. Guests and external members stand in it without living there: where they live is
not known from it, whatever the request says, and their object ids are not those that policies name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from xtap.errors import InvalidInput
from xtap.model.ids import GUID, TenantId, is_guid
from xtap.service.directory import Directory
from xtap.service.disclosure import View

if TYPE_CHECKING:
    from xtap.authzen.messages import PersonProperties


class Known(Struct, frozen=True, gc=False):
    """What is known of a person; None is "not known".

    Attributes:
        home: the home tenant.
        user: object id there.
        groups: ids of the groups there.
        known_groups: the groups of which membership is known at all; None for every group.
        disabled: whether the home tenant's directory says now that the account cannot sign in.
    """

    home: TenantId | None
    user: str | None
    groups: frozenset[str] | None
    known_groups: frozenset[str] | None = None
    disabled: bool = False


class People(Struct, frozen=True, gc=False):
    """The people that one caller may look up.

    Attributes:
        tenant: the caller's, where people without a tenant are looked for.
        view: whose directories may be read.
        directory: the directories of all tenants.
        now: whether the question is about now.
    """

    tenant: TenantId
    view: View
    directory: Directory
    now: bool

    async def known(self, name: str, person: PersonProperties) -> Known:
        """Return what is known of a person.

        Args:
            name: object id, user principal name or mail address.
            person: what the request says.

        Raises:
            InvalidInput: an id is none.
        """
        given = tenant_of(person.tenant_id, "$.subject.properties.tenantId")
        groups = None if person.groups is None else _groups(person.groups)
        home = given or self.tenant
        found = await self.directory.person(home, name) if self.view.shows(home) else None
        if found is None:
            return await self._not_found(given, name, groups)
        if found.user.is_external:
            return Known(None, None, groups)
        disabled = self.now and not found.user.account_enabled
        if groups is not None or not self.now:
            return Known(home, found.user.id, groups, disabled=disabled)
        return Known(home, found.user.id, found.groups, found.known, disabled)

    async def _not_found(self, given: TenantId | None, name: str, groups: frozenset[str] | None) -> Known:
        """Return what is known of somebody whom no directory of the home tenant describes.

        Where the person lives is not known if the server knows the contrary of what the request says: a member of the
        caller's tenant, or an address in another tenant's domain. The id of a guest object is named by no policy.
        """
        own = None  # where nothing else is given, the caller's tenant was asked already
        if given is not None and given != self.tenant:
            own = await self.directory.person(self.tenant, name)
        lives_here = own is not None and not own.user.is_external
        if given is not None and (lives_here or await self.directory.owner(name) not in {None, given}):
            return Known(None, None, groups)
        return Known(given, known_id(name) if own is None else None, groups)


@lru_cache(maxsize=4_096)
def tenant_of(text: str | None, path: str) -> TenantId | None:
    """Read a tenant id that may be left out.

    Raises:
        InvalidInput: it is none.
    """
    if text is None:
        return None
    if not is_guid(text):
        raise InvalidInput.at(path, f"{path}: Expected a tenant id (GUID), found '{text[:64]}'.")
    return TenantId(text.lower())


def _groups(ids: tuple[str, ...]) -> frozenset[str]:
    if not all(map(GUID.fullmatch, ids)):
        path, found = "$.subject.properties.groups", next(text for text in ids if not is_guid(text))
        raise InvalidInput.at(path, f"{path}: Expected object ids of groups (GUID), found '{found[:64]}'.")
    return frozenset(ids)


def known_id(text: str | None) -> str | None:
    """Policies list ids only, so a name that is no id can neither be looked up nor be ruled out."""
    return text if text is not None and GUID.fullmatch(text) else None
