# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of programs: all of their ends are looked at, all within one time limit."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, Callable

from ...errors import TitanError
from ...host.limits import ended_by, file_size_limit, limit_in, reason
from ...host.programs import kill_tree, start
from .messages import without_rows

PIECE = 1 << 20
_LONGEST_MESSAGE = 1500
_SET_PIPE_SIZE = 1031  # Linux's F_SETPIPE_SZ, which Python names from 3.10 on


class Deadline:
    """The end of a run's time.

    Args:
        seconds: From now; 0 for no limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def left(self) -> float | None:
        """Seconds left, at least a moment; None without a limit.

        Raises:
            TitanError: the time is up.
        """
        if not self.seconds:
            return None
        rest = self.seconds - self.elapsed
        if rest <= 0:
            raise self.error()
        return rest

    @contextmanager
    def ends(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call stop, and again every half second, from when the time is up until the block has ended.

        Raises:
            TitanError: the time was up before the block's end, whatever else it raised then.
        """
        left, ended = self.left(), threading.Event()

        def watch() -> None:
            pause = left
            while not ended.wait(pause):
                pause = 0.5
                stop()

        watcher = threading.Thread(target=watch, daemon=True)
        if left:
            watcher.start()
        try:
            yield
        except Exception:
            if self.seconds and self.elapsed >= self.seconds:
                raise self.error() from None
            raise
        finally:
            ended.set()
            if left:
                watcher.join()
        self.left()

    def error(self) -> TitanError:
        return TitanError(
            f"The time limit of {self.seconds:g} seconds (option 'timeout') has passed; the run was ended."
        )


@dataclass(frozen=True)
class Program:
    """One program to start.

    Attributes:
        argv: Path or name and arguments; never holds a secret.
        env: Its whole environment; None for ours.
        identity: Keywords for subprocess that make it run as somebody else.
    """

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.argv[0].rsplit("/", 1)[-1]


class Chain:
    """Started programs, each one's output feeding the next one's input."""

    def __init__(self, programs: Sequence[Program], stdin: Any, stdout: Any, deadline: Deadline) -> None:
        self.programs = programs
        self.deadline = deadline
        self.timed_out = False
        self.processes: list[subprocess.Popen[bytes]] = []
        self.errors: list[IO[bytes]] = []
        left = deadline.left()
        try:
            for number, program in enumerate(programs):
                first, last = number == 0, number == len(programs) - 1
                self._start(
                    program,
                    stdin if first else self.processes[-1].stdout,
                    stdout if last else subprocess.PIPE,
                )
                if not first and self.processes[-2].stdout:
                    self.processes[-2].stdout.close()  # so that it gets SIGPIPE when its reader ends
        except BaseException:
            self.close()
            raise
        self.timer = threading.Timer(left, self._time_is_up) if left else None
        if self.timer:
            self.timer.daemon = True
            self.timer.start()

    def _start(self, program: Program, stdin: Any, stdout: Any) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in close(); a pipe nobody drains would block the program
        self.errors.append(errors)
        env = dict(program.env) if program.env is not None else None
        try:
            self.processes.append(
                start(program.argv, stdin=stdin, stdout=stdout, stderr=errors, env=env, cwd="/", **program.identity)
            )
        except OSError as error:
            raise TitanError(f"{program.argv[0]} cannot be started: {reason(error)}.") from error
        for stream in (self.processes[-1].stdin, self.processes[-1].stdout):
            if stream:
                _widen(stream)

    @property
    def input(self) -> IO[bytes]:
        return _present(self.processes[0].stdin)

    @property
    def output(self) -> IO[bytes]:
        return _present(self.processes[-1].stdout)

    def pieces(self) -> Iterator[bytes]:
        """What the last program writes, to its end."""
        return iter(partial(self.output.read, PIECE), b"")

    def _time_is_up(self) -> None:
        self.timed_out = True
        self.kill()

    def kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                kill_tree(process.pid)

    def finish(self) -> None:
        """Wait for all programs.

        Raises:
            TitanError: a program failed, was killed, or the time is up; names each with the end of what it said.
        """
        for process in self.processes:
            process.wait()
        if self.timed_out:
            raise self.deadline.error()
        failures = [text for number in range(len(self.processes)) if (text := self._failure(number))]
        if failures:
            raise TitanError(f"{'; '.join(failures)}.", programs=[program.name for program in self.programs])

    def _failure(self, number: int) -> str:
        status = self.processes[number].returncode
        if status == 0 or (status == -signal.SIGPIPE and number < len(self.processes) - 1):
            return ""
        self.errors[number].seek(0)
        text = self.errors[number].read().decode(errors="replace")
        if self.programs[number].name.startswith(("pg_", "psql")):
            text = without_rows(text)
        message = " ".join(text[-_LONGEST_MESSAGE:].split()).rstrip(".")
        ended = ended_by(-status) if status < 0 else f"failed with status {status}"
        if "died unexpectedly" in message and (limit := file_size_limit()):  # pg_dump does not say what ended its job
            message += f"; {limit}"
        message += f"; {limit}" if (limit := limit_in(message)) else ""
        return f"{self.programs[number].name} {ended}{': ' + message if message else ''}"

    def close(self) -> None:
        """Kill what still runs and release everything."""
        if getattr(self, "timer", None):
            self.timer.cancel()  # type: ignore[union-attr]
        self.kill()
        for process in self.processes:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue
        for errors in self.errors:
            errors.close()


def _widen(stream: IO[bytes]) -> None:
    """Make the pipe as large as an ordinary user may: with less, the programs on both sides wait for each other more often."""
    with suppress(OSError):
        fcntl.fcntl(stream, _SET_PIPE_SIZE, PIECE)


def _present(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise TypeError("this end of the chain is not a pipe")
    return stream


@contextmanager
def chain(programs: Sequence[Program], deadline: Deadline, stdin: Any = None, stdout: Any = None) -> Iterator[Chain]:
    """Start the programs for the block; when it ends wait for them, when it raises kill them.

    The failure of a program wins over the block's own error about its pipe.
    """
    started = Chain(programs, subprocess.DEVNULL if stdin is None else stdin, stdout, deadline)
    try:
        try:
            yield started
            if stdin == subprocess.PIPE:
                started.input.close()
        except BrokenPipeError:
            started.finish()
            raise
        started.finish()
    except BaseException:
        if started.timed_out:
            raise deadline.error() from None
        raise
    finally:
        started.close()


def output_of(program: Program, deadline: Deadline) -> str:
    """What the program prints.

    Raises:
        TitanError: it failed.
    """
    with chain([program], deadline, stdout=subprocess.PIPE) as started:
        return started.output.read().decode(errors="surrogateescape")
