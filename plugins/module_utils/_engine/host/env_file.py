# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read environment files as the shell that cron uses reads them.

A file that holds nothing but assignments is read without a shell (text/shell_assignments.py). Anything else, a command
substitution for example, is asked of /bin/sh: with an empty environment, over the bytes that were read, never as root for
a file that another user could have written.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from ..errors import TitanError
from ..text.env_repairs import as_meant
from ..text.shell_assignments import AssignmentError, BeyondError, read_assignments, unset_references
from .programs import start
from .safe_open import UnsafePathError, open_file

_SHELL_SECONDS = 10.0
_SHELL_REASON = re.compile(
    r"not found|Permission denied|[Bb]ad substitution|Unterminated quoted string|takes longer than \d+ s|"
    r'Syntax error: (?:"\W{1,3}"|end of file|newline|word) unexpected|Syntax error'
)
# A line that names the database, whose value the shell must keep.
_DATABASE_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(\w*(?:DATABASE|DATASOURCE|POSTGRES|DB_|PG|DIRECT_URL)\w*)=", re.MULTILINE
)
# The names that are read without being asked for; others, as a chat server's own, may lose what they will.
_READ = re.compile(r"(DATABASE_URL|DIRECT_URL|DB_|SPRING_DATASOURCE_|POSTGRES_|PG|TITAN_DB_)\w*")


class EnvFileError(TitanError):
    """The file cannot be read, or a line means something else to a shell."""


class EnvText(NamedTuple):
    """An env file as it was read.

    Attributes:
        path: For messages.
        text: Its content as it is meant (text.env_repairs); bytes that are not UTF-8 as surrogates.
        owner, group: Ids of the file's owner and group.
        only_owner_writes: Whether neither group nor others may write to it.
        others_read: Whether users outside of its group may read it.
        notes: What was read otherwise than it stands there.
        as_written: Its content as it stands there.
    """

    path: str
    text: str
    owner: int
    group: int
    only_owner_writes: bool
    others_read: bool = False
    notes: tuple[str, ...] = ()
    as_written: str = ""


def read_env_file(path: str) -> dict[str, str]:
    """Return the variables that a shell with an empty environment has after sourcing the file.

    Raises:
        EnvFileError: the file is missing or not readable, or a line is a mistake (named with its number).
    """
    env = read_env_text(path)
    variables = variables_of(env)
    require_kept(env, variables, _READ.fullmatch)
    return variables


def read_env_text(path: str) -> EnvText:
    """Read the file's bytes once.

    Raises:
        EnvFileError: the file is missing or not readable, or another user could have put it there.
    """
    try:
        with os.fdopen(open_file(path), "rb") as stream:
            status, raw = os.fstat(stream.fileno()), stream.read()
    except UnsafePathError as error:
        raise EnvFileError(f"The env file {error.message}", env_file=path) from error
    except OSError as error:
        advice = "Create it with DATABASE_URL=... (mode 0600, owned by the job's user) or correct env_file."
        if isinstance(error, PermissionError):
            advice = f"Let the job's user read it, as root: chown {os.geteuid()} {shlex.quote(path)} && chmod 0600 {shlex.quote(path)}"
        raise EnvFileError(
            f"The env file {path!r} cannot be read ({error.strerror}). {advice}", env_file=path
        ) from error
    text = raw.decode("utf-8", "surrogateescape")
    meant, notes = as_meant(text)
    mode = stat.S_IMODE(status.st_mode)
    private, others_read = not mode & 0o022, bool(mode & 0o004)
    return EnvText(path, meant, status.st_uid, status.st_gid, private, others_read, notes, text)


def parse_env(text: str, path: str = "env file") -> dict[str, str]:
    """Return the variables that the text assigns, without a shell; path is only used in messages.

    Raises:
        EnvFileError: a line is a mistake, or needs a shell.
    """
    try:
        return _assignments(text, path)
    except BeyondError as error:
        raise _mistake(path, error.line, error.reason) from error


def variables_of(env: EnvText) -> dict[str, str]:
    """Return the variables that a shell has after sourcing what was read.

    Raises:
        EnvFileError: a line is a mistake, or the shell fails.
    """
    try:
        return _assignments(env.text, env.path)
    except BeyondError as error:
        beyond = error
    if not os.geteuid() and not env.owner and not env.only_owner_writes:
        raise _mistake(env.path, beyond.line, f"{beyond.reason[:-1]}, and users other than root may write to the file.")
    return ask_shell(env)


def require_kept(env: EnvText, variables: Mapping[str, str], wanted: Callable[[str], object] = bool) -> None:
    """Refuse a line about a database whose value the shell loses, as it does at an unquoted ``&``.

    Args:
        wanted: Which of the variables are looked at, by name.

    Raises:
        EnvFileError: the variable of such a line is not among the variables.
    """
    for each in _DATABASE_LINE.finditer(env.text):
        if each[1] not in variables and wanted(each[1]):
            line = env.text.count("\n", 0, each.start(1)) + 1
            raise _mistake(env.path, line, f"the shell does not keep the value of {each[1]}.")


