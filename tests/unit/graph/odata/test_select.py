from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.select import parse_projection
from xtap.graph.odata.shape import Navigation, Scalar, Shape

if TYPE_CHECKING:
    from xtap.graph.odata.shape import PropertyType

APPS = "b2bCollaborationInbound/applications"


@pytest.mark.parametrize(
    ("select", "expected", "context"),
    [
        ("members,tenantId", {"tenantId": "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a", "members": 12}, "(members,tenantId)"),
        (" members , members ", {"members": 12}, "(members)"),
        ("inboundTrust/isMfaAccepted", {"inboundTrust": {"isMfaAccepted": True}}, "(inboundTrust/isMfaAccepted)"),
        (
            "inboundTrust/isMfaAccepted,inboundTrust",
            {"inboundTrust": {"isMfaAccepted": True, "isCompliantDeviceAccepted": None}},
            "(inboundTrust/isMfaAccepted,inboundTrust)",
        ),
        (
            "inboundTrust,inboundTrust/isMfaAccepted",
            {"inboundTrust": {"isMfaAccepted": True, "isCompliantDeviceAccepted": None}},
            "(inboundTrust,inboundTrust/isMfaAccepted)",
        ),
        (
            f"{APPS}/targets/target",
            {
                "b2bCollaborationInbound": {
                    "applications": {"targets": [{"target": "Office365"}, {"target": "AllApplications"}]}
                }
            },
            f"({APPS}/targets/target)",
        ),
        (
            "settings/applications/accessType",
            {"settings": [{"applications": {"accessType": "allowed"}}, {"applications": None}]},
            "(settings/applications/accessType)",
        ),
        ("identitySynchronization", {}, "(identitySynchronization)"),
    ],
)
def test_select(
    select: str, expected: dict[str, object], context: str, partner: Shape, contoso: dict[str, object]
) -> None:
    projection = parse_projection(select, None, partner)
    shown = projection.project(contoso)
    assert shown == expected
    assert list(shown) == [key for key in contoso if key in expected]
    assert projection.context() == context
    assert not projection.everything


def test_all_properties(partner: Shape, contoso: dict[str, object]) -> None:
    for select, context in ((None, ""), ("*", "(*)"), ("tenantId,*", "(tenantId,*)")):
        projection = parse_projection(select, None, partner)
        assert projection.project(contoso) == contoso
        assert projection.everything
        assert projection.context() == context


def test_null_stays_null_and_control_information_stays(partner: Shape) -> None:
    item = {
        "@odata.type": "#microsoft.graph.partner",
        "tenantId@odata.type": "#String",
        "tenantId": "x",
        "members@odata.type": "#Int64",
        "inboundTrust": None,
    }
    projection = parse_projection("inboundTrust/isMfaAccepted,tenantId", None, partner)
    del item["members@odata.type"]
    assert projection.project(item | {"members@odata.type": "#Int64"}) == item


@pytest.mark.parametrize(
    ("select", "expand", "expected", "context"),
    [
        (
            "tenantId",
            "identitySynchronization",
            {"tenantId": "t", "identitySynchronization": {"tenantId": "t", "displayName": "d"}},
            "(tenantId,identitySynchronization())",
        ),
        (
            "tenantId,identitySynchronization",
            "identitySynchronization($select=displayName)",
            {"tenantId": "t", "identitySynchronization": {"displayName": "d"}},
            "(tenantId,identitySynchronization(displayName))",
        ),
        (
            "members",
            "m365Capabilities( $select = name )",
            {"members": 1, "m365Capabilities": [{"name": "a"}]},
            "(members,m365Capabilities(name))",
        ),
        (
            None,
            "*",
            {
                "tenantId": "t",
                "members": 1,
                "identitySynchronization": {"tenantId": "t", "displayName": "d"},
                "m365Capabilities": [{"name": "a", "x": 1}],
            },
            "(identitySynchronization(),m365Capabilities())",
        ),
    ],
)
def test_expand(select: str | None, expand: str, expected: dict[str, object], context: str, partner: Shape) -> None:
    item = {
        "tenantId": "t",
        "members": 1,
        "identitySynchronization": {"tenantId": "t", "displayName": "d"},
        "m365Capabilities": [{"name": "a", "x": 1}],
    }
    projection = parse_projection(select, expand, partner)
    assert projection.project(item) == expected
    assert projection.context() == context


