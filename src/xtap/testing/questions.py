"""Which shapes do the cases of ``conformance/decisions`` have? Questions and expected answers of every kind, strictly.

The JSON Schema of the case files is made from these types. Questions are those of ``xtap.semantics``, but a member that
nobody knows is refused: a fact that is misspelt must not be passed over.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from xtap.semantics.decision import ConsentPrompt, Direction, Outcome
from xtap.semantics.effective import Origin
from xtap.semantics.invitation import Invitation
from xtap.semantics.redemption import Invitee, RedeemedBy
from xtap.semantics.request import Access, Claims, Requirements
from xtap.semantics.restrictions import ForeignAccess
from xtap.semantics.trust import Fulfilment

TenantDocument: TypeAlias = dict[str, Any]
"""One tenant's document, as ``xtap.semantics.loading`` reads it."""


class HomeClaims(Claims, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the home session proves."""


NO_CLAIMS = HomeClaims()


class Demands(Requirements, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What Conditional Access demands."""


class AccessQuestion(Access, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """May this person use this application? Also asked by ``trust``, which looks at trust alone."""

    claims: HomeClaims = NO_CLAIMS
    requires: Demands | None = None


class EffectiveQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Which settings of ``tenant`` count for ``other``?"""

    tenant: str
    other: str


class RestrictionsQuestion(ForeignAccess, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """May this account be used on the network or device of ``policyTenant``?"""


class InviteQuestion(Invitation, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """May somebody of this domain be invited?"""


class SyncQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """May ``source`` synchronize its users into ``target``?"""

    source: str
    target: str


class RedeemInvitee(Invitee, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is known of the invited person."""


class RedeemQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Who redeems an invitation of ``tenant``?"""

    tenant: str
    invitee: RedeemInvitee


class By(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose setting decides; members that are left out are not compared, null is "there is none"."""

    rule: str | UnsetType = UNSET
    tenant: str | UnsetType | None = UNSET
    direction: Direction | UnsetType | None = UNSET
    setting: str | UnsetType | None = UNSET
    origin: Origin | UnsetType | None = UNSET


class Answered(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An expected answer; members that are left out are not compared."""

    outcome: Outcome
    error_code: str | UnsetType | None = UNSET
    decided_by: By | UnsetType = UNSET
    missing: tuple[str, ...] | UnsetType = UNSET


class AccessAnswered(Answered, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An expected answer to one access."""

    consent: ConsentPrompt | UnsetType | None = UNSET
    trust: dict[str, Fulfilment] | UnsetType = UNSET


class WordedAnswer(Answered, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An expected answer that may have the service's words."""

    message: str | UnsetType | None = UNSET


class EffectiveAnswered(Struct, frozen=True, forbid_unknown_fields=True):
    """Expected settings; null if the tenant is not known."""

    settings: dict[str, Any] | None
    missing: tuple[str, ...] | UnsetType = UNSET


class RedeemAnswered(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is expected to redeem."""

    provider: RedeemedBy
    missing: tuple[str, ...] | UnsetType = UNSET


class CaseShape(Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", forbid_unknown_fields=True):
    """One fact about what policies mean.

    Attributes:
        id: unique among all files.
        origin: the documentation page that says so, or "rule XT-…" for what this project chose.
        tenants: documents of all tenants that are known.
        applied: rules that the answer must follow from.
        not_applied: rules that must not have a part in it.
    """

    id: str
    origin: str
    tenants: tuple[TenantDocument, ...]
    applied: tuple[str, ...] = ()
    not_applied: tuple[str, ...] = ()


class DecideCase(CaseShape, frozen=True, kw_only=True, tag="decide"):
    """One access over both tenants' policies."""

    question: AccessQuestion
    expected: AccessAnswered


class TrustCase(CaseShape, frozen=True, kw_only=True, tag="trust"):
    """Conditional Access alone, as if nothing else were in the way."""

    question: AccessQuestion
    expected: AccessAnswered


class EffectiveCase(CaseShape, frozen=True, kw_only=True, tag="effective"):
    """The settings that count for one partner."""

    question: EffectiveQuestion
    expected: EffectiveAnswered


class RestrictionsCase(CaseShape, frozen=True, kw_only=True, tag="restrictions"):
    """A foreign account on one's own network."""

    question: RestrictionsQuestion
    expected: Answered


class InviteCase(CaseShape, frozen=True, kw_only=True, tag="invite"):
    """An invitation."""

    question: InviteQuestion
    expected: WordedAnswer


class SyncCase(CaseShape, frozen=True, kw_only=True, tag="sync"):
    """Cross-tenant synchronization."""

    question: SyncQuestion
    expected: WordedAnswer


class RedeemCase(CaseShape, frozen=True, kw_only=True, tag="redeem"):
    """The redemption of an invitation."""

    question: RedeemQuestion
    expected: RedeemAnswered


class Topic(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of cases; ``anchors`` holds what several of them share, and means nothing by itself."""

    topic: str
    cases: tuple[DecideCase | TrustCase | EffectiveCase | RestrictionsCase | InviteCase | SyncCase | RedeemCase, ...]
    anchors: Any = None
