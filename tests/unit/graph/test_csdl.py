"""Every type, property and member of the metadata, against the case file and, where it is there, the service's own."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from xtap.graph.csdl import document
from xtap.graph.paths import addresses, build
from xtap.graph.routes import BETA_ROUTES, ROUTES
from xtap.model.capabilities import ON_DEFAULT, ON_PARTNERS
from xtap.model.versions import VERSIONS

ROOT = Path(__file__).parents[3]
CASES: dict[str, Any] = yaml.safe_load((ROOT / "conformance" / "model" / "properties.yaml").read_text())
OURS = CASES["types"] | CASES["slices"] | CASES["logs"]
EXCERPTS = {name: ROOT.parent / "shared" / "data" / f"csdl-{name}-excerpt.xml" for name in VERSIONS}
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
CONTAINER = {
    ("Singleton", "policies", "microsoft.graph.policyRoot"),
    ("Singleton", "tenantRelationships", "microsoft.graph.tenantRelationship"),
    ("Singleton", "auditLogs", "microsoft.graph.auditLogRoot"),
    ("EntitySet", "users", "microsoft.graph.user"),
    ("EntitySet", "groups", "microsoft.graph.group"),
    ("EntitySet", "organization", "microsoft.graph.organization"),
}
IN_BETA = {("Singleton", "networkAccess", "microsoft.graph.networkaccess.networkAccessRoot")}
BESIDE = ("/directory/deleteditems", "/rolemanagement/", "/policies/authorizationpolicy/authorizationpolicy")
"""What is answered without being in the metadata: two slices of larger things, and an older address."""

CONTAINERS = {"/policies", "/tenantrelationships", "/auditlogs", "/networkaccess", "/networkaccess/settings"}
"""What is in the metadata without being answered: it only leads on."""

NOT_IN_EXCERPTS = "authorizationPolicy"
"""A neighbour: the excerpts have neither the link to it nor its type."""

PARTIAL = {"multiTenantOrganizationMember", "signIn"}
"""Types that differ from the excerpts: a directoryObject that never shows its id, and one that SDKs know more of."""

OF_A_TENANT = {
    "crossTenantAccessPolicyConfigurationPartner",
    "crossTenantIdentitySyncPolicyPartner",
    "multiTenantOrganizationMember",
}
CAPABILITY = "m365CapabilityBase"
EXTENDED = {"delegatedAdminServiceProviderConstraints": "graph.serviceProviderConstraints"}
"""The types that add properties to a base."""

KEYLESS = {"tenantRelationship", "auditLogRoot", "networkAccessRoot", "settings", "crossTenantAccessSettings"}
ROOTS = KEYLESS - {"crossTenantAccessSettings"}
FLAGS = {"templateApplicationLevel", "signInAccessType", "protocolType"}
OPEN = (
    *("appliedAuthenticationEventListener", "authenticationContext", "sessionLifetimePolicy", "privateLinkDetails"),
    "agentSignIn",
)
FROM_ONE = {
    "crossTenantAccessPolicyTargetConfigurationAccessType",
    "crossTenantAccessPolicyTargetType",
    "b2bIdentityProvidersType",
}

pytestmark = pytest.mark.parametrize("version", VERSIONS)


@cache
def schema(version: str) -> ET.Element:
    root = ET.fromstring(document(VERSIONS[version]))  # a document of ours
    assert root.tag == "{http://docs.oasis-open.org/odata/ns/edmx}Edmx"
    assert root.get("Version") == "4.0"
    (services,) = root
    assert services.tag == "{http://docs.oasis-open.org/odata/ns/edmx}DataServices"
    assert {each.tag for each in services} == {f"{EDM}Schema"}
    named = [(each.get("Namespace"), each.get("Alias")) for each in services]
    beside = [("microsoft.graph.networkaccess", None)] if version == "beta" else []
    assert named == [("microsoft.graph", "graph"), *beside]
    found, *others = services
    for other in others:  # names are not used twice, so that one look is enough
        assert not set(types(found)) & set(types(other))
        found.extend(other)
    assert all(each.tag.startswith(EDM) for each in found.iter())
    return found


@cache
def theirs(version: str) -> ET.Element:
    if not EXCERPTS[version].exists():
        pytest.skip("the metadata excerpts are not in this checkout")
    found = ET.parse(EXCERPTS[version]).getroot().find(f".//{EDM}Schema")  # a file of ours
    assert found is not None
    return found


def types(of: ET.Element) -> dict[str, ET.Element]:
    kinds = ("EntityType", "ComplexType", "EnumType")
    return {str(each.get("Name")): each for kind in kinds for each in of.findall(f"{EDM}{kind}")}


def facts(of: ET.Element, name: str, kind: str = "Property") -> dict[str, tuple[str, bool]]:
    """Return type and nullability of each property that a type has or inherits."""
    base = str(types(of)[name].get("BaseType", "")).removeprefix("graph.").removeprefix("microsoft.graph.")
    found = facts(of, base, kind) if base else {}
    for each in types(of)[name].findall(f"{EDM}{kind}"):
        typed = str(each.get("Type")).replace("microsoft.graph.", "graph.")
        found[str(each.get("Name"))] = (typed, each.get("Nullable") != "false")
    return found


def members(of: ET.Element, name: str) -> dict[str, str]:
    return {str(each.get("Name")): str(each.get("Value")) for each in types(of)[name].findall(f"{EDM}Member")}


def listed(version: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return the types of a version as the case file has them."""
    nullable = "nullable" if version == "beta" else "nullable_in_v1"
    found = {
        name.rpartition(".")[2]: {
            each: (fact["type"], fact.get(nullable, fact.get("nullable", True)))
            for each, fact in properties.items()
            if version == "beta" or "beta" not in fact
        }
        for name, properties in OURS.items()
        if version == "beta" or "networkaccess" not in name
    }
    return {name: properties for name, properties in found.items() if properties}


