"""An access is the same however its identifiers are written, and whatever kind of collection its groups come in."""

from __future__ import annotations

from typing import Any

import pytest

from xtap.errors import InvalidInput
from xtap.semantics.request import Access

A, B, C, D, E = (f"{letter * 8}-0000-4000-8000-00000000000{letter}" for letter in "abcde")
MEMBERS: dict[str, Any] = {"home": A, "resource": B, "user": C, "client_app": D, "resource_app": E}


@pytest.mark.parametrize("capital", [*MEMBERS, "groups"])
@pytest.mark.parametrize("left_out", [None, "user", "client_app", "resource_app", "groups"])
def test_identifiers_are_lowered_whichever_is_in_capitals(capital: str, left_out: str | None) -> None:
    members = MEMBERS | {"groups": frozenset({A, B})}
    members.pop(left_out or "", None)
    if capital in members:
        value = members[capital]
        written = value.upper() if isinstance(value, str) else frozenset({A, B.upper()})
        assert Access(**members | {capital: written}) == Access(**members)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
@pytest.mark.parametrize("ids", [(C, D), (C, D.upper()), ()])
def test_groups_are_a_set_whatever_they_came_in(kind: type[Any], ids: tuple[str, ...]) -> None:
    made = Access(**MEMBERS, groups=kind(ids))
    assert isinstance(made.groups, frozenset)
    assert made.groups == {each.lower() for each in ids}
    assert hash(made) == hash(Access(**MEMBERS, groups=frozenset(map(str.lower, ids))))


@pytest.mark.parametrize("member", [*MEMBERS, "groups"])
def test_what_is_no_text_is_refused(member: str) -> None:
    wrong = {member: frozenset({7}) if member == "groups" else 7}
    with pytest.raises(InvalidInput, match="identifiers of an access are text"):
        Access(**MEMBERS | {"groups": frozenset({A})} | wrong)


@pytest.mark.parametrize("member", ["user", "client_app", "resource_app"])
def test_an_empty_identifier_is_one_that_is_not_known(member: str) -> None:
    assert getattr(Access(**MEMBERS | {member: ""}), member) is None
