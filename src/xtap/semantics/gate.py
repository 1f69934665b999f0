"""Does one side let an access pass? One setting, compiled: who is listed, which applications, and the 2x2 rule.

Matching answers three ways: the target that matched, "" for no match, None for "not known" (XT-USER-5, XT-APP-6).
The verdict is taken from a table of nine cells, so that unknown facts count only where they decide.

    users    applications   passes                    rule
    allowed  allowed        listed and listed         XT-CELL-1
    allowed  blocked        listed and not listed     XT-CELL-2
    blocked  allowed        not listed and listed     XT-CELL-3
    blocked  blocked        not (listed and listed)   XT-CELL-4
"""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, json

from xtap.model.enums import AccessType, TargetType
from xtap.model.ids import GUID, TenantId, is_guid
from xtap.model.targets import ALL_APPLICATIONS, ALL_MICROSOFT_APPS, ALL_USERS, OFFICE_365
from xtap.semantics.effective import EffectiveSetting, Property

if TYPE_CHECKING:
    from xtap.semantics.documents import TargetList
    from xtap.semantics.request import Access


class _Suite(Struct, rename="camel"):
    as_of: str
    applications: dict[str, str]


_SUITE = json.decode(Path(__file__).with_name("office365.json").read_bytes(), type=_Suite)

OFFICE_365_APPLICATIONS = frozenset(_SUITE.applications)
"""Ids of the applications that the keyword ``Office365`` stands for; dated data, see the file (R3.20)."""

NOBODY: frozenset[str] = frozenset()


class Verdict(IntEnum):
    """What one side says; UNKNOWN when a fact is missing that would decide."""

    BLOCKS = 0
    PASSES = 1
    UNKNOWN = 2


class People(Struct, frozen=True, gc=False):
    """The users and groups of a setting.

    Attributes:
        allowed: whether the list allows; otherwise it blocks.
        everybody: whether ``AllUsers`` is listed.
        users: listed user ids.
        groups: listed group ids.
        strange: whether a target is listed that no rule knows; it may be anybody.
    """

    allowed: bool
    everybody: bool
    users: frozenset[str]
    groups: frozenset[str]
    strange: bool

    def match(self, user: str | None, groups: frozenset[str] | None, known: frozenset[str] | None = None) -> str | None:
        """Return the target that names this person, "" if none does, None if that is not known.

        Args:
            user: object id, None if not known.
            groups: ids of the person's groups, None if not known.
            known: the groups of which membership is known at all; None for every group.
        """
        if self.everybody:
            return ALL_USERS
        if user in self.users:
            return user
        if groups is not None and not self.groups.isdisjoint(groups):
            return min(self.groups & groups)
        if self.strange or (user is None and self.users) or (groups is None and self.groups):
            return None
        return "" if known is None or self.groups <= known else None


class Apps(Struct, frozen=True, gc=False):
    """The applications of a setting.

    Attributes:
        allowed: whether the list allows; otherwise it blocks.
        everything: whether ``AllApplications`` is listed.
        ids: listed application ids.
        suite: the applications of ``Office365`` if that is listed, otherwise none.
        microsoft: whether ``AllMicrosoftApps`` is listed.
        strange: whether a target is listed that no rule knows; it may be any application.
    """

    allowed: bool
    everything: bool
    ids: frozenset[str]
    suite: frozenset[str]
    microsoft: bool
    strange: bool

    def match(self, client: str | None, resource: str | None) -> str | None:
        """Return the target that names the client or the resource, "" if none does, None if that is not known."""
        if self.everything:
            return ALL_APPLICATIONS
        if resource in self.ids:
            return resource
        if client in self.ids:
            return client
        return self._keyword(client, resource)

    def _keyword(self, client: str | None, resource: str | None) -> str | None:
        if client in self.suite or resource in self.suite:
            return OFFICE_365
        if self.microsoft and (client in OFFICE_365_APPLICATIONS or resource in OFFICE_365_APPLICATIONS):
            return ALL_MICROSOFT_APPS
        if self.strange or self.microsoft:
            return None
        return None if (client is None or resource is None) and (self.ids or self.suite) else ""


class Gate(Struct, frozen=True, gc=False):
    """One setting of one tenant toward another, compiled.

    Attributes:
        tenant: whose setting it is.
        name: which setting.
        setting: where its halves come from.
        people: its users and groups.
        apps: its applications.
        rule: the cell of the 2x2 rule, or XT-CELL-5 for an access type that no rule knows.
        verdicts: the verdict for each pair (people, apps) of no, yes, unknown: at ``3 * people + apps``.
    """

    tenant: TenantId
    name: Property
    setting: EffectiveSetting
    people: People
    apps: Apps
    rule: str
    verdicts: tuple[Verdict, ...]

    def check(self, access: Access) -> Passage:
        """Judge one access."""
        user = self.people.match(access.user, access.groups, access.known_groups)
        app = self.apps.match(access.client_app, access.resource_app)
        cell = (3 if user else 0 if user is not None else 6) + (1 if app else 0 if app is not None else 2)
        return Passage(self, self.verdicts[cell], user, app)

    @property
    def anybody(self) -> Verdict:
        """Say whether some access passes, whoever it is by; UNKNOWN if that hangs on targets that no rule knows."""
        people, apps = self.people, self.apps
        listed_app = bool(apps.ids or apps.suite or apps.microsoft)
        found = {
            self.verdicts[3 * user + app]
            for user in _reachable(people.everybody, bool(people.users or people.groups), people.strange)
            for app in _reachable(apps.everything, listed_app, apps.strange or apps.microsoft)
        }
        return next(verdict for verdict in (Verdict.PASSES, Verdict.UNKNOWN, Verdict.BLOCKS) if verdict in found)


