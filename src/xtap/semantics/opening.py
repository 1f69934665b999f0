"""Which smallest change of one setting lets one more access pass, and takes nothing from anybody?

Both halves of a setting are lists, so what it lets pass is a rectangle (users x applications) or the rest around one.
The change grows the rectangle, or shrinks the blocked one, by no more than the form allows:

* a setting that nobody can pass becomes exactly this user with this application;
* an allow list gains the user's id or the resource's id, a block list loses what matched;
* where users *or* applications can be taken from a blocked pair (XT-CELL-4), the one that opens less is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from xtap.model.enums import AccessType, TargetType
from xtap.model.targets import ALL_APPLICATIONS, ALL_MICROSOFT_APPS, ALL_USERS, OFFICE_365
from xtap.semantics.documents import Setting, Target, TargetList
from xtap.semantics.gate import OFFICE_365_APPLICATIONS, Gate, Verdict

if TYPE_CHECKING:
    from xtap.semantics.request import Access

EVERYBODY = TargetList(AccessType.ALLOWED, (Target(ALL_USERS, TargetType.USER),))
EVERYTHING = TargetList(AccessType.ALLOWED, (Target(ALL_APPLICATIONS, TargetType.APPLICATION),))


def opened(gate: Gate, access: Access) -> Setting | None:
    """Return the setting that lets the access pass besides all that passed before.

    Args:
        gate: the setting that blocks it.
        access: who wants to use what.

    Returns:
        None if the facts of the access do not say whom or what to let pass.
    """
    people, apps = gate.setting.users_and_groups.value, gate.setting.applications.value
    user, app = access.user, access.resource_app or access.client_app
    if gate.anybody is Verdict.BLOCKS:
        return None if user is None or app is None else Setting(_only(user), _only_app(app))
    if gate.rule == "XT-CELL-4":
        return _less_blocked(gate, access)
    named, used = gate.check(access).user, gate.check(access).app
    wider_people = _admit(people, named, user, TargetType.USER) if gate.people.allowed else _spare(people, access)
    wider_apps = _admit(apps, used, app, TargetType.APPLICATION) if gate.apps.allowed else _spare_app(apps, access)
    if wider_people is None or wider_apps is None:
        return None
    return Setting(
        wider_people if wider_people.targets else EVERYBODY, wider_apps if wider_apps.targets else EVERYTHING
    )


def _only(user: str) -> TargetList:
    return TargetList(AccessType.ALLOWED, (Target(user, TargetType.USER),))


def _only_app(app: str) -> TargetList:
    return TargetList(AccessType.ALLOWED, (Target(app, TargetType.APPLICATION),))


def _admit(half: TargetList, matched: str | None, name: str | None, kind: TargetType) -> TargetList | None:
    """Add an id to an allow list that does not match yet."""
    if matched:
        return half
    return None if name is None else structs.replace(half, targets=(*half.targets, Target(name, kind)))


def _spare(half: TargetList, access: Access) -> TargetList:
    """Take what names the person from a block list."""
    return structs.replace(half, targets=tuple(target for target in half.targets if not _names(target, access)))


def _names(target: Target, access: Access) -> bool:
    if target.target_type == TargetType.USER:
        return target.target == ALL_USERS or target.target.lower() == access.user
    return target.target_type == TargetType.GROUP and target.target.lower() in (access.groups or ())


def _spare_app(half: TargetList, access: Access) -> TargetList:
    """Take the applications of the access from a block list; of a suite, its other applications stay.

    ``AllMicrosoftApps`` may name any application, so only what it names for certain can stay.
    """
    used = {access.client_app, access.resource_app}
    rest = [Target(each, TargetType.APPLICATION) for each in sorted(OFFICE_365_APPLICATIONS - used)]
    kept: list[Target] = []
    for target in half.targets:
        if target.target_type != TargetType.APPLICATION:
            kept.append(target)
        elif target.target == ALL_MICROSOFT_APPS or (target.target == OFFICE_365 and used & OFFICE_365_APPLICATIONS):
            kept += rest
        elif target.target != ALL_APPLICATIONS and target.target.lower() not in used:
            kept.append(target)
    return structs.replace(half, targets=tuple(dict.fromkeys(kept)))


def _less_blocked(gate: Gate, access: Access) -> Setting:
    people, apps = gate.setting.users_and_groups.value, gate.setting.applications.value
    fewer_people, fewer_apps = _spare(people, access), _spare_app(apps, access)
    if not fewer_people.targets and not fewer_apps.targets:
        return Setting(EVERYBODY, EVERYTHING)
    if _sparing_people_opens_less(gate, access, fewer_people, fewer_apps):
        return Setting(fewer_people, apps) if fewer_people.targets else Setting(EVERYBODY, EVERYTHING)
    return Setting(people, fewer_apps) if fewer_apps.targets else Setting(EVERYBODY, EVERYTHING)


def _sparing_people_opens_less(gate: Gate, access: Access, people: TargetList, apps: TargetList) -> bool:
    """Compare (spared people x listed applications) with (listed people x spared applications).

    If one half loses everything, sparing the other opens a part of the same. A half with a target that no rule knows
    may still name the access, so the other one must spare it. Otherwise neither contains the other; a single person is
    taken for less than an application, an application for less than a group, and that for all that Microsoft makes.
    """
    if not people.targets or not apps.targets:
        return bool(people.targets)
    if gate.people.strange or gate.apps.strange:
        return not gate.people.strange
    if gate.apps.microsoft:
        return True
    return access.user in gate.people.users and gate.people.groups.isdisjoint(access.groups or ())
