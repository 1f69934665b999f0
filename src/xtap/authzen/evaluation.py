"""May the subject do this? One evaluation, from the request's words to the answer that the caller may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from xtap.authzen.answers import Answers, Told, disabled, not_understood, told
from xtap.authzen.people import People
from xtap.authzen.questions import Asker, Disabled, Incomplete, Synchronization, demanded_versions, requested_moment
from xtap.model.ids import TenantId
from xtap.semantics.invitation import Invitation, invite
from xtap.semantics.request import Access
from xtap.semantics.restrictions import ForeignAccess, restrict
from xtap.semantics.sync import synchronize
from xtap.service import consistency
from xtap.service.caller import Caller
from xtap.service.decision_log import Entry
from xtap.service.decisions import Decisions
from xtap.service.directory import Directory
from xtap.service.disclosure import View, require_part, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.authzen.messages import Asked, Context
    from xtap.authzen.questions import Question
    from xtap.semantics.documents import TenantPolicy
    from xtap.service.context import Service
    from xtap.service.decision_log import DecisionLog
    from xtap.service.decisions import Moment


class Enquiry(Struct, frozen=True, gc=False):
    """One request over HTTP.

    Attributes:
        caller: who asks.
        view: whose settings it may see.
        place: the tenant in the address, None without.
        request_id: of the request, as the client named it.
        draw: drawn for the request, 0 to 1: decides whether what is allowed is noted in the log.
        until: how long the request may wait for the policy versions that it demands (``consistency.patience``).
        versions: the latest policy version that the answers so far were made from, by tenant.
    """

    caller: Caller
    view: View
    place: TenantId | None
    request_id: str
    draw: float = 0.0
    until: float = 0.0
    versions: dict[str, int] = {}

    def take_in(self, answer: Told) -> None:
        """Remember the versions that an answer was made from."""
        for tenant, version in answer.summary.policy_versions.items():
            if self.versions.get(tenant, -1) < version:
                self.versions[tenant] = version


class DecisionPoint:
    """Answers evaluations over the stored policies.

    Args:
        service: what the server was built with.
        log: where decisions are noted, None for nowhere.
    """

    def __init__(self, service: Service, log: DecisionLog | None = None) -> None:
        self._log = log
        self._operator = service.operator
        self._store = service.store
        self._decisions = Decisions(service)
        self._answers = Answers()
        self.directory = Directory(service.store)

    def admit(self, caller: Caller) -> View:
        """Let a caller ask, and say what it may see.

        Raises:
            Forbidden: it lacks the permission.
        """
        return view_of(caller, self._operator)

    async def catch_up(self, enquiry: Enquiry, demanded: Mapping[TenantId, int], named_in: str) -> None:
        """Wait until this node knows the policy versions that a whole request demands.

        Args:
            enquiry: who asks.
            demanded: the versions, by tenant.
            named_in: the part of the request that names them.

        Raises:
            Forbidden: one is of a tenant whose policy the caller may not see.
            Unavailable: one did not come in time.
        """
        consistency.require_visible(enquiry.view, demanded, named_in)
        await consistency.require(self._store, demanded, enquiry.until)

    async def neighbours(self, tenant: TenantId) -> list[TenantId]:
        """Return a tenant and its partners, in the order of their ids."""
        policy = await self._decisions.policy(tenant)
        return sorted({tenant, *(policy.partners if policy is not None else ())})

    async def evaluate(self, enquiry: Enquiry, request: Asked, *, noted: bool = True) -> Told:
        """Answer one evaluation.

        Args:
            enquiry: who asks, and where.
            request: the question.
            noted: whether the decision goes into the log; searches try what nobody asked for.

        Raises:
            Forbidden: the caller's tenant has no part in the question.
            InvalidInput: a property cannot be understood.
        """
        view = enquiry.view
        moment = requested_moment(request.context)
        if isinstance(moment, dict):
            consistency.require_visible(view, moment, "policyVersions")
        question: Question | None = await self._behind(enquiry, request.context) if request.context.at_least else None
        if question is None:
            people = People(enquiry.caller.tenant, view, self.directory, now=moment is None)
            question = await Asker(enquiry.place, people).question(request)
        found = await self._answer(question, view, moment, full=request.context.explain == "full")
        enquiry.take_in(found)
        if noted and self._log is not None:
            self._log.note(_entry(enquiry, request, question, found), enquiry.draw)
        return found

    async def _behind(self, enquiry: Enquiry, context: Context) -> Incomplete | None:
        """Say that a version which the question demands is not known here, if it does not come in time."""
        demanded = demanded_versions(context)
        consistency.require_visible(enquiry.view, demanded, "atLeast")
        lacking = await consistency.lacking(self._store, demanded, enquiry.until)
        if lacking is None:
            return None
        return Incomplete((f"version {lacking.demanded} of the policy of tenant {lacking.tenant}",))

    async def _answer(self, question: Question, view: View, moment: Moment, *, full: bool) -> Told:
        match question:
            case Access():
                require_part(view, (question.home, question.resource))
                compiled = await self._decisions.compiled(question.home, question.resource, question.channel, moment)
                return self._answers.told(compiled.decide(question), compiled, view, full=full)
            case ForeignAccess():
                tenant = question.policy_tenant
                require_part(view, (tenant, question.home, question.resource))
                policy = await self._decisions.policy(tenant, moment)
                return told(restrict(policy, question), view, {tenant: policy}, full=full)
            case Invitation():
                policies = await self._policies(view, (question.home, question.resource), moment)
                home = None if question.home is None else policies[question.home]
                return told(invite(home, policies[question.resource], question), view, policies, full=full)
            case Synchronization():
                ids = (question.home, question.resource)
                policies = await self._policies(view, ids, moment)
                source, target = policies[question.home], policies[question.resource]
                return told(synchronize(source, target, ids), view, policies, full=full)
            case Disabled():
                require_part(view, (question.home, question.resource))
                return disabled()
            case Incomplete():
                return not_understood(question.missing)

    async def _policies(
        self, view: View, tenants: tuple[TenantId | None, ...], moment: Moment
    ) -> Mapping[TenantId, TenantPolicy | None]:
        require_part(view, tenants)
        return {tenant: await self._decisions.policy(tenant, moment) for tenant in tenants if tenant is not None}


def _entry(enquiry: Enquiry, request: Asked, question: Question, found: Told) -> Entry:
    entry = Entry(
        request_id=enquiry.request_id,
        caller=enquiry.caller.tenant,
        client=enquiry.caller.client_id,
        action=request.action.name[:64],
        decision=found.decision,
        summary=found.summary,
    )
    match question:
        case Access() | ForeignAccess():
            policy = question.policy_tenant if isinstance(question, ForeignAccess) else None
            return replace(
                entry,
                home=question.home,
                resource=question.resource,
                policy_tenant=policy,
                user=question.user or request.subject.id[:128],
                client_app=question.client_app,
                resource_app=question.resource_app,
            )
        case Disabled():
            return replace(entry, home=question.home, resource=question.resource, user=question.user)
        case Invitation() | Synchronization():
            return replace(entry, home=question.home, resource=question.resource)
        case Incomplete():
            return entry
