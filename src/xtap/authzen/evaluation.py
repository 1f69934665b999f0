"""May the subject do this? One evaluation, from the request's words to the answer that the caller may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.authzen.answers import Told, not_understood, told, told_access
from xtap.authzen.questions import Asker, Incomplete, Synchronization, requested_moment
from xtap.semantics.invitation import Invitation, invite
from xtap.semantics.request import Access
from xtap.semantics.restrictions import ForeignAccess, restrict
from xtap.semantics.sync import synchronize
from xtap.service.decisions import Decisions
from xtap.service.directory import Directory
from xtap.service.disclosure import View, require_part, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.authzen.messages import Request
    from xtap.authzen.questions import Question
    from xtap.model.ids import TenantId
    from xtap.semantics.documents import TenantPolicy
    from xtap.service.caller import Caller
    from xtap.service.context import Service
    from xtap.service.decisions import Moment


class DecisionPoint:
    """Answers evaluations over the stored policies.

    Args:
        service: what the server was built with.
    """

    def __init__(self, service: Service) -> None:
        self._operator = service.operator
        self._decisions = Decisions(service)
        self.directory = Directory(service.store)

    def admit(self, caller: Caller) -> View:
        """Let a caller ask, and say what it may see.

        Raises:
            Forbidden: it lacks the permission.
        """
        return view_of(caller, self._operator)

    async def neighbours(self, tenant: TenantId) -> list[TenantId]:
        """Return a tenant and its partners, in the order of their ids."""
        policy = await self._decisions.policy(tenant)
        return sorted({tenant, *(policy.partners if policy is not None else ())})

    async def evaluate(self, caller: Caller, place: TenantId | None, request: Request) -> Told:
        """Answer one evaluation.

        Args:
            caller: who asks; it was admitted.
            place: the tenant in the address, None without.
            request: the question.

        Raises:
            Forbidden: the caller's tenant has no part in the question.
            InvalidInput: a property cannot be understood.
        """
        view = self.admit(caller)
        moment = requested_moment(request.context)
        if isinstance(moment, dict):
            for tenant in moment:
                require_part(view, (tenant,))
        question = await Asker(caller.tenant, place, self.directory).question(request)
        return await self._answer(question, view, moment, full=request.context.explain == "full")

    async def _answer(self, question: Question, view: View, moment: Moment, *, full: bool) -> Told:
        match question:
            case Access():
                require_part(view, (question.home, question.resource))
                compiled = await self._decisions.compiled(question.home, question.resource, question.channel, moment)
                return told_access(compiled.decide(question), compiled, view, full=full)
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
            case Incomplete():
                return not_understood(question.missing)

    async def _policies(
        self, view: View, tenants: tuple[TenantId | None, ...], moment: Moment
    ) -> Mapping[TenantId, TenantPolicy | None]:
        require_part(view, tenants)
        return {tenant: await self._decisions.policy(tenant, moment) for tenant in tenants if tenant is not None}
