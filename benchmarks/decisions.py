"""How fast is a decision, and a comparison? Against a positional dict, cedarpy, regopy, casbin, on the same requests.

Run ``python -m benchmarks.decisions``. Every engine answers every request of ``benchmarks.workload`` before time is
taken, and any disagreement ends the run. Then rounds of all engines alternate; slow engines get the first so many of
the requests. Policies are compiled and requests are made beforehand for all of them, ours included; what making ours
costs is a row of its own. All give a boolean; our decision also keeps its reasons, which ``steps`` puts into words.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from itertools import starmap
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from msgspec import json
from msgspec.structs import replace

from benchmarks import workload
from benchmarks.peers import Casbin, Cedar, Rego
from benchmarks.positional import one_side
from benchmarks.table import Row, render
from xtap.semantics.compare import compare
from xtap.semantics.documents import Default, Partner
from xtap.semantics.policies import Policies
from xtap.semantics.request import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from benchmarks.workload import Question, Workload
    from xtap.model.ids import TenantId
    from xtap.semantics.compare import Comparison
    from xtap.semantics.documents import Setting, TenantPolicy

ROUNDS: Final = 7
OF_CEDAR: Final = 5_000
"""Requests of each round of cedarpy."""

OF_REGO: Final = 2_000
"""Requests of each round of regopy."""

OF_CASBIN: Final = 2_000
"""Requests of each round of casbin."""

OF_COMPARE: Final = 20_000
"""Requests that show whether ``compare`` misses anything."""

ALLOWED: Final = attrgetter("allowed")
STEPS: Final = attrgetter("steps")


# --- the sides of a workload -----------------------------------------------------


def inbound(policy: TenantPolicy) -> dict[TenantId, Setting]:
    """Return what a tenant demands of each of its partners."""
    found = {home: partner.b2b_collaboration_inbound for home, partner in policy.partners.items()}
    return {home: setting for home, setting in found.items() if setting is not None}


def outbound(load: Workload) -> dict[TenantId, Setting]:
    """Return what each home tenant demands of the resource tenant."""
    found = ((home.tenant_id, home.partners.get(workload.RESOURCE)) for home in load.homes)
    settings = ((home, partner.b2b_collaboration_outbound) for home, partner in found if partner is not None)
    return {home: setting for home, setting in settings if setting is not None}


def plain(access: Access) -> tuple[str, str, frozenset[str], str, str]:
    """Return an access as the positional dict takes it; an unknown fact matches nothing there."""
    ids = (access.client_app or "", access.resource_app or "")
    return (access.home, access.user or "", access.groups or frozenset(), *ids)


def both_sides(load: Workload) -> Callable[..., bool]:
    """Return the joint answer of two positional dicts."""
    out, into = one_side(outbound(load)), one_side(inbound(load.resource))
    return lambda *question: out(*question) and into(*question)


def policies(load: Workload) -> Policies:
    return Policies((load.resource, *load.homes))


# --- agreement -------------------------------------------------------------------


def agree(questions: Sequence[Question], answers: Mapping[str, Iterable[bool]]) -> None:
    """Compare the answers of all engines.

    Raises:
        AssertionError: two of them disagree about a request, or all always say the same.
    """
    seen = set()
    for question, given in zip(questions, zip(*answers.values(), strict=True), strict=True):
        if len(set(given)) > 1:
            raise AssertionError(f"{dict(zip(answers, given, strict=True))} disagree about {question}")
        seen.add(given[0])
    if seen != {True, False}:
        raise AssertionError(f"The workload decides nothing: all answers are {seen}")


def ours(decider: Policies, accesses: Iterable[Access]) -> Iterator[bool]:
    return map(ALLOWED, map(decider.decide, accesses))


# --- decisions -------------------------------------------------------------------


def rates(contestants: Mapping[str, tuple[int, Callable[[], Iterator[object]]]]) -> dict[str, list[float]]:
    """Let each contestant give so many answers in each of the alternating rounds; return answers a second."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.freeze()  # what stands ready is not walked again and again, for whichever engine collects garbage
    for _ in range(ROUNDS):
        for name, (count, answers) in contestants.items():
            gc.collect()
            start = time.perf_counter()
            deque(answers(), maxlen=0)
            found[name].append(count / (time.perf_counter() - start))
    gc.unfreeze()
    return found


def one_sided(requests: int = workload.REQUESTS) -> list[Row]:
    """Measure where only the resource tenant configured anything."""
    load = workload.one_sided(requests)
    settings = inbound(load.resource)
    decider, reference = policies(load), one_side(settings)
    cedar, rego, casbin = Cedar(settings), Rego(settings), Casbin(settings)
    agree(
        load.questions,
        {
            "xtap": ours(decider, load.accesses),
            "positional dict": starmap(reference, load.questions),
            "cedarpy": starmap(cedar.allows, map(cedar.request, load.questions)),
            "regopy": starmap(rego.allows, map(rego.request, load.questions)),
            "casbin": starmap(casbin.allows, map(casbin.request, load.questions)),
        },
    )
    for_cedar = [cedar.request(question) for question in load.questions[:OF_CEDAR]]
    for_rego = [rego.request(question) for question in load.questions[:OF_REGO]]
    for_casbin = [casbin.request(question) for question in load.questions[:OF_CASBIN]]
    found = rates(
        {
            "xtap": (requests, lambda: ours(decider, load.accesses)),
            "dict": (requests, lambda: starmap(reference, load.questions)),
            "cedarpy": (len(for_cedar), lambda: starmap(cedar.allows, for_cedar)),
            "regopy": (len(for_rego), lambda: starmap(rego.allows, for_rego)),
            "casbin": (len(for_casbin), lambda: starmap(casbin.allows, for_casbin)),
        }
    )
    name, unit = "decision, one side configured, against", "decisions/s"
    return [
        Row.compare(f"{name} a positional dict", found["xtap"], found["dict"], unit=unit),
        Row.compare(f"{name} cedarpy", found["xtap"], found["cedarpy"], unit=unit),
        Row.compare(f"{name} regopy", found["xtap"], found["regopy"], aim="at least 10", unit=unit),
        Row.compare(f"{name} casbin", found["xtap"], found["casbin"], unit=unit),
    ]


