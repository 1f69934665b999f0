"""May this target stand in this list? Rules of one target configuration, whatever the policy around it.

Sources: targets and keywords, resource page crossTenantAccessPolicyTarget and semantics R3.11, R3.20-R3.22; the
reactions are semantics section 8 (``Found invalid target for Applications`` is observed, the rest chosen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtap.errors import Violation
from xtap.model.enums import TargetType
from xtap.model.ids import is_guid
from xtap.model.settings import Applications

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xtap.model.schema import Document, Json, Shape

ALL_USERS = "AllUsers"
ALL_APPLICATIONS = "AllApplications"
OFFICE_365 = "Office365"
ALL_MICROSOFT_APPS = "AllMicrosoftApps"
"""A keyword of the 2021 pages: read and kept, refused in strict mode (semantics section 12, row 12)."""

MAX_TARGETS = 10_000
"""Targets in one list. No limit is documented; this one bounds the work for one request."""


def check_targets(value: Document, shape: Shape, path: str) -> Iterator[Violation]:
    """Yield what is wrong with the targets of one configuration; nothing for other types."""
    targets = value.get("targets")
    if not isinstance(targets, list):
        return
    if not targets:
        yield Violation(f"{path}.targets", "The list of targets is empty. Name at least one target.", "InvalidTarget")
    if len(targets) > MAX_TARGETS:
        message = f"The list has {len(targets)} targets. At most {MAX_TARGETS} are supported; use groups."
        yield Violation(f"{path}.targets", message, "InvalidTarget")
        return
    check = target_check(shape)
    for index, item in enumerate(targets):
        why = check(item.get("target"), item.get("targetType")) if isinstance(item, dict) else None
        if why:
            yield Violation(f"{path}.targets[{index}]", why, "InvalidTarget")


def target_check(shape: Shape) -> Callable[[Json, Json], str | None]:
    """Return what says why a target, with its type, may not stand in a configuration of this kind; None if it may."""
    return _application if issubclass(shape, Applications) else _person


def _person(target: Json, target_type: Json) -> str | None:
    if target_type == TargetType.APPLICATION:
        return "Found invalid target type 'application' for UsersAndGroups. Expected 'user' or 'group'."
    if target == ALL_USERS:
        return None if target_type in {TargetType.USER, None} else "'AllUsers' goes with targetType 'user'."
    return _object_id(target, "UsersAndGroups", ALL_USERS)


def _application(target: Json, target_type: Json) -> str | None:
    if target_type not in {TargetType.APPLICATION, None}:
        return f"Found invalid target type '{target_type}' for Applications. Expected 'application'."
    if target in {ALL_APPLICATIONS, OFFICE_365, ALL_MICROSOFT_APPS}:
        return None
    return _object_id(target, "Applications", f"{ALL_APPLICATIONS}, {OFFICE_365}")


def _object_id(target: Json, where: str, keywords: str) -> str | None:
    if isinstance(target, str) and not is_guid(target):
        return f"Found invalid target for {where}: '{target[:64]}'. Expected an id (GUID) or {keywords}."
    return None
