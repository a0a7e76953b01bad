"""Titan's five rules and short ways to say things."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.conftest import TITAN


@pytest.fixture(scope="session")
def titan_rules() -> list[dict[str, Any]]:
    return yaml.safe_load((TITAN / "retention.yml").read_text())["retention_policies"]


@pytest.fixture
def freely() -> dict[str, Any]:
    """Clean-up options that ask for no backup and confirm any share."""
    return {"require_backup_within": "off", "max_fraction": 1.0, "pause": 0.0}
