# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_waldump prints, as records; its lines are those of PostgreSQL 15 and 17."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pgbackrest import Stanza
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pipeline import Deadline
from ansible_collections.titan.database.plugins.module_utils._engine.backups.recover.records import (
    Record,
    lsn_from,
    lsn_text,
    records_from,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.recover.wal import Archive
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.programs import Programs

HEAD = "rmgr: {manager:11} len (rec/tot):    469/   469, tx:        729, lsn: 0/05003638, prev 0/05003600, desc: "
DROP = (
    "COMMIT 2026-11-27 15:19:12.367402 UTC; rels: base/16384/16421 pg_tblspc/1/PG_15_202209061/16384/7; "
    "dropped stats: 2/16384/16421; inval msgs: catcache 80"
)
TRUNCATE = (
    "COMMIT 2026-11-27 15:19:12 UTC; subxacts: 730 731; rels: base/16384/16424; inval msgs: catcache 55 relcache 16424"
)


def only(what: str, manager: str = "Transaction") -> Record:
    (found,) = records_from(HEAD.format(manager=manager) + what + "\n", manager)
    return found


def test_a_drop_is_told_from_a_truncate() -> None:
    drop, truncate = only(DROP), only(TRUNCATE)
    assert (drop.xid, drop.lsn, drop.time) == (729, 0x5003638, datetime(2026, 11, 27, 15, 19, 12, 367402, timezone.utc))
    assert drop.dropped == ((16384, 16421), (16384, 7)) and drop.with_statistics
    assert truncate.dropped == ((16384, 16424),) and not truncate.with_statistics
    assert only("COMMIT_PREPARED 712: 2026-11-27 15:19:12.5 UTC").xid == 712
    assert (
        list(records_from(HEAD.format(manager="Transaction") + "ABORT 2026-11-27 15:19:12 UTC\n", "Transaction")) == []
    )


def test_a_name_with_a_line_break_is_no_record_and_an_unknown_form_is_refused() -> None:
    point = only("RESTORE_POINT two\n is here", "XLOG")
    assert point.name == "two"
    for unknown in ("COMMIT yesterday", "COMMIT 2026-11-27 15:19:12 CET"):
        with pytest.raises(TitanError, match="cannot be parsed"):
            only(unknown)
    with pytest.raises(TitanError, match="cannot be parsed"):
        list(records_from("rmgr: Transaction another form\n", "Transaction"))


def test_positions() -> None:
    for text in ("0/0", "0/5002F98", "1F/FFFFFFFF"):
        assert lsn_text(lsn_from(text)) == text


def test_segments_are_of_the_timeline_that_had_begun(tmp_path: Path) -> None:
    """The log of timeline 3, which left 1 at 0/5800000 and 2 at 1/0."""
    size = 16 * 2**20
    archive = Archive(
        Stanza("", "", "", ""), str(tmp_path), Programs("", "15.1"), Deadline(0), 3, "000000030000000100000002",
        {1: lsn_from("0/5800000"), 2: lsn_from("1/0")}, size,
    )  # fmt: skip
    assert [archive._name(number) for number in (4, 5, 255, 256, 258)] == [
        "000000010000000000000004",
        "000000020000000000000005",
        "0000000200000000000000FF",
        "000000030000000100000000",
        "000000030000000100000002",
    ]
    assert archive.number_of("000000030000000100000002") == 258 == archive.last
    assert archive.has(1, lsn_from("0/5000000")) and not archive.has(1, lsn_from("0/5900000"))
    assert archive.has(3, lsn_from("9/0")) and not archive.has(4, 0)
