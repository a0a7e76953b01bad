# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading with one job what did not load with several: pg_restore in parallel takes another order, which not every dump bears."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, TypeVar

from ...errors import TitanError
from .failure import is_of_the_host
from .loading import Loader

T = TypeVar("T")


def load_with_fewer_jobs(
    loader: Loader, load: Callable[[Loader], T], remake: Callable[[], None], parallel: bool
) -> tuple[T, tuple[str, ...]]:
    """Load; if that fails with several jobs, once more with one, into a database made anew.

    Args:
        loader: With the wanted jobs.
        load: Loads with the loader that it is given.
        remake: Drops the database and makes it again.
        parallel: Whether the dump is one that several jobs load.

    Returns:
        What load returned, and a warning when it took one job.

    Raises:
        TitanError: it failed with one job, too, or for a reason that has nothing to do with jobs.
    """
    try:
        return load(loader), ()
    except TitanError as error:
        if not parallel or loader.jobs == 1 or not error.details.get("programs") or is_of_the_host(error.message):
            raise
        first = error.message.rstrip(".")
    remake()
    loaded = load(replace(loader, jobs=1))
    return loaded, (f"It can be restored with one job only (option 'jobs'). With {loader.jobs}: {first}.",)