def enums(version: str) -> dict[str, dict[str, str]]:
    """Return the enums of the case file with their members, each with its number."""
    found: dict[str, dict[str, str]] = {}
    for name, members_ in (CASES["enums"] | CASES["other_enums"]).items():
        short = name.rpartition(".")[2]
        flags, first = short in FLAGS, 1 if short in FROM_ONE else 0
        numbers = {}
        for number, member in enumerate(members_):
            usual = (1 << number) >> 1 if flags else number + first
            numbers[member.partition(" ")[0]] = member.partition(" ")[2] or str(usual)
        found[short] = numbers
    return {name: each for name, each in found.items() if version == "beta" or name in types(schema(version))}


def unqualified(found: dict[str, tuple[str, bool]]) -> dict[str, tuple[str, bool]]:
    return {
        each: (kind.replace("microsoft.graph.", "").replace("graph.", ""), nullable)
        for each, (kind, nullable) in found.items()
    }


def test_types_and_properties_are_those_of_the_case_file(version: str) -> None:
    known = {name for name, kind in types(schema(version)).items() if kind.get("BaseType") is None} | EXTENDED.keys()
    ours = {name: unqualified(facts(schema(version), name)) for name in known}
    for name in enums(version):
        assert ours.pop(name) == {}
    assert ours.pop("policyRoot") == {"id": ("Edm.String", False)}
    assert [ours.pop(name, {}) for name in sorted(ROOTS)] == [{}] * len(ROOTS)
    opened = {name for name, kind in types(schema(version)).items() if kind.get("OpenType") == "true"}
    assert opened == ({*OPEN} if version == "beta" else set())
    assert [ours.pop(name) for name in sorted(opened)] == [{}] * len(opened)
    assert ours == {name: unqualified(properties) for name, properties in listed(version).items()}


def test_capabilities_are_derived_and_add_nothing(version: str) -> None:
    derived = {name: kind for name, kind in types(schema(version)).items() if kind.get("BaseType") is not None}
    assert {name: derived.pop(name).get("BaseType") for name in EXTENDED} == EXTENDED
    assert derived.keys() == ON_DEFAULT | ON_PARTNERS
    assert {(kind.get("BaseType"), len(kind)) for kind in derived.values()} == {(f"graph.{CAPABILITY}", 0)}
    assert types(schema(version))[CAPABILITY].get("Abstract") == "true"


def test_members_are_those_of_the_case_file(version: str) -> None:
    assert set(enums(version)) == {each.get("Name") for each in schema(version).findall(f"{EDM}EnumType")}
    for name, wanted in enums(version).items():
        assert (types(schema(version))[name].get("IsFlags") == "true") == (name in FLAGS)
        assert list(members(schema(version), name).items()) == list(wanted.items())


def test_every_type_that_is_named_is_there(version: str) -> None:
    known = set(types(schema(version)))
    named = {each.get(name) for each in schema(version).iter() for name in ("Type", "EntityType") if each.get(name)}
    for each in named:
        item = str(each).removeprefix("Collection(").removesuffix(")").removeprefix("microsoft.")
        assert (
            item in {"Edm.String", "Edm.Boolean", "Edm.DateTimeOffset", "Edm.Guid", "Edm.Int32", "Edm.Double"}
            or item.removeprefix("graph.").removeprefix("networkaccess.") in known
        )


