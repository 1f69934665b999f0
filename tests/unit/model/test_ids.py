from __future__ import annotations

import pytest

from xtap.errors import InvalidInput
from xtap.model.ids import is_guid, parse_tenant_id

GUID = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
NO_GUIDS = (
    *("", "x", GUID[:-1], f"{GUID}0", f" {GUID}", f"{GUID} ", f"{GUID}\n", f"{{{GUID}}}", GUID.replace("-", "")),
    *(GUID.replace("9", "g"), GUID.replace("9", "\u0669"), GUID.replace("-", "_"), f"{GUID}\x00", f"urn:uuid:{GUID}"),
)


def test_a_guid_is_read_in_any_case_and_kept_in_lower_case():
    assert parse_tenant_id(GUID.upper()) == parse_tenant_id(GUID) == GUID


@pytest.mark.parametrize("text", NO_GUIDS, ids=ascii)
def test_what_is_no_guid_is_refused(text: str) -> None:
    assert not is_guid(text)
    with pytest.raises(InvalidInput) as refused:
        parse_tenant_id(text, "$.here")
    assert [violation.path for violation in refused.value.violations] == ["$.here"]
    assert refused.value.message.startswith(f"Invalid object identifier '{text[:64]}'.")


def test_a_long_text_is_not_repeated_whole():
    with pytest.raises(InvalidInput) as refused:
        parse_tenant_id("x" * 100_000)
    assert len(refused.value.message) < 200
