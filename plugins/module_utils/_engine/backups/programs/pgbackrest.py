# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running pgBackRest on one stanza, and what it says about its repository."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import OptionError, TitanError
from ...host.programs import TimedOutError, run
from ...postgres.cluster import identity, unprivileged_user

PROGRAM = "pgbackrest"
_STANZA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LOG = re.compile(r"^(?:WARN|ERROR): *(?:\[(\d+)\]: *)?")
# Failures that say something about this host or the way to the repository, not about what lies in it.
_OF_THE_HOST = re.compile(
    r"No space left|Permission denied|unable to acquire lock|unable to (?:connect|find|load library)|timed out|FileWriteError|"
    r"HostConnect|ProtocolError|ServiceError|option '",
    re.IGNORECASE,
)
# Codes of a stanza's status in "info".
_OK, _NO_BACKUPS = 0, 2
_ABSENT = (1, 3)


@dataclass(frozen=True)
class Stanza:
    """One stanza, and the directory in which we keep what pgBackRest does not know.

    Attributes:
        dest: Our directory, with the pointer to the stanza and one record for each backup.
        name: The name of the backups in our catalog.
        stanza: The stanza's name.
        config: Path of pgBackRest's configuration file; it holds the secrets, too.
    """

    dest: str
    name: str
    stanza: str
    config: str


def require_stanza_name(stanza: str) -> str:
    """The name, if pgBackRest and a file name can bear it."""
    if not _STANZA.fullmatch(stanza):
        raise OptionError("stanza", stanza, "Use 1 to 63 letters, digits and . _ -, the first a letter or digit.")
    return stanza


