from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.orderby import compile_orderby

if TYPE_CHECKING:
    from xtap.graph.odata.shape import Shape

ITEMS: list[dict[str, Any]] = [
    {"tenantId": "C", "displayName": "a", "members": 2, "createdDateTime": "2026-01-01T01:00:00+01:00"},
    {"tenantId": "a", "displayName": "b", "members": None, "createdDateTime": "2026-01-01T00:00:00.5Z"},
    {"tenantId": "b", "displayName": None, "members": 10, "createdDateTime": "yesterday", "level": "existingPartners"},
    {"tenantId": "d", "displayName": "a", "members": -1, "inboundTrust": {"isMfaAccepted": True}, "level": "none"},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "abCd"),
        ("tenantId", "abCd"),
        ("tenantId desc", "dCba"),
        ("displayName", "bCda"),
        ("displayName asc", "bCda"),
        ("displayName DESC", "aCdb"),
        ("displayName desc,tenantId desc", "adCb"),
        ("members", "adCb"),
        ("members desc", "bCda"),
        ("createdDateTime desc , displayName", "aCbd"),
        ("inboundTrust/isMfaAccepted desc", "dabC"),
        ("level", "aCdb"),
    ],
)
def test_order(text: str | None, expected: str, partner: Shape) -> None:
    ordering = compile_orderby(text, partner, "tenantId")
    assert "".join(item["tenantId"] for item in sorted(ITEMS, key=ordering.key)) == expected


def test_a_decoded_position_compares_with_fresh_ones(partner: Shape) -> None:
    ordering = compile_orderby("displayName desc,members,createdDateTime", partner, "tenantId")
    ordered = sorted(ITEMS, key=ordering.key)
    for index, item in enumerate(ordered):
        position = msgspec.json.decode(msgspec.json.encode(ordering.position(item)))
        assert [other for other in ordered if ordering.key(other) > ordering.rank(position)] == ordered[index + 1 :]


def test_names_in_any_case(partner: Shape) -> None:
    ordering = compile_orderby("CREATEDDATETIME desc", partner, "tenantId", ignore_case=True)
    assert [criterion.path for criterion in ordering.criteria] == [("createdDateTime",), ("tenantId",)]


def test_the_key_must_be_a_scalar(partner: Shape) -> None:
    with pytest.raises(TypeError, match="inboundTrust"):
        compile_orderby(None, partner, "inboundTrust")


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "a property name expected, found the end"),
        ("members,", 9, "a property name expected, found the end"),
        ("members up", 9, "',', 'asc', 'desc' or the end expected, found 'up'"),
        ("nope desc", 1, "Could not find a property named 'nope' on type 'microsoft.graph.partner'."),
        ("members,inboundTrust/nope", 22, "Could not find a property named 'nope' on type 'microsoft.graph.trust'."),
        ("members/x", 9, "Could not find a property named 'x' on type 'Edm.Int64'."),
        ("inboundTrust", 1, "A property with a single value is expected, found type 'microsoft.graph.trust'."),
        ("clouds", 1, "found type 'Collection(Edm.String)'."),
        ("identitySynchronization", 1, "found type 'microsoft.graph.sync'."),
        ("m365Capabilities", 1, "found type 'Collection(microsoft.graph.capability)'."),
        ("members 'x'", 9, "',', 'asc', 'desc' or the end expected, found ''x''"),
        (",".join(["members"] * 11), 81, "More than 10 properties to sort by."),
    ],
)
def test_what_is_refused(text: str, column: int, part: str, partner: Shape) -> None:
    with pytest.raises(UnsupportedQuery) as caught:
        compile_orderby(text, partner, "tenantId")
    assert caught.value.message.startswith("Invalid orderby clause: ")
    assert part in caught.value.message
    assert caught.value.message.endswith(f"(column {column})")
    assert caught.value.violations[0].path == "$orderby"
