"""Where a crontab's line is cut: schedule, user, command."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.entry import parse_entry


@pytest.mark.parametrize(
    ("line", "with_user", "read"),
    [
        ("0  2 * *\t1 echo 'a  b'", False, ("0 2 * * 1", "echo 'a  b'")),
        ("  0 2 * * 1 root echo  x\n", True, ("0 2 * * 1", "echo  x\n")),
        ("@daily  echo x", False, ("@daily", "echo x")),
        ("\t@daily root echo x", True, ("@daily", "echo x")),
        ("0 2 * * 1 root", True, None),
        ("@daily ", False, None),
        (" # 0 2 * * 1 echo x", False, None),
        (" NOTE = before it was 0 2 * * 1 echo x", False, None),
        ("", False, None),
        ("\n", True, None),
    ],
)
def test_a_line_is_read_as_cron_reads_it(line: str, with_user: bool, read: tuple[str, str] | None) -> None:
    assert parse_entry(line, with_user) == read
