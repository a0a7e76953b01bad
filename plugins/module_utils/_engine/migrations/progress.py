# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of progress go: to who called, into the result, and into a file that can be followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..outcome import Call

# A build of hours has more to say than anybody reads afterwards: the result keeps this many of the first and last lines.
_KEPT = 100


@contextmanager
def capture_progress(call: Call) -> Iterator[tuple[Call, list[str]]]:
    """The call with its lines kept in the list, and written to the option progress_file while the block runs."""
    lines: list[str] = []
    path = None if call.check_mode else call.options.get("progress_file")
    descriptor = _made(path, lines) if path else -1

    def say(line: str) -> None:
        lines.append(line)
        if len(lines) > 2 * _KEPT + 1:
            lines[_KEPT : _KEPT + 2] = ["..."]
        if descriptor >= 0:
            with suppress(OSError):  # a full disk must not stop a migration
                os.write(descriptor, f"{' '.join(line.splitlines())}\n".encode("utf-8", "replace"))
        call.say(line)

    try:
        yield call._replace(say=say), lines
    finally:
        if descriptor >= 0:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(str(path))


def _made(path: str, lines: list[str]) -> int:
    """The descriptor of the new file; -1, and a line that says why, if it cannot be made."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        lines.append(
            f"The progress file {path!r} could not be made ({error.strerror}), so nothing is shown on the way."
        )
        return -1
