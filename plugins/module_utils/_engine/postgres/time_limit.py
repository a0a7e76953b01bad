# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run's time, whatever it is waiting for: a server, a program, a network that says nothing any more.

What an operation does by itself when its time is up comes first (no further batch, a cancelled statement, a killed
program). A second later this is the backstop: every program that the run has started is killed and every session is
asked to cancel; two seconds after that the sessions are ended from this side, which needs no answer; and if the run is
still there then, it is left as it is, and the process ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Callable

from ..errors import OptionError, TitanError
from ..host.programs import kill_tree, running_programs
from ..text.durations import parse_seconds
from .connecting import limit_connecting
from .database import Database, open_databases

# Seconds after the limit.
_BACKSTOP, _SESSIONS_END, _PROCESS_ENDS = 1.0, 3.0, 4.5
_EVERY = 0.25

# For what has no option of its own: it asks a few questions and waits for a lock at most.
DEFAULT_SECONDS = 300.0


def limit_of(options: Mapping[str, Any]) -> tuple[float, str]:
    """The seconds that an operation with these options may take (0: without a limit), and the option that says so.

    Raises:
        OptionError: the number is negative, or the text is no length of time.
    """
    if options.get("timeout") is not None:
        if float(options["timeout"]) < 0:
            raise OptionError("timeout", options["timeout"], "Give a number of seconds, or 0 for no limit.")
        return float(options["timeout"]), "timeout"
    if options.get("max_runtime"):
        return parse_seconds("max_runtime", options["max_runtime"]), "max_runtime"
    return DEFAULT_SECONDS, ""


@contextmanager
def time_limit(options: Mapping[str, Any], give_up: Callable[[str], None]) -> Iterator[None]:
    """End the block when the time that its options allow is over.

    Args:
        options: Of the operation that runs in the block.
        give_up: Says the sentence it is given and ends the process; called in another thread when nothing else helped.

    Raises:
        TitanError: the time was over before the block's end, whatever was raised then.
    """
    seconds, option = limit_of(options)
    if seconds <= 0:
        yield
        return
    ends = time.monotonic() + seconds
    named = f" (option {option!r})" if option else ""
    sentence = f"The time limit of {seconds:g} seconds{named} has passed; the run was ended."
    ended = threading.Event()
    others = {id(one) for one in (*open_databases(), *running_programs())}  # were there before, and are not this run's
    watcher = threading.Thread(target=_watch, args=(ends, ended, others, lambda: give_up(sentence)), daemon=True)
    watcher.start()
    limit_connecting(ends)
    try:
        yield
    except TitanError as error:
        if time.monotonic() < ends or sentence in error.message:
            raise
        raise TitanError(f"{sentence} {error.message}", **error.details) from error
    finally:
        limit_connecting(None)
        ended.set()


def _watch(ends: float, ended: threading.Event, others: set[int], give_up: Callable[[], None]) -> None:
    if ended.wait(max(0.0, ends + _BACKSTOP - time.monotonic())):
        return
    _kill_programs(others)
    for database in _sessions(others):
        threading.Thread(target=database.cancel, daemon=True).start()  # waits for an answer without a limit
    while not ended.wait(_EVERY):
        late = time.monotonic() - ends
        if late >= _SESSIONS_END:
            _kill_programs(others)
            for database in _sessions(others):
                database.abort()
        if late >= _PROCESS_ENDS:
            give_up()


def _kill_programs(others: set[int]) -> None:
    for process in running_programs():
        if id(process) not in others:
            kill_tree(process.pid)


def _sessions(others: set[int]) -> list[Database]:
    return [database for database in open_databases() if id(database) not in others]
