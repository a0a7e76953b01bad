"""What of an account will have expired tomorrow, by shadow(5), and whose policy PAM is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host.cron_daemon import cron_services
from ansible_collections.titan.database.plugins.module_utils._engine.host.cron_session import expires


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("*:20000:0:99999:7:::", ""),
        ("!:20000:0:99999:7::20785:", "the account expires on 2026-11-28"),
        ("!:20000:0:99999:7::20786:", "the account expires on 2026-11-29"),
        ("!:20000:0:99999:7::20787:", ""),
        ("x:20700:0:86:7:::", ""),
        ("x:20700:0:85:7:::", "the password expires on 2026-11-29"),
        ("x::::::::", ""),
        ("x:bad:0:1:::x:", ""),
    ],
)
def test_an_account_that_expires(tmp_path: Path, fields: str, said: str) -> None:
    shadow = tmp_path / "shadow"
    shadow.write_text(f"root:*:1:0:1:7::1:\njobs2:*:1:0:1:7::1:\njobs:{fields}\n")
    assert expires("jobs", 20786, str(shadow)) == said  # 2026-11-29


def test_a_user_of_a_directory_service_and_a_closed_file_say_nothing(tmp_path: Path) -> None:
    assert expires("jobs", 20786, str(tmp_path / "none")) == ""
    (tmp_path / "shadow").write_text("root:*:1:0:1:7::1:\n")
    assert expires("jobs", 20786, str(tmp_path / "shadow")) == ""


@pytest.mark.parametrize(
    ("programs", "first"),
    [
        (["cron"], "cron"),
        (["crond"], "cronie"),
        (["generator"], ""),
        (["cron", "generator"], "cron"),
        ([], "cron"),
    ],
    ids=["Debian's", "cronie", "systemd-cron", "a generator that was left behind", "none yet"],
)
def test_the_policy_is_that_of_the_cron_that_is_there(tmp_path: Path, programs: list[str], first: str) -> None:
    for name in programs:
        (tmp_path / name).touch()
    names = cron_services(*(str(tmp_path / name) for name in ("cron", "crond", "generator")))
    assert (names or ("",))[0] == first
    assert "crond" in names or programs != ["crond"], "Red Hat's name"
