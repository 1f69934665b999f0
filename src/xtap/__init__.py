"""xtap: the cross-tenant access policy system of Microsoft Graph, open and self-hosted.

The engine in four lines: policies of two tenants, one access, the answer, and why.

>>> import xtap
>>> policies = xtap.load(
...     {"tenantId": "11111111-1111-4111-8111-111111111111", "displayName": "contoso"},
...     {"tenantId": "22222222-2222-4222-8222-222222222222", "displayName": "fabrikam"},
... )
>>> access = xtap.Access(
...     home=policies.named("fabrikam"), resource=policies.named("contoso"), channel=xtap.Channel.DIRECT_CONNECT
... )
>>> decision = xtap.decide(policies, access)
>>> print(decision.outcome, decision.error_code)
blocked AADSTS500212
>>> print(xtap.explain(decision).user)
Your own organization does not allow this; ask its administrator (AADSTS500212).

What stands in ``__all__`` is public. It is imported when it is first used, so that ``import xtap`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xtap.files import load
    from xtap.semantics.crossing import Decision
    from xtap.semantics.decision import Outcome
    from xtap.semantics.explain import explain
    from xtap.semantics.policies import Policies
    from xtap.semantics.questions import compare, decide, effective, repair
    from xtap.semantics.request import Access, Channel, Claims, Control, Requirements

__version__ = "0.1.0"

__all__ = [
    "Access",
    "Channel",
    "Claims",
    "Control",
    "Decision",
    "Outcome",
    "Policies",
    "Requirements",
    "compare",
    "decide",
    "effective",
    "explain",
    "load",
    "repair",
]

_HOMES = {
    "Access": "xtap.semantics.request",
    "Channel": "xtap.semantics.request",
    "Claims": "xtap.semantics.request",
    "Control": "xtap.semantics.request",
    "Decision": "xtap.semantics.crossing",
    "Outcome": "xtap.semantics.decision",
    "Policies": "xtap.semantics.policies",
    "Requirements": "xtap.semantics.request",
    "compare": "xtap.semantics.questions",
    "decide": "xtap.semantics.questions",
    "effective": "xtap.semantics.questions",
    "explain": "xtap.semantics.explain",
    "load": "xtap.files",
    "repair": "xtap.semantics.questions",
}


if not TYPE_CHECKING:  # for type checkers a name that is not imported above does not exist

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'xtap' has no attribute '{name}'")
        found: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
