"""Which resource a path means, and the words for those that mean none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xtap.errors import UnknownSegment
from xtap.graph.paths import addresses, build, resolve
from xtap.graph.routes import ROUTES

if TYPE_CHECKING:
    from xtap.graph.exchange import Answer, Exchange

ROOT = "policies/crossTenantAccessPolicy"
ID = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
TREE = build(ROUTES)


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_is_found_as_written_and_in_any_case(path: str) -> None:
    for form in (path, path.upper(), path.lower(), f"/{path}/", path.replace("/", "//")):
        node, key = resolve(TREE, form.replace("{key}", ID).replace("{KEY}", ID))
        assert node.methods == ROUTES[path]
        assert key == "/".join([ID] * path.count("{key}"))


FORMS = {
    f"{ROOT}/partners/{ID}": ID,
    f"{ROOT}/partners/{ID.upper()}": ID.upper(),
    f"{ROOT}/partners('{ID}')": ID,
    f"{ROOT}/partners({ID})": ID,
    f"{ROOT}/partners(tenantId='{ID}')": ID,
    f"{ROOT}/PARTNERS(tenantId='{ID}')/": ID,
    f"{ROOT}/partners/not-a-guid": "not-a-guid",
    f"{ROOT}/partners/$ref": "$ref",
    f"{ROOT}/partners('')": "",
    f"{ROOT}/partners('a''b')": "a'b",
    f"{ROOT}/partners('(a)')": "(a)",
}


@pytest.mark.parametrize(("path", "key"), FORMS.items())
def test_both_key_forms_mean_the_partner(path: str, key: str) -> None:
    node, found = resolve(TREE, path)
    assert node.methods == ROUTES[f"{ROOT}/partners/{{key}}"]
    assert found == key


def test_a_fixed_segment_wins_over_a_key():
    assert resolve(TREE, f"{ROOT}/partners/$count")[0].methods == ROUTES[f"{ROOT}/partners/$count"]


@pytest.mark.parametrize(
    ("path", "segment"),
    [
        ("", ""),
        ("policies", "policies"),
        ("me", "me"),
        ("policies/nonsense/partners", "nonsense"),
        (f"{ROOT}/nonsense", "nonsense"),
        (f"{ROOT}/default('{ID}')", f"default('{ID}')"),
        (f"{ROOT}('{ID}')", f"crossTenantAccessPolicy('{ID}')"),
        (f"{ROOT}/partners('{ID}", f"partners('{ID}"),
        (f"{ROOT}/partners'{ID}')", f"partners'{ID}')"),
        (f"{ROOT}/partners('{ID}')x", f"partners('{ID}')x"),
        (f"{ROOT}/partners('a'b')", "partners('a'b')"),
        (f"{ROOT}/partners('a'''b')", "partners('a'''b')"),
        (f"{ROOT}/partners/{ID}/{ID}", ID),
        (f"{ROOT}/partners/{ID}/identitySynchronization/{ID}", ID),
        (f"{ROOT}/default/resetToSystemDefault/x", "x"),
        ("x" * 1000, "x" * 128),
    ],
)
def test_what_means_nothing_names_the_segment(path: str, segment: str) -> None:
    with pytest.raises(UnknownSegment) as refused:
        resolve(TREE, path)
    assert refused.value.message == f"Resource not found for the segment '{segment}'."


def test_addresses_are_what_was_built():
    async def get(_: Exchange) -> Answer:
        raise NotImplementedError

    tree = build({"A/{key}": {"GET": get}, "A": {"GET": get, "POST": get}, "A/{key}/b": {"PUT": get}})
    assert sorted(addresses(tree)) == [("GET", "/a"), ("GET", "/a/{key}"), ("POST", "/a"), ("PUT", "/a/{key}/b")]


def test_long_paths_take_no_long_time():
    for path in ("a(" * 100_000, "policies(" + "a" * 100_000, "partners('" + "'" * 100_000, "/" * 100_000):
        with pytest.raises(UnknownSegment):
            resolve(TREE, path)
