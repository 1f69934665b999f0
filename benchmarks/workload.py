"""What do the decision engines answer? The benchmark workload of decisions: policies drawn by lot, and requests.

One resource tenant has 1,000 partners. Each has an inbound collaboration setting with 20 user and group targets (10 %
also carry ``AllUsers``) and 10 of 500 applications (10 % also carry ``AllApplications``), access types by lot; what the
partners leave out comes from the defaults. Requests have a user, 5 groups, a client and a resource application; half
come from partners. Targets and requests are drawn from the same few people and groups of each tenant, so that every
cell of the 2x2 rule matches often.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from xtap.model.ids import TenantId
from xtap.semantics.documents import Default, Partner, Setting, Target, TargetList, TenantPolicy
from xtap.semantics.request import Access

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTNERS: Final = 1_000
HOMES: Final = 100
"""Home tenants with outbound settings of their own, in the two-sided workload."""

REQUESTS: Final = 100_000
GROUPS: Final = 5
"""Of the person, in each request."""

PEOPLE, TEAMS = 40, 30
"""Users and groups of a tenant that targets and requests name."""


class Question(NamedTuple):
    """One request as plain arguments."""

    home: TenantId
    user: str
    groups: frozenset[str]
    client: str
    resource: str


class Workload(NamedTuple):
    """Policies and the requests to them.

    Attributes:
        resource: the policy of the tenant that owns the applications.
        homes: policies of the tenants that people come from.
        questions: the requests.
        accesses: the same requests as our engine takes them.
    """

    resource: TenantPolicy
    homes: tuple[TenantPolicy, ...]
    questions: tuple[Question, ...]
    accesses: tuple[Access, ...]


def identifier(kind: str, number: int, of: int = 0) -> str:
    """Return the id of a tenant (``a``), user (``b``), group (``c``) or application (``d``)."""
    return f"{kind}{number:07x}-{of:04x}-4000-8000-0000000{of:05x}"


def tenant(number: int) -> TenantId:
    return TenantId(identifier("a", number))


APPLICATIONS: Final = tuple(identifier("d", number) for number in range(500))
RESOURCE: Final = tenant(0)


def one_sided(requests: int = REQUESTS) -> Workload:
    """The resource tenant decides; no home tenant configured anything."""
    lot = random.Random(20_26)
    homes = tuple(TenantPolicy(tenant_id=tenant(number)) for number in range(1, 2 * PARTNERS + 1))
    return _workload(lot, homes, range(1, PARTNERS + 1), requests)


def two_sided(requests: int = REQUESTS) -> Workload:
    """Both sides decide: the partners that ask have outbound settings toward the resource tenant."""
    lot = random.Random(20_27)
    homes = [
        TenantPolicy(tenant_id=tenant(number), partners={RESOURCE: outbound(lot, number)})
        for number in range(1, HOMES + 1)
    ]
    strangers = (TenantPolicy(tenant_id=tenant(number)) for number in range(PARTNERS + 1, PARTNERS + HOMES + 1))
    return _workload(lot, (*homes, *strangers), range(1, HOMES + 1), requests)


def _workload(lot: random.Random, homes: tuple[TenantPolicy, ...], known: Sequence[int], requests: int) -> Workload:
    partners = {tenant(number): inbound(lot, number) for number in range(1, PARTNERS + 1)}
    resource = TenantPolicy(tenant_id=RESOURCE, default=Default(is_service_default=True), partners=partners)
    strangers = range(PARTNERS + 1, PARTNERS + 1 + len(known))
    questions = tuple(question(lot, lot.choice(lot.choice((known, strangers)))) for _ in range(requests))
    return Workload(resource, homes, questions, tuple(map(access, questions)))


def inbound(lot: random.Random, number: int) -> Partner:
    return Partner(tenant_id=tenant(number), b2b_collaboration_inbound=setting(lot, number))


def outbound(lot: random.Random, number: int) -> Partner:
    return Partner(tenant_id=RESOURCE, b2b_collaboration_outbound=setting(lot, number))


def setting(lot: random.Random, number: int) -> Setting:
    """Draw a setting about the people of a home tenant."""
    people = [Target(identifier("b", each, number), "user") for each in lot.sample(range(PEOPLE), 10)]
    people += [Target(identifier("c", each, number), "group") for each in lot.sample(range(TEAMS), 10)]
    applications = [Target(each, "application") for each in lot.sample(APPLICATIONS, 10)]
    if lot.random() < 0.1:
        people[0] = Target("AllUsers", "user")
    if lot.random() < 0.1:
        applications[0] = Target("AllApplications", "application")
    return Setting(_list(lot, people), _list(lot, applications))


def _list(lot: random.Random, targets: list[Target]) -> TargetList:
    return TargetList(lot.choice(("allowed", "blocked")), tuple(targets))


def question(lot: random.Random, number: int) -> Question:
    """Draw a request of a person of a home tenant."""
    user = identifier("b", lot.randrange(PEOPLE), number)
    groups = frozenset(identifier("c", each, number) for each in lot.sample(range(TEAMS), GROUPS))
    client, resource = lot.sample(APPLICATIONS, 2)
    return Question(tenant(number), user, groups, client, resource)


def access(asked: Question) -> Access:
    return Access(
        home=asked.home,
        resource=RESOURCE,
        user=asked.user,
        groups=asked.groups,
        client_app=asked.client,
        resource_app=asked.resource,
    )


def changed(policy: TenantPolicy, count: int) -> TenantPolicy:
    """Return the policy with new inbound settings for so many of its partners."""
    lot = random.Random(20_28)
    partners = dict(policy.partners)
    for number in range(1, count + 1):
        partners[tenant(number)] = inbound(lot, number)
    return replace(policy, partners=partners)