def test_keys_are_properties_that_are_never_null(version: str) -> None:
    entities = [each for each in schema(version).findall(f"{EDM}EntityType") if each.get("BaseType") is None]
    assert len(entities) == (25 if version == "beta" else 21)
    for entity in entities:
        if entity.get("Name") in KEYLESS:
            assert entity.find(f"{EDM}Key") is None
            continue
        (key,) = [str(each.get("Name")) for each in entity.findall(f"{EDM}Key/{EDM}PropertyRef")]
        name = str(entity.get("Name"))
        assert facts(schema(version), name)[key] == ("Edm.String", False)
        assert key == ("tenantId" if name in OF_A_TENANT else "name" if name == CAPABILITY else "id")


def test_links_and_actions_are_the_addresses_that_are_served(version: str) -> None:
    container = schema(version).find(f"{EDM}EntityContainer")
    assert container is not None
    assert {
        (each.tag.removeprefix(EDM), each.get("Name"), each.get("Type") or each.get("EntityType")) for each in container
    } == container_of(version)
    actions = {
        (action.get("Name"), parameter.get("Type"))
        for action in schema(version).findall(f"{EDM}Action")
        for parameter in action
    }
    actions |= {
        (f"{function.get('Name')}({function[1].get('Name')}={{key}})", function[0].get("Type"))
        for function in schema(version).findall(f"{EDM}Function")
    }
    found: set[str] = set()

    def walk(path: str, name: str, *, many: bool) -> None:
        found.add(path)
        path = f"{path}/{{key}}" if many else path
        found.add(path)
        found.update(f"{path}/{action}".lower() for action, bound in actions if bound == f"graph.{name}")
        for link, (to, _) in facts(schema(version), name, "NavigationProperty").items():
            walk(f"{path}/{link}".lower(), to.rpartition(".")[2].rstrip(")"), many=to.startswith("Collection"))

    for kind, name, target in container_of(version):
        walk(f"/{name}".lower(), target.rpartition(".")[2], many=kind == "EntitySet")
    routes = {**ROUTES, **BETA_ROUTES} if version == "beta" else ROUTES
    served = {path for _, path in addresses(build(routes)) if "$" not in path and not path.startswith(BESIDE)}
    assert found - CONTAINERS == served


def container_of(version: str) -> set[tuple[str, str, str]]:
    return CONTAINER | (IN_BETA if version == "beta" else set())


def test_the_service_says_the_same_of_every_type(version: str) -> None:
    for name in types(schema(version)).keys() & types(theirs(version)).keys():
        ours, known = types(schema(version))[name], types(theirs(version))[name]
        assert ours.tag == known.tag, name
        assert ours.get("IsFlags") == known.get("IsFlags"), name
        assert members(schema(version), name) == members(theirs(version), name), name
        links = facts(schema(version), name, "NavigationProperty")
        links.pop(NOT_IN_EXCERPTS, None)
        assert links.items() <= facts(theirs(version), name, "NavigationProperty").items(), name
        described = facts(schema(version), name)
        if name in PARTIAL:
            sdk = {each for each, fact in OURS[name].items() if "sdk" in fact}
            both = {each: fact for each, fact in described.items() if each not in sdk}
            assert both.items() <= facts(theirs(version), name).items(), name
            hidden = facts(theirs(version), name).keys() - both.keys()
            assert hidden <= {"id", "deletedDateTime"}, name
        else:
            assert described == facts(theirs(version), name), name


def test_the_types_of_the_policy_are_all_known_to_the_service(version: str) -> None:
    others = {name.rpartition(".")[2] for name in (*CASES["slices"], *CASES["other_enums"])}
    assert set(types(schema(version))) - set(types(theirs(version))) <= others | ROOTS | set(OPEN)


def test_actions_are_bound_as_in_the_service(version: str) -> None:
    def bound(of: ET.Element) -> set[tuple[str | None, ...]]:
        functions = {
            (each.get("Name"), *(str(part.get("Type")) for part in each)) for each in of.findall(f"{EDM}Function")
        }
        return functions | {
            (action.get("Name"), str(action[0].get("Type")))
            for action in of.findall(f"{EDM}Action")
            if str(action.get("Name")).startswith("re")
        }

    assert bound(schema(version)) == bound(theirs(version))
