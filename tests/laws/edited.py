"""Bodies of writes drawn by lot: good ones for each kind of object, and others near them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from xtap.model import policies, pristine
from xtap.model.editing import edit
from xtap.model.enums import TemplateApplicationLevel
from xtap.model.ids import TenantId
from xtap.model.rules import FALLBACKS, Strength
from xtap.model.schema import properties
from xtap.model.settings import Applications, InvitationRedemption, TargetConfiguration
from xtap.model.versions import BETA, V1

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy
    from msgspec import Struct

    from xtap.errors import Violation
    from xtap.model.schema import Property

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
PARTNER = TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551")
ID = "6f546279-4da5-4b53-a095-09ea0cef9971"


class Edited(NamedTuple):
    """One kind of object: how it begins, and the type through which a version sees it."""

    name: str
    pristine: Struct
    seen_as: type[Struct]


KINDS = [
    Edited("policy v1.0", pristine.policy(TENANT), V1.policy),
    Edited("policy beta", pristine.policy(TENANT), BETA.policy),
    Edited("default v1.0", pristine.default(TENANT), V1.default),
    Edited("default beta", pristine.default(TENANT), BETA.default),
    Edited("partner v1.0", pristine.partner(PARTNER), V1.partner),
    Edited("partner beta", pristine.partner(PARTNER), BETA.partner),
    Edited("sync v1.0", pristine.identity_sync(PARTNER), V1.identity_sync),
    Edited("sync beta", pristine.identity_sync(PARTNER), BETA.identity_sync),
    Edited("partner template", pristine.partner_template(TENANT), policies.PartnerTemplate),
    Edited("sync template", pristine.sync_template(TENANT), policies.SyncTemplate),
]


def each_kind(test: Any) -> Any:
    """Run a law for every kind of object."""
    return pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)(settings(max_examples=25)(test))


strengths = st.sampled_from(Strength)

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def write(kind: Edited, before: Struct, body: dict[str, Any], strength: Strength) -> tuple[Struct, list[Violation]]:
    return edit(before, body, kind.seen_as, kind.pristine, strength)


def read_only(shape: type[Struct]) -> frozenset[str]:
    names: frozenset[str] = getattr(shape, "READ_ONLY", frozenset())
    return names


def targets_of(shape: type[Struct]) -> SearchStrategy[Any]:
    """Whole lists of a type of target configuration."""
    if issubclass(shape, Applications):
        names = st.sampled_from(("AllApplications", "Office365", ID))
        target = st.fixed_dictionaries({"target": names, "targetType": st.just("application")})
    else:
        people = st.fixed_dictionaries({"target": st.just(ID), "targetType": st.sampled_from(("user", "group"))})
        target = st.just({"target": "AllUsers", "targetType": "user"}) | people
    whole = {"accessType": st.sampled_from(("allowed", "blocked")), "targets": st.lists(target, min_size=1, max_size=3)}
    return st.fixed_dictionaries(whole)


def _redemption() -> SearchStrategy[Any]:
    primary = st.permutations(("azureActiveDirectory", "externalFederation", "socialIdentityProviders"))
    return st.fixed_dictionaries(
        {},
        optional={
            "primaryIdentityProviderPrecedenceOrder": st.builds(lambda order, n: order[:n], primary, st.integers(0, 3)),
            "fallbackIdentityProvider": st.sampled_from(sorted(FALLBACKS)),
        },
    )


def good(shape: type[Struct]) -> SearchStrategy[Any]:
    """Objects of a type that break no rule: any part of the properties, null among them."""
    if issubclass(shape, TargetConfiguration):
        return targets_of(shape)
    if shape is InvitationRedemption:
        return _redemption()
    known = {name: each for name, each in properties(shape).items() if name not in read_only(shape)}
    return st.fixed_dictionaries({}, optional={name: _good_value(each) for name, each in known.items()})


def _good_value(known: Property) -> SearchStrategy[Any]:
    if known.shape is not None:
        return st.none() | good(known.shape)
    if known.type is bool:
        return st.booleans() if known.required else st.none() | st.booleans()
    if known.type is str:
        return st.none() | st.text(max_size=5)
    members: Any = known.type
    one = st.sampled_from([member.value for member in members])
    if known.many:
        return st.lists(one, max_size=3)
    return one if known.type is not TemplateApplicationLevel else st.none() | one


@st.composite
def bodies(draw: DrawFn, kind: Edited) -> dict[str, Any]:
    """Bodies near the type: good values, and anything at all instead of some of them."""
    body = dict(draw(good(kind.seen_as)))
    names = sorted(properties(kind.seen_as))
    for name in draw(st.lists(st.sampled_from(names) | st.text(max_size=12), max_size=3)):
        body[name] = draw(TREES)
    return body


def documents(kind: Edited) -> SearchStrategy[Struct]:
    """Documents that some sequence of two accepted writes leaves behind."""

    def after(changes: list[dict[str, Any]]) -> Struct:
        document = kind.pristine
        for change in changes:
            document, violations = write(kind, document, change, Strength.COMPATIBLE)
            assert violations == []
        return document

    return st.lists(good(kind.seen_as), max_size=2).map(after)
