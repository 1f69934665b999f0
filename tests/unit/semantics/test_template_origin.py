"""A template is applied once, at a join: what it wrote is the partner entry's own, and is told as such."""

from __future__ import annotations

from msgspec import convert, to_builtins

from tests.unit.model.test_templates import MFA_ONLY, TEMPLATE, TENANT
from xtap.model.ids import TenantId
from xtap.model.templates import partner_after_joining
from xtap.semantics import effective
from xtap.semantics.documents import Partner, TenantPolicy
from xtap.semantics.effective import Origin, Property

OWN = TenantId("11111111-1111-4111-8111-111111111111")


def test_what_a_template_wrote_has_the_partner_as_its_origin() -> None:
    joined = convert(to_builtins(partner_after_joining(TEMPLATE, None, TENANT)), Partner)
    policy = TenantPolicy(tenant_id=OWN, partners={TENANT: joined})
    found = effective.trust(policy, TENANT)
    assert (found.value, found.origin, found.inherited) == (MFA_ONLY, Origin.PARTNER, False)
    left_open = effective.setting(policy, TENANT, Property.COLLABORATION_INBOUND)
    assert left_open is not None
    assert left_open.users_and_groups.origin is Origin.SERVICE_DEFAULT
