"""What does joining a multitenant organization make of a partner? The tenant's templates, applied once.

A template is applied as a PATCH with everything that it configures: what is null in it leaves the partner as it is,
everything else overwrites (semantics R9.6 to R9.8). Later edits of the template change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, convert, json, structs

from xtap.model import pristine
from xtap.model.enums import TemplateApplicationLevel
from xtap.model.patch import merge

if TYPE_CHECKING:
    from xtap.model.ids import TenantId
    from xtap.model.policies import BetaIdentitySync, BetaPartner, PartnerTemplate, SyncTemplate
    from xtap.model.schema import Document, Json

T = TypeVar("T", bound=Struct)

_BOTH = TemplateApplicationLevel.NEW_AND_EXISTING_PARTNERS
_TO_NEW = frozenset({TemplateApplicationLevel.NEW_PARTNERS, _BOTH})
_TO_EXISTING = frozenset({TemplateApplicationLevel.EXISTING_PARTNERS, _BOTH})
_NO_SETTING = frozenset({"id", "templateApplicationLevel"})


def partner_after_joining(template: PartnerTemplate, before: BetaPartner | None, tenant_id: TenantId) -> BetaPartner:
    """Return the entry of a tenant that is now in the same organization.

    Args:
        template: of the tenant that keeps the entry.
        before: the entry now; None if there is none, and one is generated whatever the level says.
        tenant_id: whose entry it is.
    """
    entry = pristine.partner(tenant_id) if before is None else before
    if _applies(template.template_application_level, is_new=before is None):
        entry = _apply(template, entry, pristine.partner(tenant_id))
    return structs.replace(entry, is_in_multi_tenant_organization=True)


def sync_after_joining(
    template: SyncTemplate, before: BetaIdentitySync | None, tenant_id: TenantId, *, is_new: bool
) -> BetaIdentitySync | None:
    """Return the synchronization policy of a tenant that is now in the same organization.

    Args:
        template: of the tenant that keeps the policy.
        before: the policy now; None if there is none, and one is made only to hold what the template configures.
        tenant_id: whose policy it is.
        is_new: whether the tenant's partner entry was just generated.
    """
    if not _applies(template.template_application_level, is_new=is_new) or not _configured(template):
        return before
    blank = pristine.identity_sync(tenant_id)
    return _apply(template, blank if before is None else before, blank)


def partner_after_leaving(before: BetaPartner) -> BetaPartner:
    """Return the entry of a tenant that is no longer in the same organization: nothing is undone (R9.9)."""
    return structs.replace(before, is_in_multi_tenant_organization=False)


def _applies(level: TemplateApplicationLevel, *, is_new: bool) -> bool:
    return level in (_TO_NEW if is_new else _TO_EXISTING)


def _apply(template: PartnerTemplate | SyncTemplate, before: T, blank: T) -> T:
    shape = type(before)
    merged = merge(_document(before), _configured(template), shape, _document(blank))
    return convert(merged, shape)


def _configured(template: PartnerTemplate | SyncTemplate) -> Document:
    """Return what the template configures, without its nulls."""
    settings = {name: value for name, value in _document(template).items() if name not in _NO_SETTING}
    return _without_nulls(settings)


def _without_nulls(document: Document) -> Document:
    kept = {name: _kept(value) for name, value in document.items()}
    return {name: value for name, value in kept.items() if value is not None and value != {}}


def _kept(value: Json) -> Json:
    return _without_nulls(value) if isinstance(value, dict) else value


def _document(struct: Struct) -> Document:
    built: Document = json.decode(json.encode(struct))
    return built
