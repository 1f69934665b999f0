"""Do the engine and the naive evaluator agree on one question? Used by the laws and by the fuzzer."""

from __future__ import annotations

from typing import Any

from msgspec import convert

from tests import naive
from xtap.semantics.loading import tenant_policy
from xtap.semantics.policies import Policies
from xtap.semantics.request import Access


def policies_of(tenants: list[dict[str, Any]]) -> Policies:
    return Policies(tenant_policy(document) for document in tenants)


def disagreement(policies: Policies, tenants: list[dict[str, Any]], question: dict[str, Any]) -> str | None:
    """Return in words how the two differ, None if they agree on outcome, error code and deciding side."""
    decision, expected = policies.decide(convert(question, Access)), naive.decide(tenants, question)
    side = decision.decided_by.direction if decision.outcome == "blocked" else None
    found = (str(decision.outcome), None if side is None else str(side))
    if found != (expected["outcome"], expected["side"]) or decision.error_code not in expected["codes"]:
        return f"engine {found} {decision.error_code}, naive {expected}, of {question} over {tenants}"
    return None