def two_sided(requests: int = workload.REQUESTS) -> list[Row]:
    """Measure the joint decision; the positional dict looks at the inbound side only, cedarpy at both."""
    load = workload.two_sided(requests)
    decider, reference = policies(load), one_side(inbound(load.resource))
    cedar = Cedar(outbound(load), inbound(load.resource))
    agree(
        load.questions,
        {
            "xtap": ours(decider, load.accesses),
            "two positional dicts": starmap(both_sides(load), load.questions),
            "cedarpy": starmap(cedar.allows, map(cedar.request, load.questions)),
            "cedarpy by text": starmap(cedar.allows_by_text, map(cedar.request, load.questions)),
        },
    )
    for_cedar = [cedar.request(question) for question in load.questions[:OF_CEDAR]]
    found = rates(
        {
            "xtap": (requests, lambda: ours(decider, load.accesses)),
            "steps": (requests, lambda: map(STEPS, map(decider.decide, load.accesses))),
            "made": (requests, lambda: ours(decider, map(workload.access, load.questions))),
            "dict": (requests, lambda: starmap(reference, load.questions)),
            "cedarpy": (len(for_cedar), lambda: starmap(cedar.allows, for_cedar)),
            "text": (len(for_cedar), lambda: starmap(cedar.allows_by_text, for_cedar)),
        }
    )
    unit = "decisions/s"
    one = "against a positional dict of one side"
    return [
        Row.compare(f"joint decision, {one}", found["xtap"], found["dict"], unit=unit),
        Row.compare(f"joint decision with steps, {one}", found["steps"], found["dict"], aim="at least 0.5", unit=unit),
        Row.compare(f"joint decision, the access made from strings, {one}", found["made"], found["dict"], unit=unit),
        Row.compare(
            "joint decision with steps, against cedarpy as its examples call it, policies given as text",
            found["steps"],
            found["text"],
            aim="at least 40",
            unit=unit,
        ),
        Row.compare(
            "joint decision with steps, against cedarpy, policies parsed before",
            found["steps"],
            found["cedarpy"],
            unit=unit,
        ),
    ]


# --- compare ---------------------------------------------------------------------


def comparisons() -> list[Row]:
    """Measure ``compare`` of two policies that share no object, as two stored versions of one policy."""
    load = workload.one_sided(OF_COMPARE)
    before = load.resource
    counts = {"identical": 0, "one changed": 1, "all changed": workload.PARTNERS}
    cases = {name: read_again(workload.changed(before, count)) for name, count in counts.items()}
    for after in cases.values():
        confirm(compare(before, after), before, after, load.questions)
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, after in cases.items():
            gc.collect()
            start = time.perf_counter()
            compare(before, after)
            taken[name].append((time.perf_counter() - start) * 1e3)
    title = f"compare of {workload.PARTNERS:,} partners, witnesses included"
    return [Row.compare(f"{title}: {name}", taken[name], aim="at most 50", unit="ms") for name in cases]


def confirm(comparison: Comparison, before: TenantPolicy, after: TenantPolicy, questions: Iterable[Question]) -> None:
    """Hold a comparison against positional dicts of both policies.

    Raises:
        AssertionError: a witness does not show its difference, or a request is answered differently for no reason.
    """
    was, now = one_side(inbound(before)), one_side(inbound(after))
    for difference in comparison.differences:
        shown = difference.witness
        if not isinstance(shown, Access):
            raise AssertionError(f"{difference} is none of inbound collaboration")  # noqa: TRY004 - it is a wrong answer
        if (was(*plain(shown)), now(*plain(shown))) != (
            difference.effect == "newlyBlocked",
            difference.effect == "newlyAllowed",
        ):
            raise AssertionError(f"The witness does not show {difference}")
    touched = {difference.other for difference in comparison.differences}
    for question in questions:
        if was(*question) != now(*question) and question.home not in touched:
            raise AssertionError(f"compare does not know that the answer changes to {question}")


def read_again(policy: TenantPolicy) -> TenantPolicy:
    """Return an equal policy that shares no object with the given one."""
    entries = [json.decode(json.encode(partner), type=Partner) for partner in policy.partners.values()]
    return replace(
        policy,
        default=json.decode(json.encode(policy.default), type=Default),
        partners={partner.tenant_id: partner for partner in entries},
    )


def run() -> list[Row]:
    """Measure everything; takes about a minute."""
    return [*one_sided(), *two_sided(), *comparisons()]


if __name__ == "__main__":
    print(render(run()))
