# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the fingerprint while the dump is written: two things at a time, and the first failure ends both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Callable

from ...errors import DatabaseError
from ...postgres.database import Database
from ..content.fingerprint import Fingerprint, read_fingerprint, safe_hash_method
from ..content.tables import Table
from ..programs.pipeline import Chain, Deadline

_SIGN_OF_LIFE = 10.0  # seconds
_CANCELS_WITHIN = 2.0  # seconds


def dump_and_fingerprint(
    database: Database,
    started: Chain,
    work: Callable[[], None],
    tables: Sequence[Table],
    hashed: Collection[tuple[str, str]] | None,
    deadline: Deadline,
    say: Callable[[str], None],
) -> Fingerprint:
    """Do the work in a second thread while this one takes the fingerprint; the first failure ends both.

    The fingerprint takes one core of the source at most: it is done before the dump anyway.
    """
    database.execute("SET max_parallel_workers_per_gather = 0")

    def ended(future: Future[None]) -> None:
        if future.exception():
            started.kill()
            # Until the server has been told so: the request must not meet a later query, such as the next attempt's.
            database.ask_to_cancel().join(_CANCELS_WITHIN)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        future.add_done_callback(ended)

        def progress(line: str) -> None:
            deadline.left()
            if future.done():
                future.result()
            say(line)

        try:
            content = read_fingerprint(database, tables, progress, hashed, safe_hash_method(database))
            _wait_for(future, database)
        except DatabaseError:
            if future.done():
                future.result()  # its failure is the reason that our query was cancelled
            started.kill()
            deadline.left()
            raise
        except BaseException:
            started.kill()
            raise
        return content


def _wait_for(future: Future[None], database: Database) -> None:
    """Wait for the dump, and let the server hear of us: it ends a transaction whose client has been silent for long."""
    while wait([future], timeout=_SIGN_OF_LIFE).not_done:
        database.value("SELECT 1")
    future.result()