def test_an_absent_entity_is_null(partner: Shape) -> None:
    projection = parse_projection("tenantId", "identitySynchronization($select=tenantId)", partner)
    assert projection.project({"identitySynchronization": None}) == {"identitySynchronization": None}


def test_names_in_any_case_come_out_as_declared(partner: Shape) -> None:
    projection = parse_projection("TENANTID", "IdentitySynchronization", partner, ignore_case=True)
    assert projection.context() == "(tenantId,identitySynchronization())"


FAILED = "Parsing OData Select and Expand failed: "


@pytest.mark.parametrize(
    ("select", "expand", "message"),
    [
        ("nope", None, FAILED + "Could not find a property named 'nope' on type 'microsoft.graph.partner'."),
        ("TenantId", None, FAILED + "Could not find a property named 'TenantId' on type 'microsoft.graph.partner'."),
        ("inboundTrust/x", None, FAILED + "Could not find a property named 'x' on type 'microsoft.graph.trust'."),
        ("tenantId/x", None, FAILED + "Could not find a property named 'x' on type 'Edm.Guid'."),
        ("", None, FAILED + "Term '' is not valid in a $select or $expand expression."),
        ("tenantId,", None, FAILED + "Term '' is not valid in a $select or $expand expression."),
        ("inboundTrust/", None, FAILED + "Term 'inboundTrust/' is not valid in a $select or $expand expression."),
        (
            "identitySynchronization/tenantId",
            None,
            FAILED + "Term 'identitySynchronization/tenantId' is not valid in a $select or $expand expression.",
        ),
        ("tenantId)", None, FAILED + "The parentheses of 'tenantId)' do not match."),
        (None, "nope", FAILED + "Could not find a property named 'nope' on type 'microsoft.graph.partner'."),
        (None, "", FAILED + "Term '' is not valid in a $select or $expand expression."),
        (
            None,
            "inboundTrust",
            FAILED + "Property 'inboundTrust' on type 'microsoft.graph.partner' is not a navigation property. "
            "Only navigation properties can be expanded.",
        ),
        (
            None,
            "serviceProviderConstraints",
            "Expand is not allowed for property 'serviceProviderConstraints' according to the entity schema.",
        ),
        (None, "identitySynchronization(", FAILED + "The parentheses of 'identitySynchronization(' do not match."),
        (
            None,
            "identitySynchronization()x",
            FAILED + "Term 'identitySynchronization()x' is not valid in a $select or $expand expression.",
        ),
        (
            None,
            "identitySynchronization($select=nope)",
            FAILED + "Could not find a property named 'nope' on type 'microsoft.graph.sync'.",
        ),
        (
            None,
            "m365Capabilities($top=1)",
            FAILED + "'$top=1' is not supported here; $select and $expand are.",
        ),
        (
            None,
            "m365Capabilities($select=name;$select=name)",
            FAILED + "Query option '$select' was specified more than once.",
        ),
        (
            None,
            "m365Capabilities,m365Capabilities",
            FAILED + "Property 'm365Capabilities' is expanded more than once.",
        ),
        ("a" * 9_000, None, FAILED + "The clause is longer than 8000 characters."),
        (None, "(" * 7_999, FAILED + f"The parentheses of '{'(' * 60}' do not match."),
        (
            None,
            "identitySynchronization($expand=" * 20 + ")" * 20,
            FAILED + "Could not find a property named 'identitySynchronization' on type 'microsoft.graph.sync'.",
        ),
    ],
)
def test_what_is_refused(select: str | None, expand: str | None, message: str, partner: Shape) -> None:
    with pytest.raises(UnsupportedQuery) as caught:
        parse_projection(select, expand, partner)
    assert caught.value.message == message
    assert caught.value.violations[0].path in {"$select", "$expand"}


def test_programs_can_tell_that_expand_is_not_supported(partner: Shape) -> None:
    with pytest.raises(UnsupportedQuery) as caught:
        parse_projection(None, "serviceProviderConstraints", partner)
    assert caught.value.violations[0].code == "ExpandNotSupported"


def test_expansions_nest_to_a_limit() -> None:
    properties: dict[str, PropertyType] = {"name": Scalar.STRING}
    node = Shape("microsoft.graph.node", properties)
    properties["next"] = Navigation(node)
    parse_projection(None, "next($expand=" * 4 + "next" + ")" * 4, node)
    with pytest.raises(UnsupportedQuery, match="nested deeper than 5 levels"):
        parse_projection(None, "next($expand=" * 500 + "next" + ")" * 500, node)
