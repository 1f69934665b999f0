"""Lists of targets that are not flawless, each of which is then refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from xtap.model import pristine
from xtap.model.editing import edit
from xtap.model.flawless import is_flawless
from xtap.model.ids import TenantId
from xtap.model.rules import Strength
from xtap.model.targets import MAX_TARGETS
from xtap.model.versions import V1

ID = "6f546279-4da5-4b53-a095-09ea0cef9971"
GOOD = {"target": ID, "targetType": "user"}
BLANK = pristine.partner(TenantId("9c5d131d-b1c3-4fc4-9e3f-c6557947d551"))


@pytest.mark.parametrize(
    "targets",
    [
        None,
        [],
        [GOOD] * (MAX_TARGETS + 1),
        [{"target": "AllUsers", "targetType": "group"}],
        [{"target": ID, "targetType": "application"}],
        [{"target": "somebody", "targetType": "user"}],
        [{"target": None, "targetType": "user"}],
        [GOOD | {"more": 1}],
    ],
)
def test_a_bad_list_is_not_flawless_and_is_refused(targets: Any):
    assert is_flawless(_naming([GOOD]), V1.partner)
    assert not is_flawless(_naming(targets), V1.partner)
    assert edit(BLANK, _naming(targets), V1.partner, BLANK, Strength.COMPATIBLE)[1]


def _naming(targets: Any) -> dict[str, Any]:
    return {"b2bCollaborationInbound": {"usersAndGroups": {"accessType": "allowed", "targets": targets}}}
