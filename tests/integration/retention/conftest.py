"""Titan's five rules and short ways to say things."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.conftest import TITAN, login


@pytest.fixture(scope="session")
def titan_rules() -> list[dict[str, Any]]:
    return yaml.safe_load((TITAN / "retention.yml").read_text())["retention_policies"]


@pytest.fixture
def freely() -> dict[str, Any]:
    """Clean-up options that ask for no backup and confirm any share."""
    return {"require_backup_within": "off", "max_fraction": 1.0, "pause": 0.0}


@pytest.fixture
def clean(settings: Any, call_module: Any, freely: Any) -> Any:
    """Store one policy; return (result in check mode, result of the run), which must tell the same."""

    def run(refused: str = "", **policy: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        wanted = [{"keep": "90 days", **policy}]
        stored = call_module("retention_policy", policies=wanted, **login(settings))
        if refused:
            assert stored.get("failed") and refused in stored["msg"], stored
            return stored, {}
        assert not stored.get("failed"), stored
        assert not call_module("retention_policy", policies=wanted, **login(settings))["changed"]
        planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
        done = call_module("cleanup", **freely, **login(settings))
        assert bool(planned.get("failed")) is bool(done.get("failed")), (planned, done)
        for key in ("deleted", "due", "referenced", "never_times", "null_times"):
            assert planned["results"][0][key] == done["results"][0][key], (key, planned, done)
        assert planned["findings"] == done["findings"]
        went = {(one["table"], one["action"]): one["rows"] for one in done["results"][0]["along"]}
        foretold = {(one["table"], one["action"]): one for one in planned["results"][0]["along"]}
        if not done.get("failed") and not any(one["at_least"] or one["rows"] is None for one in foretold.values()):
            assert went == {key: one["rows"] for key, one in foretold.items()}, (planned, done)
        assert all((one["rows"] or 0) <= went.get(key, 0) for key, one in foretold.items() if not done.get("failed"))
        return planned, done

    return run