def check_against_shell(path: str) -> dict[str, str]:
    """Return the file's variables after checking that /bin/sh, sourcing it, sees the same values.

    Raises:
        EnvFileError: as read_env_file, or the shell sees another value for a variable (which is named), or the shell fails, as it
            may where the file was not read as it stands there: the line of a job could not start.
    """
    env = read_env_text(path)
    ours = variables_of(env)
    require_kept(env, ours, _READ.fullmatch)
    if env.notes and not _shell_succeeds(env):
        raise EnvFileError(f"{path} cannot be sourced by the jobs' shell. {' '.join(env.notes)}", env_file=path)
    shell = ask_shell(env)
    different = [name for name, value in ours.items() if shell.get(name) != value]
    if different:
        raise EnvFileError(
            f"{path} means something else to /bin/sh than to titan-db: {different[0]} differs. "
            "Put the value into single quotes.",
            env_file=path,
        )
    return ours


def _shell_succeeds(env: EnvText) -> bool:
    """Whether ``. FILE`` ends with status 0, whatever it says."""
    return _sourced(env._replace(text=env.as_written), "exit $1")[2] is False


def variables_before_mistake(path: str) -> dict[str, str]:
    """What a shell that sources the file has when it stops at a mistake, for a message about just that; empty if it cannot be read."""
    try:
        env = read_env_text(path)
    except EnvFileError:
        return {}
    if not os.geteuid() and not env.owner and not env.only_owner_writes:
        return {}
    return _pairs(_sourced(env, "", before="trap '/usr/bin/env -0' EXIT; ")[0])


def missing_references(env: EnvText, variables: dict[str, str], name: str) -> list[str]:
    """The variables that the value of name refers to and that have no value."""
    return unset_references(env.text, variables, name)


def ask_shell(env: EnvText) -> dict[str, str]:
    """The variables that /bin/sh exports after ``set -a; . FILE`` in an empty environment; root asks as the file's owner.

    Raises:
        EnvFileError: the shell fails, says something on standard error, or takes longer than 10 seconds.
    """
    output, errors, failed = _sourced(env, "set +a; /usr/bin/env -0; exit $1")
    if failed or errors:
        line = re.search(r"(?:/proc/self/fd/\d+: line |: )(\d+): ", errors)
        reason = _SHELL_REASON.search(errors)  # the whole message may hold a part of a value
        raise _mistake(
            env.path, int(line[1]) if line else 0, f"the shell fails: {reason[0] if reason else 'its status is not 0'}."
        )
    return _pairs(output)


def _pairs(output: str) -> dict[str, str]:
    """The variables that ``env -0`` printed, without the shell's own."""
    pairs = (item.partition("=") for item in output.split("\0") if "=" in item)
    return {name: value for name, _equals, value in pairs if name not in ("PWD", "OLDPWD", "SHLVL", "_")}


def _sourced(env: EnvText, then: str, before: str = "") -> tuple[str, str, bool]:
    """What _run_shell gives for a script that sources the text; $1 is the status of that in ``then``."""
    descriptor = os.memfd_create("env file")
    try:
        os.write(descriptor, env.text.encode("utf-8", "surrogateescape"))
        return _run_shell(f"{before}set -a; . /proc/self/fd/{descriptor}; set -- $?; {then}", descriptor, env)
    finally:
        os.close(descriptor)


def _run_shell(script: str, descriptor: int, env: EnvText) -> tuple[str, str, bool]:
    """Standard output, standard error, and whether the shell failed or was stopped."""
    process = start(
        ["/bin/sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/",
        pass_fds=(descriptor,), start_new_session=True, **_as_owner(env),
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=_SHELL_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "", f"it takes longer than {_SHELL_SECONDS:.0f} s", True
    return output.decode("utf-8", "surrogateescape"), errors.decode("utf-8", "replace"), process.returncode != 0


def _as_owner(env: EnvText) -> dict[str, Any]:
    """Keywords for subprocess: root lets the file's owner run the shell."""
    if os.geteuid() or not env.owner:
        return {}
    return {"user": env.owner, "group": env.group, "extra_groups": []}


def _assignments(text: str, path: str) -> dict[str, str]:
    try:
        return read_assignments(text)
    except BeyondError:
        raise
    except AssignmentError as error:
        raise _mistake(path, error.line, error.reason) from error


def _mistake(path: str, line: int, reason: str) -> EnvFileError:
    where = f"{path}, line {line}" if line else path
    remedy = (
        "Convert the file: sed -i 's/\\r$//'"
        if "carriage return" in reason
        else "A shell would read this line differently: write NAME='value', with single quotes around anything but letters and digits."
    )
    return EnvFileError(f"{where}: {reason} {remedy}", env_file=path, line=line)