def require_config(config: str) -> None:
    """Refuse a configuration file that is missing, that others can read, or that belongs to somebody else.

    Raises:
        OptionError: says what to do.
    """
    owner = _runs_as()
    try:
        status = os.stat(config)
    except OSError as error:
        raise OptionError(
            "pgbackrest_config",
            config,
            f"It must be pgBackRest's configuration file ({error.strerror}); the role backup writes it.",
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise OptionError("pgbackrest_config", config, "It must be a regular file.")
    if status.st_mode & 0o007:
        raise OptionError("pgbackrest_config", config, "Others can read it, and it may hold secrets; chmod 0600 it.")
    if os.geteuid() == 0 and status.st_uid != owner.pw_uid:
        raise OptionError(
            "pgbackrest_config", config, f"Root runs pgBackRest as {owner.pw_name}, but the file belongs to user id {status.st_uid}. "
            "Run this as that user, who must be the owner of the server's files."
        )  # fmt: skip


def _runs_as() -> pwd.struct_passwd:
    return unprivileged_user() or pwd.getpwuid(os.geteuid())


def call(
    stanza: Stanza,
    command: str,
    *options: str,
    timeout: float | None = None,
    log: str = "off",
    parameters: Sequence[str] = (),
) -> str:
    """Run one of pgBackRest's commands and return its standard output.

    Args:
        stanza: The stanza.
        command: Such as "backup".
        options: Further options; never a secret, which belongs into the configuration file.
        timeout: Seconds; None for no limit.
        log: Level of what it logs to its standard output.
        parameters: What stands behind the command.

    Raises:
        TitanError: it is not installed or failed; details: code (its own), of_the_backup (whether the repository's
            content is to blame).
    """
    program = shutil.which(PROGRAM)
    if not program:
        raise TitanError("pgBackRest is not installed here. Install the package pgbackrest.")
    require_config(stanza.config)
    argv = [
        program, f"--config={stanza.config}", f"--stanza={stanza.stanza}", f"--log-level-console={log}",
        "--log-level-stderr=warn", *options, command, *parameters,
    ]  # fmt: skip
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        done = run(argv, capture_output=True, timeout=timeout, cwd="/", env=environment, **identity())
    except TimedOutError as error:
        raise TitanError(f"pgbackrest {command} did not end within {timeout:.0f} seconds and was killed.") from error
    if done.returncode:
        said = (done.stderr + b"\n" + done.stdout).decode(errors="replace")
        raise TitanError(
            f"pgbackrest {command} failed for stanza {stanza.stanza!r}: {plain(said)}",
            code=done.returncode,
            of_the_backup=not _OF_THE_HOST.search(said),
        )
    return str(done.stdout.decode(errors="replace"))


def plain(said: str, most: int = 1500) -> str:
    """What pgBackRest logged, in one line, without its hints about itself."""
    lines = [_LOG.sub("", line.strip()) for line in said.splitlines()]
    return " ".join(line for line in lines if line)[:most]


def read_info(stanza: Stanza) -> dict[str, Any]:
    """What ``info --output=json`` says about the stanza, which must exist in the repository.

    Raises:
        TitanError: there is no such stanza, or the repository cannot be read.
    """
    found = find_info(stanza)
    if found is None:
        raise TitanError(
            f"pgBackRest's repository holds no stanza {stanza.stanza!r} (configuration {stanza.config}). "
            "Create it with titan.database.backup_stanza, or correct 'stanza'.",
            stanza=stanza.stanza,
        )
    return found


def find_info(stanza: Stanza) -> dict[str, Any] | None:
    """Like read_info; None when the repository does not hold the stanza."""
    said = call(stanza, "info", "--output=json", timeout=300)
    try:
        found = next((item for item in json.loads(said) if item["name"] == stanza.stanza), None)
        status = found["status"] if found else {"code": _ABSENT[0], "message": "missing"}
        code, message = int(str(status["code"])), str(status["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise TitanError(f"pgbackrest info returned output that cannot be parsed: {said[:200]!r}") from error
    if code in _ABSENT:
        return None
    if code not in (_OK, _NO_BACKUPS) or found is None:
        each = [str((repo.get("status") or {}).get("message", "")) for repo in (found or {}).get("repo", ())]
        said = " ".join("; ".join(dict.fromkeys([message, *filter(None, each)])).split()).partition(" HINT:")[0]
        raise TitanError(f"pgBackRest cannot read stanza {stanza.stanza!r}: {said}", stanza=stanza.stanza)
    return dict(found)


_SET = re.compile(r"^\s*backup: (?P<label>\S+), status: (?P<status>[^,]+)")
_COUNTS = re.compile(r"^\s*((?:missing|checksum invalid|size invalid|other): \d+[^\n]*)$")
_NAMED = re.compile(r"INFO: ((?:invalid|missing)[^']*'[^']+')")
_NAMED_AT_MOST = 3


def verify_sets(stanza: Stanza, timeout: float | None = None) -> dict[str, str]:
    """Let pgBackRest read its whole repository; return label -> problem (empty: valid).

    Its exit status is 0 also when it finds damage, so only what it says counts.

    Raises:
        TitanError: it could not be run, or its report cannot be understood.
    """
    found = parse_verify(call(stanza, "verify", "--output=text", "--verbose", timeout=timeout, log="info"))
    if not found and read_info(stanza).get("backup"):
        raise TitanError(f"pgbackrest verify reported nothing about the backups of stanza {stanza.stanza!r}.")
    return found


def parse_verify(said: str) -> dict[str, str]:
    """label -> problem, from the verbose report of ``pgbackrest verify``.

    Damage in the archive of write-ahead log is every backup's: it cannot be known here which one needs the segment.
    """
    found: dict[str, str] = {}
    archive, last = "", ""
    files = ", ".join(list(dict.fromkeys(_NAMED.findall(said)))[:_NAMED_AT_MOST])
    named = f": {files}" if files else ""
    for line in said.splitlines():
        matched = _SET.match(line)
        if matched:
            last, status = matched["label"], matched["status"].strip()
            found[last] = "" if status == "valid" else f"pgbackrest verify says {status}{named}"
        counts = _COUNTS.match(line)
        if counts and re.search(r": [1-9]", counts[1]):
            bad = ", ".join(part for part in counts[1].split(", ") if not part.endswith(": 0"))
            if last:
                found[last] = f"{found[last] or 'pgbackrest verify says'} ({bad})"
            else:
                archive = f"pgbackrest verify found damage in the archive of write-ahead log ({bad}){named}"
    return {label: problem or archive for label, problem in found.items()}
