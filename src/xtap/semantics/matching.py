"""Which listed targets does an access match, on both sides at once? As one number, under which its finding is kept.

Most accesses match what others matched before. The number says which user or group and which application is named in
each setting, so accesses with one number share outcome, reasons and steps. It is worked out in one pass that makes no
objects; ``Gate.check`` says the same in words, and is asked for the first access with a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xtap.semantics.gate import Gate
    from xtap.semantics.request import Access

Listed = tuple[bool, dict[str, int], frozenset[str], tuple[tuple[str, int], ...], bool, dict[str, int]]
"""The targets of one gate: everybody, users, groups, groups in the order of preference, everything, applications.

Each target has a number, and any sum of one user or group and one application of each gate is different from all
others. A plain tuple, which Python takes apart faster than one with names.
"""

NO_NUMBER = -1
"""What an access has that matches nobody knows what."""


def listed(gates: Iterable[Gate]) -> tuple[Listed, ...] | None:
    """Return the targets of those gates that do not treat every access alike.

    Returns:
        None if one lists what is not looked up by its id, such as ``Office365``.
    """
    found: list[Listed] = []
    unit = 1
    for gate in gates:
        people, apps = gate.people, gate.apps
        if people.strange or apps.strange or apps.suite or apps.microsoft:
            return None
        if people.everybody and apps.everything:
            continue
        users = {user: unit * place for place, user in enumerate(people.users, 1)}
        groups = tuple((group, unit * place) for place, group in enumerate(sorted(people.groups), len(users) + 1))
        unit *= len(users) + len(groups) + 1
        ids = {app: unit * place for place, app in enumerate(apps.ids, 1)}
        unit *= len(ids) + 1
        found.append((people.everybody, users, people.groups, groups, apps.everything, ids))
    return tuple(found)


def number(gates: tuple[Listed, ...], access: Access) -> int:  # noqa: C901 - a call costs as much as a lookup
    """Return the number of what an access matches; NO_NUMBER if a fact is not known."""
    user, groups, client, resource = access.user, access.groups, access.client_app, access.resource_app
    if user is None or groups is None or client is None or resource is None or access.known_groups is not None:
        return NO_NUMBER
    found = 0
    for everybody, users, teams, in_order, everything, apps in gates:
        if not everybody:
            if user in users:
                found += users[user]
            elif not teams.isdisjoint(groups):
                for group, place in in_order:
                    if group in groups:
                        found += place
                        break
        if not everything:
            if resource in apps:
                found += apps[resource]
            elif client in apps:
                found += apps[client]
    return found
