"""What every write keeps to, whatever the document, the body and the API version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Struct, UnsetType, json, structs

from xtap.model import policies, pristine
from xtap.model.editing import edit
from xtap.model.enums import TemplateApplicationLevel
from xtap.model.flawless import is_flawless
from xtap.model.ids import TenantId
from xtap.model.reading import read_each
from xtap.model.rules import FALLBACKS, Strength
from xtap.model.schema import properties
from xtap.model.settings import Applications, InvitationRedemption, TargetConfiguration, UsersAndGroups
from xtap.model.versions import BETA, V1

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn, SearchStrategy

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


def _read_only(shape: type[Struct]) -> frozenset[str]:
    names: frozenset[str] = getattr(shape, "READ_ONLY", frozenset())
    return names


def _targets(shape: type[Struct]) -> SearchStrategy[Any]:
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
        return _targets(shape)
    if shape is InvitationRedemption:
        return _redemption()
    known = {name: each for name, each in properties(shape).items() if name not in _read_only(shape)}
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


# --- laws --------------------------------------------------------------------


@each_kind
@given(data=st.data(), strength=strengths)
def test_an_empty_change_changes_nothing(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    before = data.draw(documents(kind))
    assert write(kind, before, {}, strength) == (before, [])


@each_kind
@given(data=st.data())
def test_what_is_flawless_reads_the_same_property_by_property(kind: Edited, data: st.DataObject) -> None:
    body = data.draw(bodies(kind))
    assume(is_flawless(body, kind.seen_as))
    each = read_each(body, kind.seen_as)
    assert (each.values, each.violations) == (body, [])


@each_kind
@given(data=st.data())
def test_good_bodies_are_flawless_and_those_with_violations_are_not(kind: Edited, data: st.DataObject) -> None:
    assert is_flawless(data.draw(good(kind.seen_as)), kind.seen_as)
    near = data.draw(bodies(kind))
    assert not (is_flawless(near, kind.seen_as) and read_each(near, kind.seen_as).violations)


@each_kind
@given(data=st.data())
def test_good_bodies_are_accepted(kind: Edited, data: st.DataObject) -> None:
    before, body = data.draw(documents(kind)), data.draw(good(kind.seen_as))
    after, violations = write(kind, before, body, Strength.COMPATIBLE)
    assert violations == []
    for name, value in body.items():
        if isinstance(value, bool | str | list):
            shown = json.decode(json.encode(after))[name]
            assert shown == value


@each_kind
@given(data=st.data(), strength=strengths)
def test_absent_properties_keep_their_value(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    before, body = data.draw(documents(kind)), data.draw(bodies(kind))
    after, _ = write(kind, before, body, strength)
    for field in structs.fields(before):
        if field.encode_name not in body:
            assert getattr(after, field.name) == getattr(before, field.name)


@each_kind
@given(data=st.data(), strength=strengths)
def test_twice_is_as_once(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    before, body = data.draw(documents(kind)), data.draw(bodies(kind))
    once, _ = write(kind, before, body, strength)
    twice, _ = write(kind, once, body, strength)
    assert twice == once


@each_kind
@given(data=st.data())
def test_null_leaves_what_nobody_configured(kind: Edited, data: st.DataObject) -> None:
    before = data.draw(documents(kind))
    known = properties(kind.seen_as)
    names = [name for name in known if name not in _read_only(kind.seen_as) and not known[name].many]
    body = dict.fromkeys(data.draw(st.sets(st.sampled_from(names))))
    after, violations = write(kind, before, body, Strength.STRICT)
    assert violations == []
    for field in structs.fields(before):
        expected = kind.pristine if field.encode_name in body else before
        assert getattr(after, field.name) == getattr(expected, field.name)


@each_kind
@given(data=st.data())
def test_changes_of_different_properties_commute(kind: Edited, data: st.DataObject) -> None:
    before, body = data.draw(documents(kind)), data.draw(good(kind.seen_as))
    assume(len(body) > 1)
    first_names = data.draw(st.sets(st.sampled_from(sorted(body))))
    first = {name: value for name, value in body.items() if name in first_names}
    second = {name: value for name, value in body.items() if name not in first_names}

    def apply(*changes: dict[str, Any]) -> Struct:
        document = before
        for change in changes:
            document, violations = write(kind, document, change, Strength.COMPATIBLE)
            assert violations == []
        return document

    assert apply(first, second) == apply(second, first) == apply(body)


@given(before=documents(KINDS[5]), lists=st.tuples(_targets(UsersAndGroups), _targets(UsersAndGroups)))
def test_collections_are_replaced_whole(before: Struct, lists: tuple[dict[str, Any], dict[str, Any]]) -> None:
    document = before
    for value in lists:
        body = {"b2bCollaborationInbound": {"usersAndGroups": value}}
        document, violations = write(KINDS[5], document, body, Strength.COMPATIBLE)
        assert violations == []
    shown = json.decode(json.encode(document))["b2bCollaborationInbound"]["usersAndGroups"]
    assert shown == lists[1]


@each_kind
@given(data=st.data(), strength=strengths)
def test_any_tree_is_accepted_or_has_violations(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    before = data.draw(documents(kind))
    body = data.draw(st.dictionaries(st.text(max_size=20), TREES, max_size=4) | bodies(kind))
    after, violations = write(kind, before, body, strength)
    if any("@" not in name and name not in properties(kind.seen_as) for name in body):
        assert any(violation.code == "UnknownProperty" for violation in violations)
    assert json.decode(json.encode(after), type=type(after)) == after


@each_kind
@given(data=st.data(), strength=strengths)
def test_what_is_accepted_is_read_back_the_same(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    after, _ = write(kind, data.draw(documents(kind)), data.draw(bodies(kind)), strength)
    encoded = json.encode(after)
    again = json.decode(encoded, type=type(after))
    assert again == after
    assert json.encode(again) == encoded


@each_kind
@given(data=st.data(), strength=strengths)
def test_a_refused_property_keeps_its_value(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    before, body = data.draw(documents(kind)), data.draw(bodies(kind))
    after, violations = write(kind, before, body, strength)
    refused = {_top(violation.path) for violation in violations if violation.code != "PortalRule"}
    for field in structs.fields(before):
        if field.encode_name in refused and not isinstance(getattr(before, field.name), InvitationRedemption):
            assert getattr(after, field.name) == getattr(before, field.name)


@each_kind
@given(data=st.data(), strength=strengths)
def test_every_violation_names_a_place_in_the_body(kind: Edited, data: st.DataObject, strength: Strength) -> None:
    before, body = data.draw(documents(kind)), data.draw(bodies(kind))
    assume(not any(character in name for name in _names(body) for character in ".[]"))
    _, violations = write(kind, before, body, strength)
    places = set(_places(body))
    for violation in violations:
        parent = violation.path.rpartition(".")[0]
        whole = violation.path in places
        gone = violation.code in {"MissingProperty", "PortalRule", "InvalidValue"}
        assert whole or (gone and (parent in places or _top(violation.path) in body)), violation
        assert violation.message.strip()


@each_kind
@given(data=st.data())
def test_a_name_that_differs_in_case_or_underscores_is_refused_with_its_twin(kind: Edited, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(properties(kind.seen_as))))
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    wrong = data.draw(st.sampled_from((name.upper(), snake, name[0].upper() + name[1:], name.capitalize(), f"_{name}")))
    assume(wrong not in properties(kind.seen_as))
    after, (violation,) = write(kind, kind.pristine, {wrong: None}, Strength.COMPATIBLE)
    assert after == kind.pristine
    assert violation.path == f"$.{wrong}"
    assert violation.message.startswith(f"Invalid property '{wrong}'.")
    assert violation.message.endswith(f"did you mean '{name}'?")


@pytest.mark.parametrize("place", range(2, 8, 2), ids=["default", "partner", "sync"])
@given(data=st.data())
def test_what_beta_wrote_is_invisible_and_unknown_to_v1(place: int, data: st.DataObject) -> None:
    old, new = KINDS[place], KINDS[place + 1]
    only_beta = properties(new.seen_as).keys() - properties(old.seen_as).keys()
    assert only_beta
    document = data.draw(documents(new))
    shown = json.decode(json.encode(json.decode(json.encode(document), type=old.seen_as)))
    assert not only_beta & shown.keys()
    _, violations = write(old, document, dict.fromkeys(only_beta), Strength.COMPATIBLE)
    assert {(violation.path, violation.code) for violation in violations} == {
        (f"$.{name}", "UnknownProperty") for name in only_beta
    }
    after, _ = write(old, document, data.draw(good(old.seen_as)), Strength.COMPATIBLE)
    for field in structs.fields(document):
        if field.encode_name in only_beta:
            assert getattr(after, field.name) == getattr(document, field.name)


@each_kind
@given(document=st.data(), tree=TREES)
def test_annotations_are_no_properties(kind: Edited, document: st.DataObject, tree: Any) -> None:
    before = document.draw(documents(kind))
    annotations = {"@odata.type": tree, "tenantId@odata.bind": tree, "@microsoft.graph.tips": tree}
    assert write(kind, before, annotations, Strength.STRICT) == (before, [])


@each_kind
@given(data=st.data())
def test_the_echo_of_an_answer_changes_nothing(kind: Edited, data: st.DataObject) -> None:
    before = data.draw(documents(kind))
    shown = json.decode(json.encode(before), type=kind.seen_as)
    assume(not _has_unset(shown) or kind.name.startswith("partner"))
    echo = json.decode(json.encode(shown))
    assert write(kind, before, echo, Strength.COMPATIBLE) == (before, [])


def _has_unset(value: Any) -> bool:
    if isinstance(value, UnsetType):
        return True
    return isinstance(value, Struct) and any(_has_unset(getattr(value, each.name)) for each in structs.fields(value))


def _top(path: str) -> str:
    return path.removeprefix("$.").split(".")[0].split("[")[0]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _names(member)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _places(value: Any, path: str = "$") -> Iterator[str]:
    yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _places(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, f"{path}[{index}]")


def test_unset_is_what_a_half_filled_setting_has():
    half = {"b2bCollaborationInbound": {"applications": {"accessType": "allowed", "targets": []}}}
    half["b2bCollaborationInbound"]["applications"]["targets"] = [
        {"target": "Office365", "targetType": "application"}  # type: ignore[list-item]
    ]
    after, violations = write(KINDS[5], KINDS[5].pristine, half, Strength.COMPATIBLE)
    assert violations == []
    setting = getattr(after, "b2b_collaboration_inbound")  # noqa: B009 - the static type is Struct
    assert setting.users_and_groups is UNSET
