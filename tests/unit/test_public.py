"""``import xtap``: light, typed, and as the documentation of the package shows it."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, assert_type

import pytest

import xtap
from xtap.errors import Conflict, InvalidInput, MalformedRequest, NotFound
from xtap.model.ids import TenantId

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

USER = "bbbbbbbb-0000-4000-8000-0000000000b1"
A, B = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
KNOWN = xtap.load({"tenantId": A})
ACCESS = xtap.Access(home=TenantId(A), resource=TenantId(B))


@pytest.mark.parametrize("name", ["xtap", "xtap.files"])
def test_the_examples_of_the_docstrings_hold(name: str):
    found = doctest.testmod(import_module(name))
    assert found.attempted > 0
    assert found.failed == 0


def test_importing_the_package_imports_none_of_its_libraries():
    code = "import sys, xtap; print(sorted({'msgspec', 'starlette', 'xtap.files'} & {*sys.modules}), xtap.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"[] {xtap.__version__}\n"


def test_every_public_name_is_there():
    assert {*xtap.__all__} <= {*dir(xtap)}
    for name in xtap.__all__:
        assert getattr(xtap, name) is not None
    with pytest.raises(AttributeError, match="'nonsense'"):
        getattr(xtap, "nonsense")  # noqa: B009 - a type checker refuses the attribute


def test_the_questions_have_the_types_they_say():
    policies = assert_type(xtap.load({"tenantId": A, "displayName": "a"}, [{"tenantId": B}]), xtap.Policies)
    access = xtap.Access(home=policies.named("a"), resource=policies.named(B), channel=xtap.Channel.DIRECT_CONNECT)
    decision = assert_type(xtap.decide(policies, access), xtap.Decision)
    assert decision.outcome is xtap.Outcome.BLOCKED
    assert (
        xtap.repair(policies, decision).impossible
        == "The user id and an application id must be known to say whom to let pass."
    )
    assert xtap.explain(decision).user.endswith("(AADSTS500212).")
    assert xtap.compare(policies, policies, "a").equivalent
    assert xtap.effective(policies, "a", B)[0].setting == "inboundTrust.isMfaAccepted"


def test_a_document_may_be_changed_after_it_was_read():
    document: dict[str, object] = {"tenantId": A, "default": {"inboundTrust": {"isMfaAccepted": True}}}
    policies = xtap.load(document)
    before = xtap.effective(policies, A, B)
    document.clear()
    assert xtap.effective(policies, A, B) == before


@pytest.mark.parametrize("field", ["home", "resource", "user", "client_app", "resource_app"])
def test_an_identifier_that_is_none_is_refused(field: str):
    policies = xtap.load({"tenantId": A}, {"tenantId": B})
    given: dict[str, Any] = {"home": A, "resource": B} | {field: "bob"}
    with pytest.raises(InvalidInput, match="'bob' is no GUID"):
        xtap.decide(policies, xtap.Access(**given))
    with pytest.raises(InvalidInput, match="'sales' is no GUID"):
        xtap.decide(policies, xtap.Access(home=TenantId(A), resource=TenantId(B), groups=frozenset({"Sales"})))


def test_errors_of_a_decoded_document_name_the_argument():
    with pytest.raises(InvalidInput) as raised:
        xtap.load({"tenantId": A}, {"tenantId": A})
    assert raised.value.violations[0].path == "argument 2: $.tenantId"
    with pytest.raises(MalformedRequest, match="argument 1"):
        xtap.load({"tenantId": {1, 2}})


def test_a_name_must_name_one_tenant():
    policies = xtap.load({"tenantId": A, "displayName": "x"}, {"tenantId": B, "displayName": "X"})
    with pytest.raises(Conflict):
        policies.named("x")
    with pytest.raises(NotFound):
        policies.named("y")
    with pytest.raises(NotFound):
        xtap.load({"tenantId": A}).named("")


def test_files_of_other_tools_are_read_in_their_encodings(tmp_path: Path):
    for encoding in ("utf-8-sig", "utf-16", "utf-8"):
        path = tmp_path / f"{encoding}.json"
        path.write_text(f'{{"tenantId": "{A}", "displayName": "Übung"}}', encoding=encoding)
        assert xtap.load(path).named("übung") == A


def test_a_fix_is_plain_json():
    policies = xtap.load({"tenantId": A}, {"tenantId": B})
    access = xtap.Access(
        home=TenantId(A), resource=TenantId(B), channel=xtap.Channel.DIRECT_CONNECT, user=USER, resource_app=USER
    )
    changes = xtap.repair(policies, xtap.decide(policies, access)).changes
    assert [change.tenant for change in changes] == [A, B]
    assert [is_plain(change.body) for change in changes] == [True, True]


def is_plain(value: object) -> bool:
    """Say whether only types of decoded JSON are used, so that every writer of JSON or YAML takes it."""
    if type(value) is dict:
        return all(type(name) is str and is_plain(member) for name, member in value.items())
    return all(map(is_plain, value)) if type(value) is list else type(value) in {str, bool, int, float, type(None)}


WRONG = [
    {"requires": xtap.Requirements(controls=frozenset({"MFA"}))},  # type: ignore[arg-type]
    {"requires": xtap.Requirements(controls=frozenset({None}))},  # type: ignore[arg-type]
    {"claims": xtap.Claims(mfa="no")},  # type: ignore[arg-type]
    {"user": "somebody"},
    {"requires": {"mfa"}},
]


@pytest.mark.parametrize("facts", WRONG)
def test_a_fact_that_cannot_be_understood_is_not_passed_over(facts: dict[str, Any]) -> None:
    policies = xtap.load({"tenantId": A}, {"tenantId": B})
    known = {"groups": frozenset[str](), "user": USER, "resource_app": USER} | facts
    with pytest.raises(InvalidInput):
        xtap.decide(policies, xtap.Access(home=TenantId(A), resource=TenantId(B), **known))


@pytest.mark.parametrize("facts", [{"home": None}, {"user": 5}, {"groups": frozenset({5})}])
def test_identifiers_are_text(facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="identifiers of an access are text"):
        xtap.Access(**({"home": A, "resource": B} | facts))


def test_a_decision_is_not_true_by_being_there() -> None:
    policies = xtap.load({"tenantId": A}, {"tenantId": B})
    decision = xtap.decide(
        policies, xtap.Access(home=TenantId(A), resource=TenantId(B), channel=xtap.Channel.DIRECT_CONNECT)
    )
    with pytest.raises(TypeError, match="allowed"):
        bool(decision)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: xtap.decide(None, ACCESS), "policies: expected what xtap.load(…) returns, found NoneType."),  # type: ignore[arg-type]
        (lambda: xtap.decide("pol", ACCESS), "policies: expected what xtap.load(…) returns, found str."),  # type: ignore[arg-type]
        (lambda: xtap.decide(KNOWN, None), "access: expected an xtap.Access, found NoneType."),  # type: ignore[arg-type]
        (lambda: xtap.repair(KNOWN, "x"), "decision: expected what xtap.decide(…) returns, found str."),  # type: ignore[arg-type]
        (lambda: xtap.explain("x"), "answer: expected what xtap.decide(…) returns, found str."),
    ],
)
def test_arguments_of_another_type_are_refused_in_words(ask: Callable[[], object], words: str):
    with pytest.raises(InvalidInput) as refused:
        ask()
    assert str(refused.value) == words
