"""Which questions may a program ask of policies? The functions of ``import xtap``, with input that is checked first.

Tenants are named by id or display name. The engine below answers whatever it is asked; here an identifier that is
none is refused, because a mistyped user stands on no block list and would pass it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import ValidationError, convert, to_builtins

from xtap.errors import InvalidInput, NotFound, Violation
from xtap.model.ids import is_guid
from xtap.semantics import compare as comparing
from xtap.semantics import repair as repairing
from xtap.semantics.crossing import Decision
from xtap.semantics.listing import listing
from xtap.semantics.policies import Policies
from xtap.semantics.request import Access, Control

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.semantics.compare import Comparison
    from xtap.semantics.documents import TenantPolicy
    from xtap.semantics.listing import Row
    from xtap.semantics.repair import Repair


def decide(policies: Policies, access: Access) -> Decision:
    """Answer one access over the policies of both tenants.

    Args:
        policies: of the tenants; an answer is never ``allowed`` if one of the two is missing.
        access: who wants to use what, and which facts are known.

    Raises:
        InvalidInput: an identifier of the access is no GUID, or a fact is of another type than it should be.
    """
    _expect(policies, Policies, "policies", "what xtap.load(…) returns")
    _expect(access, Access, "access", "an xtap.Access")
    access = _checked(access)
    wrong = [
        Violation(f"$.{name}", f"{name}: '{text[:64]}' is no GUID.")
        for name, text in _identifiers(access)
        if not is_guid(text)
    ]
    if wrong:
        raise InvalidInput(wrong)
    return policies.decide(access)


def _expect(value: object, kind: type, name: str, expected: str) -> None:
    if not isinstance(value, kind):
        raise InvalidInput.at("$", f"{name}: expected {expected}, found {type(value).__name__}.")


def _checked(access: Access) -> Access:
    """Return the access as its types say it: a word that is none of the controls would demand nothing."""
    try:
        return convert(to_builtins(access), type(access))
    except (ValidationError, TypeError) as error:
        controls = ", ".join(Control)
        raise InvalidInput.at("$", f"The access cannot be understood: {error}. Controls are {controls}.") from None


def _identifiers(access: Access) -> Iterator[tuple[str, str]]:
    yield from (("home", access.home), ("resource", access.resource))
    known = (("user", access.user), ("clientApp", access.client_app), ("resourceApp", access.resource_app))
    yield from ((name, text) for name, text in known if text is not None)
    yield from (("groups", group) for group in sorted(access.groups or ()))


def repair(policies: Policies, decision: Decision) -> Repair:
    """Find the smallest changes that allow a blocked access.

    Args:
        policies: those that decided.
        decision: the answer that is to be changed.

    Raises:
        InvalidInput: an argument is of another type.
    """
    _expect(policies, Policies, "policies", "what xtap.load(…) returns")
    _expect(decision, Decision, "decision", "what xtap.decide(…) returns")
    access = decision.access
    return repairing.repair(decision, policies.get(access.home), policies.get(access.resource))


def effective(policies: Policies, of: str, toward: str) -> tuple[Row, ...]:
    """List every effective setting of one tenant toward another, each with its origin.

    Args:
        policies: of the first tenant, at least.
        of: name or id of the tenant whose settings are asked for.
        toward: name or id of the other tenant; by id, it may be one whose policy is not known.

    Raises:
        NotFound: a tenant is not known by this name, or the first one has no policy here.
        Conflict: several tenants have the name.
    """
    return listing(_policy(policies, of), policies.named(toward))


def compare(before: Policies, after: Policies, tenant: str | None = None) -> Comparison:
    """Compare two policies of one tenant exactly: who gains and who loses access.

    Args:
        before: holds the first policy.
        after: holds the second one.
        tenant: name or id; it may be left out if each side holds one tenant.

    Raises:
        InvalidInput: it is not clear which tenant is meant, or the two cannot be compared.
        NotFound: the tenant is missing on one side.
        Conflict: several tenants have the name.
    """
    one = _only(before, "before") if tenant is None else _policy(before, tenant)
    two = _only(after, "after") if tenant is None else _policy(after, one.tenant_id)
    if one.tenant_id != two.tenant_id:
        message = f"Cannot compare the policies of two tenants, {one.tenant_id} and {two.tenant_id}."
        raise InvalidInput.at("$.tenantId", message)
    if one.cloud != two.cloud:
        message = f"Cannot compare policies in two clouds: {one.cloud} before, {two.cloud} after."
        raise InvalidInput.at("$.cloud", message)
    return comparing.compare(one, two)


def _policy(policies: Policies, name: str) -> TenantPolicy:
    tenant = policies.named(name)
    found = policies.get(tenant)
    if found is None:
        raise NotFound(f"The policy of tenant {tenant} is not known. {policies.known()}")
    return found


def _only(policies: Policies, side: str) -> TenantPolicy:
    found: list[TenantPolicy] = list(policies)
    if len(found) != 1:
        message = f"Expected one tenant in the policies {side}, found {len(found)}. Say which one is meant."
        raise InvalidInput.at("$", message)
    return found[0]
