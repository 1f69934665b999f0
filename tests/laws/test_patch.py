"""What every write keeps to, whatever the document, the body and the API version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import UNSET, Struct, UnsetType, json, structs

from tests.laws.edited import (
    KINDS,
    TREES,
    Edited,
    bodies,
    documents,
    each_kind,
    good,
    read_only,
    strengths,
    targets_of,
    write,
)
from xtap.model.flawless import is_flawless
from xtap.model.reading import read_each
from xtap.model.rules import Strength
from xtap.model.schema import properties
from xtap.model.settings import InvitationRedemption, UsersAndGroups

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    names = [name for name in known if name not in read_only(kind.seen_as) and not known[name].many]
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


@given(before=documents(KINDS[5]), lists=st.tuples(targets_of(UsersAndGroups), targets_of(UsersAndGroups)))
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
