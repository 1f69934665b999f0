"""The other engines: how do Cedar (cedarpy), Rego (regopy) and Casbin (pycasbin) answer the requests of the workload?

All get the best of several ways that were tried, and more than a server would give them:

* Each home tenant has a program of its own, parsed or compiled before time is taken and picked from a dict by Python.
  One program for all tenants is slower: regopy hands the whole data to each query (0.7 k/s with 1,000 partners, 9 k/s
  with one bundle for each), cedarpy tries each policy (1.7 k/s with 1,000 policies) or reads attributes of prepared
  entities (27 k/s, against 29 k/s here).
* Keywords and access types are resolved when the program is written, so that only lookups remain.
* Casbin's matcher calls a function for each half of a setting, as its own ``keyMatch`` is one: lists in its policy
  lines would be tried one after the other.
* Requests are prepared too: JSON text for cedarpy, the native ``Input`` for regopy. Cedar's idiom of a principal that
  is ``in`` groups makes cedarpy parse entities for each request, which is slower than sets in the context.

What the Python interfaces cost for each request counts: they read and return JSON. ``is_authorized_batch`` was no
faster than single calls once policies are parsed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from casbin import Enforcer, Model
from cedarpy import Entities, PolicySet, is_authorized
from regopy import Input, Interpreter

from benchmarks.positional import OPEN, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.workload import Question
    from xtap.model.ids import TenantId
    from xtap.semantics.documents import Setting


# --- Cedar -----------------------------------------------------------------------


class CedarRequest(NamedTuple):
    home: TenantId
    request: dict[str, object]


class Cedar:
    """One policy for each home tenant; a request must pass every given side.

    cedarpy's own examples hand the text of policies over with each request (``allows_by_text``), which it parses anew;
    ``allows`` has them parsed beforehand.
    """

    def __init__(self, *sides: Mapping[TenantId, Setting]) -> None:
        homes = {home for side in sides for home in side}
        self._texts = {home: _policy([Lists.of(side[home]) for side in sides if home in side]) for home in homes}
        self._programs = {home: PolicySet.from_str(text) for home, text in self._texts.items()}
        self._open_text = _policy([OPEN])
        self._open = PolicySet.from_str(self._open_text)
        self._entities = Entities.from_json_str("[]")

    @staticmethod
    def request(question: Question) -> CedarRequest:
        facts = {
            "user": question.user,
            "groups": list(question.groups),
            "apps": [question.client, question.resource],
        }
        request: dict[str, object] = {
            "principal": {"type": "User", "id": question.user},
            "action": {"type": "Action", "id": "use"},
            "resource": {"type": "Application", "id": question.resource},
            "context": json.dumps(facts),
        }
        return CedarRequest(question.home, request)

    def allows(self, home: TenantId, request: dict[str, object]) -> bool:
        return is_authorized(request, self._programs.get(home, self._open), self._entities).allowed

    def allows_by_text(self, home: TenantId, request: dict[str, object]) -> bool:
        return is_authorized(request, self._texts.get(home, self._open_text), "[]").allowed


def _policy(sides: Iterable[Lists]) -> str:
    return f"permit(principal, action, resource) when {{ {' && '.join(map(_condition, sides))} }};"


def _condition(lists: Lists) -> str:
    users, groups, apps = (json.dumps(sorted(each)) for each in (lists.users, lists.groups, lists.apps))
    listed = f"({users}.contains(context.user) || {groups}.containsAny(context.groups))"
    named = f"{apps}.containsAny(context.apps)"
    if lists.everybody:
        listed = "true"
    if lists.everything:
        named = "true"
    if not (lists.users_allowed or lists.apps_allowed):
        return f"!({listed} && {named})"
    return f"({'' if lists.users_allowed else '!'}{listed} && {'' if lists.apps_allowed else '!'}({named}))"


# --- Casbin ----------------------------------------------------------------------

_MODEL: Final = """
[request_definition]
r = user, groups, client, resource
[policy_definition]
p = users, apps
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = """


class CasbinRequest(NamedTuple):
    home: TenantId
    request: tuple[str, frozenset[str], str, str]


class Casbin:
    """One enforcer for each home tenant; one side."""

    def __init__(self, settings: Mapping[TenantId, Setting]) -> None:
        self._programs = {home: _enforcer(Lists.of(setting)) for home, setting in settings.items()}
        self._open = _enforcer(OPEN)

    @staticmethod
    def request(question: Question) -> CasbinRequest:
        return CasbinRequest(question.home, (question.user, question.groups, question.client, question.resource))

    def allows(self, home: TenantId, request: tuple[str, frozenset[str], str, str]) -> bool:
        return bool(self._programs.get(home, self._open).enforce(*request))


def _enforcer(lists: Lists) -> Enforcer:
    listed, named = "listed(r.user, r.groups)", "named(r.client, r.resource)"
    condition = f"!({listed} && {named})"
    if lists.users_allowed or lists.apps_allowed:
        condition = f"{'' if lists.users_allowed else '!'}{listed} && {'' if lists.apps_allowed else '!'}{named}"
    model = Model()
    model.load_model_from_text(_MODEL + condition)
    enforcer = Enforcer(model)
    enforcer.add_policy("any", "any")
    enforcer.add_function(
        "listed", lambda user, groups: lists.everybody or user in lists.users or not lists.groups.isdisjoint(groups)
    )
    enforcer.add_function(
        "named", lambda client, resource: lists.everything or resource in lists.apps or client in lists.apps
    )
    return enforcer


# --- Rego ------------------------------------------------------------------------


class RegoRequest(NamedTuple):
    home: TenantId
    request: Input


class Rego:
    """One compiled bundle for each home tenant; one side."""

    def __init__(self, settings: Mapping[TenantId, Setting]) -> None:
        self._programs = {home: _bundle(Lists.of(setting)) for home, setting in settings.items()}
        self._open = _bundle(OPEN)
        self._interpreter = Interpreter()

    @staticmethod
    def request(question: Question) -> RegoRequest:
        return RegoRequest(
            question.home,
            Input(
                {
                    "user": question.user,
                    "groups": list(question.groups),
                    "client": question.client,
                    "resource": question.resource,
                }
            ),
        )

    def allows(self, home: TenantId, request: Input) -> bool:
        self._interpreter.set_input(request)
        output = self._interpreter.query_bundle(self._programs.get(home, self._open))
        return bool(output[0].expressions)  # what is not true is undefined; after an error there is no output[0]


def _bundle(lists: Lists) -> object:
    listed = """
        listed if data.users[input.user]
        listed if { some group in input.groups; data.groups[group] }
    """
    named = """
        named if data.apps[input.resource]
        named if data.apps[input.client]
    """
    if lists.everybody:
        listed = "listed := true"
    if lists.everything:
        named = "named := true"
    passes = "both if { listed; named }\npasses if not both"
    if lists.users_allowed or lists.apps_allowed:
        sides = ("listed" if lists.users_allowed else "not listed", "named" if lists.apps_allowed else "not named")
        passes = f"passes if {{ {'; '.join(sides)} }}"
    interpreter = Interpreter()
    interpreter.add_data(
        {"users": _members(lists.users), "groups": _members(lists.groups), "apps": _members(lists.apps)}
    )
    interpreter.add_module("xtap.rego", f"package xtap\nimport rego.v1\n{listed}\n{named}\n{passes}\n")
    return interpreter.build("data.xtap.passes")


def _members(targets: Iterable[str]) -> dict[str, bool]:
    return dict.fromkeys(targets, True)
