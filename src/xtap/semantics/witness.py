"""Which accesses do two settings judge differently? A finite search: listed ids, and one of everything else.

Whoever the user is, each list either names them or not; so all users fall into at most four classes for two lists,
and so do the applications. One candidate for each class is enough, and what they find is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

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

_PASSES = Verdict.PASSES
EVERYTHING: Final = (True,) * 9
"""Every cell passes where there is no setting."""

Class: TypeAlias = tuple[int, int]
"""What two lists answer: 0 no, 1 yes, 2 not known, for the first and the second."""


BOTH_WAYS: Final = 2
"""Kinds of difference between two settings: who passes only before, and who only after."""


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
    first, second = _passing(before), _passing(after)
    applications = _apps(before, after)
    for people, (user, groups) in _people(before, after):
        for apps, (client, resource) in applications:
            passed, passes = first[3 * people[0] + apps[0]], second[3 * people[1] + apps[1]]
            if passed is passes or passes in found:
                continue
            found[passes] = Witness(user, groups, client, resource)
            if len(found) == BOTH_WAYS:
                return found
    return found


def passing(*gates: Gate | None) -> Witness | None:
    """Return an access that passes one or two settings alike, None if there is none."""
    first, last = gates[0], gates[-1]
    passes_first, passes_last = _passing(first), _passing(last)
    applications = _apps(first, last)
    for people, (user, groups) in _people(first, last):
        for apps, (client, resource) in applications:
            if passes_first[3 * people[0] + apps[0]] and passes_last[3 * people[1] + apps[1]]:
                return Witness(user, groups, client, resource)
    return None


def _passing(gate: Gate | None) -> tuple[bool, ...]:
    """Return for each cell of ``Gate.verdicts`` whether one passes for certain."""
    return EVERYTHING if gate is None else tuple([verdict is _PASSES for verdict in gate.verdicts])


def _people(before: Gate | None, after: Gate | None) -> Iterator[tuple[Class, tuple[str, frozenset[str]]]]:
    """Yield one person of each class, each looked for when it is asked for."""
    one = NOBODY_LISTED if before is None else before.people
    two = NOBODY_LISTED if after is None else after.people
    seen: set[Class] = set()
    for user, groups in _candidates(one, two):
        key = _answer(one.match(user, groups)), _answer(two.match(user, groups))
        if key not in seen:
            seen.add(key)
            yield key, (user, groups)


def _candidates(one: People, two: People) -> Iterator[tuple[str, frozenset[str]]]:
    nobody = _unlisted(one.users, two.users)
    yield nobody, frozenset()
    users = _parts(one.users, two.users)
    for user in users:
        if user is not None:
            yield user, frozenset()
    groups = _parts(one.groups, two.groups)
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


def _apps(before: Gate | None, after: Gate | None) -> list[tuple[Class, tuple[str, str]]]:
    """Return one pair of applications (client, resource) of each class."""
    one = NOTHING_LISTED if before is None else before.apps
    two = NOTHING_LISTED if after is None else after.apps
    first, second = _named(one), _named(two)
    nothing = _unlisted(first, second)
    only_one, only_two, both = _parts(first, second)
    candidates = [(nothing, nothing), *((app, app) for app in (only_one, only_two, both) if app is not None)]
    if only_one is not None and only_two is not None:
        candidates.append((only_one, only_two))
    found: dict[Class, tuple[str, str]] = {}
    for client, resource in candidates:
        found.setdefault(
            (_answer(one.match(client, resource)), _answer(two.match(client, resource))), (client, resource)
        )
    return [*found.items()]


def _named(apps: Apps) -> frozenset[str]:
    microsoft = OFFICE_365_APPLICATIONS if apps.microsoft else apps.suite
    return apps.ids | microsoft if microsoft else apps.ids


def _parts(one: frozenset[str], two: frozenset[str]) -> tuple[str | None, str | None, str | None]:
    """Return one id that only the first set has, one that only the second has, one that both have."""
    return min(one - two, default=None), min(two - one, default=None), min(one & two, default=None)


def _unlisted(one: frozenset[str], two: frozenset[str]) -> str:
    name = STRANGER
    while name in one or name in two:
        name = f"{name[:-12]}{int(name[-12:], 16) + 1:012x}"
    return name


def _answer(matched: str | None) -> int:
    return 2 if matched is None else 1 if matched else 0
