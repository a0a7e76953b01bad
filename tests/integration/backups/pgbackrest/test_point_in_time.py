# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Production goes back to a moment, as the guide says; from then on its history has two branches, and both are proven."""

from __future__ import annotations

import os
import time

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.physical import read_pointer
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pgbackrest import call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from .helpers import Place


def test_after_a_restore_to_a_moment_backups_of_both_timelines_are_proven(place: Place) -> None:
    place.prepare()
    place.backup(verify="checksum")
    with connect(place.settings) as database:
        # pgBackRest keeps the end of a backup in whole seconds, and wants a moment after it.
        database.value("SELECT pg_sleep_until(date_trunc('second', clock_timestamp()) + interval '2 seconds')")
        good = str(database.value("SELECT now()"))
        database.execute("DELETE FROM public.orders")
    later = place.backup(verify="checksum").data["backup"]["path"]
    stanza = read_pointer(str(place.dest))
    assert stanza is not None
    call(stanza, "backup", "--type=incr", timeout=120)  # by somebody else, with no restore point
    adopted = place.info().data["backups"][0]["path"]

    place.cluster.stop()
    call(stanza, "restore", "--delta", "--type=time", f"--target={good}", "--target-action=promote", timeout=120)
    place.cluster.run_program("pg_ctl", "-w", "-l", os.path.join(place.cluster.folder, "server.log"), "start")
    with connect(place.settings) as database:
        end = time.monotonic() + 120
        while database.in_recovery():
            assert time.monotonic() < end, "it is still in recovery after 120 s"
            time.sleep(0.1)
        assert database.value("SELECT count(*)::int FROM public.orders") == 4000

    assert "502 rows equal to the source" in place.drill(source=later).summary, "the timeline that was left"
    assert "nothing is known to compare with" in place.drill(source=adopted).summary
    assert "verified (restored), 3 tables, 4502 rows" in place.backup().summary
    assert [entry["verified_level"] for entry in place.info().data["backups"]] == [
        "restored", "checksum", "restored", "checksum",
    ]  # fmt: skip
