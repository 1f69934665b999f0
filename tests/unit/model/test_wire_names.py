"""Every property of every type, against our case file and, where it is there, the metadata itself."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from xtap.model import directory, directory_audit, enums, neighbours, organizations, policies, settings
from xtap.model.enums import UNKNOWN_FUTURE_VALUE
from xtap.model.schema import WIRE_NAMES, properties, wire_name

if TYPE_CHECKING:
    from enum import StrEnum

ROOT = Path(__file__).parents[3]
CASES: dict[str, Any] = yaml.safe_load((ROOT / "conformance" / "model" / "properties.yaml").read_text())
METADATA = {name: ROOT.parent / "shared" / "data" / f"csdl-{name}-excerpt.xml" for name in ("v1.0", "beta")}

ENUMS: dict[str, type[StrEnum]] = {
    "crossTenantAccessPolicyTargetConfigurationAccessType": enums.AccessType,
    "crossTenantAccessPolicyTargetType": enums.TargetType,
    "b2bIdentityProvidersType": enums.IdentityProvider,
    "m365ResourceType": enums.ResourceType,
    "templateApplicationLevel": enums.TemplateApplicationLevel,
    "multiTenantOrganizationState": enums.OrganizationState,
    "multiTenantOrganizationMemberRole": enums.MemberRole,
    "multiTenantOrganizationMemberState": enums.MemberState,
    "multiTenantOrganizationMemberProcessingStatus": enums.ProcessingStatus,
}
MEMBERS = {organizations.Member, organizations.BasicMember}
BESIDE = {directory.__name__, directory_audit.__name__, neighbours.__name__}
TYPES = {name: shape for shape, name in WIRE_NAMES.items() if shape.__module__ not in BESIDE and shape not in MEMBERS}
SLICES = {name: shape for shape, name in WIRE_NAMES.items() if name not in TYPES}
IN_V1 = [name for name in TYPES if any("beta" not in facts for facts in CASES["types"][name].values())]


def test_the_case_file_has_our_types_and_no_other():
    assert set(CASES["types"]) == set(TYPES)
    assert set(CASES["enums"]) == set(ENUMS)


def test_slices_have_properties_of_the_metadata():
    cases = CASES["slices"]
    assert cases.keys() == SLICES.keys()
    for name, shape in SLICES.items():
        wanted = {each for each, facts in cases[name].items() if "beta" not in facts}
        assert properties(shape).keys() == wanted
    for shape in (neighbours.BetaAuthorizationPolicy, directory_audit.BetaDirectoryAudit):
        assert properties(shape).keys() == cases[wire_name(shape)].keys()


@pytest.mark.parametrize("name", IN_V1)
def test_v1_has_the_properties_of_the_metadata(name: str) -> None:
    wanted = {each for each, facts in CASES["types"][name].items() if "beta" not in facts}
    assert properties(TYPES[name]).keys() == wanted


@pytest.mark.parametrize("name", TYPES)
def test_beta_has_the_properties_of_the_metadata(name: str) -> None:
    shape = getattr(policies, f"Beta{TYPES[name].__name__}", TYPES[name])
    assert wire_name(shape) == name
    assert properties(shape).keys() == CASES["types"][name].keys()


@pytest.mark.parametrize("name", TYPES)
def test_types_are_those_of_the_metadata(name: str) -> None:
    shape = getattr(policies, f"Beta{TYPES[name].__name__}", TYPES[name])
    for each, known in properties(shape).items():
        text = CASES["types"][name][each]["type"]
        assert known.many == text.startswith("Collection("), each
        item = text.removeprefix("Collection(").removesuffix(")")
        if known.shape is not None:
            assert wire_name(known.shape) == item
        elif known.type is bool:
            assert item == "Edm.Boolean"
        elif known.type in {str, enums.CloudEndpoint}:
            assert item in {"Edm.String", "Edm.DateTimeOffset"}
        else:
            assert ENUMS[item] is known.type


@pytest.mark.parametrize("name", ENUMS)
def test_enum_members_are_those_of_the_metadata(name: str) -> None:
    ours = [member.value for member in ENUMS[name] if "," not in member]
    assert [*ours, UNKNOWN_FUTURE_VALUE] == CASES["enums"][name]


def test_collections_that_are_never_null_have_a_default():
    for name, members in CASES["types"].items():
        for each, facts in members.items():
            shape = getattr(policies, f"Beta{TYPES[name].__name__}", TYPES[name])
            if facts.get("nullable") is False and facts["type"].startswith("Collection"):
                assert not properties(shape)[each].unset, each
                assert properties(shape)[each].unset is not None, each


def test_specialised_types_have_the_name_of_their_base():
    assert wire_name(settings.UsersAndGroups) == wire_name(settings.Applications)
    assert wire_name(settings.Applications) == "crossTenantAccessPolicyTargetConfiguration"
    assert wire_name(policies.BetaPartner) == wire_name(policies.Partner)


def test_wire_order_puts_outbound_before_inbound():
    for shape in (policies.Default, policies.Partner, policies.PartnerTemplate):
        names = list(properties(shape))
        for channel in ("b2bCollaboration", "b2bDirectConnect"):
            assert names.index(f"{channel}Outbound") < names.index(f"{channel}Inbound")


# --- the metadata itself --------------------------------------------------------


@cache
def _metadata(version: str) -> dict[str, ET.Element]:
    if not METADATA[version].exists():
        pytest.skip("the metadata excerpts are not in this checkout")
    root = ET.parse(METADATA[version]).getroot()  # a file of ours
    kinds = {"EntityType", "ComplexType", "EnumType"}
    return {str(each.get("Name")): each for each in root.iter() if each.tag.rpartition("}")[2] in kinds}


def _declared(version: str, name: str) -> dict[str, tuple[str, bool]]:
    element = _metadata(version)[name]
    base = element.get("BaseType")
    found = _declared(version, base.rpartition(".")[2]) if base else {}
    for each in element:
        if each.tag.endswith("}Property"):
            kind = str(each.get("Type")).replace("microsoft.", "").replace("graph.", "")
            found[str(each.get("Name"))] = (kind, each.get("Nullable") != "false")
    return found


@pytest.mark.parametrize("version", METADATA)
@pytest.mark.parametrize("name", CASES["types"])
def test_the_case_file_is_what_the_metadata_says(name: str, version: str) -> None:
    listed = {
        each: (facts["type"], facts.get("nullable", True))
        for each, facts in CASES["types"][name].items()
        if version == "beta" or "beta" not in facts
    }
    assert listed == (_declared(version, name) if name in _metadata(version) else {})


@pytest.mark.parametrize("name", CASES["enums"])
def test_the_enums_of_the_case_file_are_those_of_the_metadata(name: str) -> None:
    members = [each.get("Name") for each in _metadata("v1.0")[name] if each.tag.endswith("}Member")]
    assert members == CASES["enums"][name]
