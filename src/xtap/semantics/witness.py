"""Which accesses do two settings judge differently? A finite search: listed ids, and one of everything else.

Whoever the user is, each list either names them or not; so all users fall into at most four classes for two lists,
and so do the applications. One candidate for each class is enough, and what they find is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from xtap.semantics.gate import OFFICE_365_APPLICATIONS, Apps, Gate, People, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

STRANGER = "00000000-0000-4000-8000-00000000f00d"
"""A user id, group id or application id that no list names (it is replaced where one does)."""

NOBODY_LISTED = People(allowed=False, everybody=False, users=frozenset(), groups=frozenset(), strange=False)
NOTHING_LISTED = Apps(
    allowed=False, everything=False, ids=frozenset(), suite=frozenset(), microsoft=False, strange=False
)

Class: TypeAlias = tuple[int, int]
"""What two lists answer: 0 no, 1 yes, 2 not known, for the first and the second."""


class Witness(Struct, frozen=True, gc=False):
    """The facts of one access that shows something."""

    user: str
    groups: frozenset[str]
    client_app: str
    resource_app: str


def differences(before: Gate | None, after: Gate | None) -> dict[bool, Witness]:
    """Return an access that passes after and not before (True), and one the other way round (False), if there is one.

    Args:
        before: the first setting; None lets everything pass.
        after: the second setting; None lets everything pass.
    """
    found: dict[bool, Witness] = {}
    applications = _apps(before, after).items()
    for people, (user, groups) in _people(before, after).items():
        for apps, (client, resource) in applications:
            passed, passes = _passes(before, people[0], apps[0]), _passes(after, people[1], apps[1])
            if passed != passes:
                found.setdefault(passes, Witness(user, groups, client, resource))
    return found


def passing(*gates: Gate | None) -> Witness | None:
    """Return an access that passes one or two settings alike, None if there is none."""
    first, last = gates[0], gates[-1]
    applications = _apps(first, last).items()
    for people, (user, groups) in _people(first, last).items():
        for apps, (client, resource) in applications:
            if _passes(first, people[0], apps[0]) and _passes(last, people[1], apps[1]):
                return Witness(user, groups, client, resource)
    return None


def _passes(gate: Gate | None, person: int, app: int) -> bool:
    return gate is None or gate.verdicts[3 * person + app] is Verdict.PASSES


def _people(before: Gate | None, after: Gate | None) -> dict[Class, tuple[str, frozenset[str]]]:
    one = NOBODY_LISTED if before is None else before.people
    two = NOBODY_LISTED if after is None else after.people
    found: dict[Class, tuple[str, frozenset[str]]] = {}
    for user, groups in _candidates(one, two):
        key = _answer(one.match(user, groups)), _answer(two.match(user, groups))
        found.setdefault(key, (user, groups))
    return found


def _candidates(one: People, two: People) -> Iterator[tuple[str, frozenset[str]]]:
    nobody = _unlisted(one.users | two.users)
    users, groups = _parts(one.users, two.users), _parts(one.groups, two.groups)
    yield nobody, frozenset()
    for user in users:
        if user is not None:
            yield user, frozenset()
    for group in groups:
        if group is not None:
            yield nobody, frozenset({group})
    (only_one, only_two, _), (group_one, group_two, _) = users, groups
    if only_one is not None and group_two is not None:
        yield only_one, frozenset({group_two})
    if only_two is not None and group_one is not None:
        yield only_two, frozenset({group_one})
    if group_one is not None and group_two is not None:
        yield nobody, frozenset({group_one, group_two})


def _apps(before: Gate | None, after: Gate | None) -> dict[Class, tuple[str, str]]:
    one = NOTHING_LISTED if before is None else before.apps
    two = NOTHING_LISTED if after is None else after.apps
    first, second = _named(one), _named(two)
    nothing = _unlisted(first | second)
    only_one, only_two, both = _parts(first, second)
    candidates = [(nothing, nothing), *((app, app) for app in (only_one, only_two, both) if app is not None)]
    if only_one is not None and only_two is not None:
        candidates.append((only_one, only_two))
    found: dict[Class, tuple[str, str]] = {}
    for client, resource in candidates:
        found.setdefault(
            (_answer(one.match(client, resource)), _answer(two.match(client, resource))), (client, resource)
        )
    return found


def _named(apps: Apps) -> frozenset[str]:
    return apps.ids | apps.suite | (OFFICE_365_APPLICATIONS if apps.microsoft else frozenset())


def _parts(one: frozenset[str], two: frozenset[str]) -> tuple[str | None, str | None, str | None]:
    """Return one id that only the first set has, one that only the second has, one that both have."""
    return min(one - two, default=None), min(two - one, default=None), min(one & two, default=None)


def _unlisted(listed: frozenset[str]) -> str:
    name = STRANGER
    while name in listed:
        name = f"{name[:-12]}{int(name[-12:], 16) + 1:012x}"
    return name


def _answer(matched: str | None) -> int:
    return 2 if matched is None else 1 if matched else 0