class Passage(Struct, frozen=True, gc=False):
    """What one side says of one access, and which targets matched ("" for none, None for not known)."""

    gate: Gate
    verdict: Verdict
    user: str | None
    app: str | None


def compile_gate(tenant: TenantId, name: Property, setting: EffectiveSetting) -> Gate:
    """Compile a setting for fast judgement."""
    people, apps = setting.users_and_groups.value, setting.applications.value
    rule = _CELLS.get((people.access_type, apps.access_type), "XT-CELL-5")
    return Gate(tenant, name, setting, _people(people), _apps(apps), rule, _VERDICTS[rule])


_CELLS: dict[tuple[str, str], str] = {
    (AccessType.ALLOWED, AccessType.ALLOWED): "XT-CELL-1",
    (AccessType.ALLOWED, AccessType.BLOCKED): "XT-CELL-2",
    (AccessType.BLOCKED, AccessType.ALLOWED): "XT-CELL-3",
    (AccessType.BLOCKED, AccessType.BLOCKED): "XT-CELL-4",
}


def _and(left: bool | None, right: bool | None) -> bool | None:  # noqa: FBT001 - three-valued logic (Kleene)
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _not(value: bool | None) -> bool | None:  # noqa: FBT001 - see _and
    return None if value is None else not value


def _cell(rule: str, listed: bool | None, app: bool | None) -> bool | None:  # noqa: FBT001 - see _and
    match rule:
        case "XT-CELL-1":
            return _and(listed, app)
        case "XT-CELL-2":
            return _and(listed, _not(app))
        case "XT-CELL-3":
            return _and(_not(listed), app)
        case "XT-CELL-4":
            return _not(_and(listed, app))
        case _:
            return False


_WAYS = (False, True, None)
_VERDICT = {False: Verdict.BLOCKS, True: Verdict.PASSES, None: Verdict.UNKNOWN}
_VERDICTS = {
    rule: tuple(_VERDICT[_cell(rule, listed, app)] for listed in _WAYS for app in _WAYS)
    for rule in (*_CELLS.values(), "XT-CELL-5")
}


def _reachable(everything: bool, something: bool, strange: bool) -> list[int]:  # noqa: FBT001 - facts of one list
    """Return which answers of ``match`` some access can get: no (0), yes (1), unknown (2)."""
    if everything:
        return [1]
    return [2 if strange else 0, *([1] if something else [])]


def _people(half: TargetList) -> People:
    listed = _by_kind(half)
    users, others = _ids(listed.pop(TargetType.USER, []))
    groups, strange_groups = _ids(listed.pop(TargetType.GROUP, []))
    return People(
        allowed=half.access_type == AccessType.ALLOWED,
        everybody=ALL_USERS in others,
        users=users,
        groups=groups,
        strange=bool(others - {ALL_USERS} or strange_groups or listed),
    )


def _apps(half: TargetList) -> Apps:
    listed = _by_kind(half)
    ids, others = _ids(listed.pop(TargetType.APPLICATION, []))
    return Apps(
        allowed=half.access_type == AccessType.ALLOWED,
        everything=ALL_APPLICATIONS in others,
        ids=ids,
        suite=OFFICE_365_APPLICATIONS if OFFICE_365 in others else NOBODY,
        microsoft=ALL_MICROSOFT_APPS in others,
        strange=bool(others - _KEYWORDS or listed),
    )


_GUIDS = re.compile(f"{GUID.pattern}(?:,{GUID.pattern})*")
_KEYWORDS = frozenset({ALL_APPLICATIONS, OFFICE_365, ALL_MICROSOFT_APPS})


def _by_kind(half: TargetList) -> dict[str, list[str]]:
    """Return the targets by what they are said to be."""
    found: dict[str, list[str]] = {}
    for target in half.targets:
        found.setdefault(target.target_type, []).append(target.target)
    return found


def _ids(targets: list[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return ids in lower case, and the other targets as they are written."""
    text = ",".join(targets)
    if _GUIDS.fullmatch(text):  # the common list, read at once
        lowered = text.lower()
        return frozenset(targets if lowered == text else lowered.split(",")), NOBODY
    others = frozenset([target for target in targets if not is_guid(target)])
    return frozenset([target.lower() for target in targets if target not in others]), others
