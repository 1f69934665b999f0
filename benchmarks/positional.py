"""The reference for decisions: one side of the 2x2 rule over a dict of tuples, positional arguments, no reasons.

About the least that Python can do for one setting: no other tenant, no unknown facts, no keywords but the two that the
workload uses, identifiers compared as they are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xtap.model.ids import TenantId
    from xtap.semantics.documents import Setting


class Lists(NamedTuple):
    """The two lists of a setting, ready to be looked into."""

    users_allowed: bool
    everybody: bool
    users: frozenset[str]
    groups: frozenset[str]
    apps_allowed: bool
    everything: bool
    apps: frozenset[str]

    @classmethod
    def of(cls, setting: Setting) -> Lists:
        people, applications = setting.users_and_groups, setting.applications
        if people is None or applications is None:
            raise ValueError("The workload fills both halves of every setting.")
        targets = {(each.target_type, each.target) for half in (people, applications) for each in half.targets}
        users, groups, apps = (
            frozenset(target for kind, target in targets if kind == wanted)
            for wanted in ("user", "group", "application")
        )
        return cls(
            people.access_type == "allowed",
            "AllUsers" in users,
            users,
            groups,
            applications.access_type == "allowed",
            "AllApplications" in apps,
            apps,
        )


OPEN: Final = Lists(
    users_allowed=True,
    everybody=True,
    users=frozenset(),
    groups=frozenset(),
    apps_allowed=True,
    everything=True,
    apps=frozenset(),
)
"""The service default of collaboration, for tenants without an entry."""


def one_side(settings: Mapping[TenantId, Setting]) -> Callable[[str, str, frozenset[str], str, str], bool]:
    """Return a function that says whether a request passes the setting for its home tenant."""
    table: dict[str, Lists] = {home: Lists.of(setting) for home, setting in settings.items()}

    def passes(home: str, user: str, groups: frozenset[str], client: str, resource: str) -> bool:
        users_allowed, everybody, users, teams, apps_allowed, everything, apps = table.get(home, OPEN)
        listed = everybody or user in users or not teams.isdisjoint(groups)
        named = everything or resource in apps or client in apps
        if users_allowed or apps_allowed:
            return listed is users_allowed and named is apps_allowed
        return not (listed and named)

    return passes
