"""Failures of the shipped contract are explained like those of any test file."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("xtap.testing.store_contract")
