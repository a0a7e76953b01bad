# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of other crontabs that do what the jobs do, or delete what the jobs keep. Pure.

Unlike adoption.py this asks for no certainty: a person is told of the line, and decides.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .block import outside_blocks
from .entry import starts_nothing

_PROGRAMS = re.compile(
    r"(?<![\w.-])(?<!/lib/)(?<!/log/)(?<!/etc/)(?<!/share/)(?<!/spool/)"
    r"(pg_dump|pg_dumpall|pg_basebackup|pg_receivewal|vacuumdb|vacuumlo|reindexdb|clusterdb|dropdb|pg[_-]repack|pg_squeeze|"
    r"pg_probackup|pg_rman|pgbackrest|barman|wal-g|wal-e|pg_back|pgcopydb|pg_dumpbinary|pg_archivecleanup)(?![\w-]|/)"
)
# The same programs, asked for what there is: words of which one is enough, unless another says that they work.
_LOOKING = frozenset(["info", "check", "version", "verify", "status", "backup-list", "wal-show"])
_WORKING = frozenset(["backup", "backup-push", "expire", "delete", "cron"])
_VERSION = frozenset(("--version", "-V"))
_WITH_WORDS = frozenset(("pgbackrest", "barman", "wal-g"))
# The call of a function whose name says that rows or tables go; PostgreSQL reads it as Python does.
CLEANING_CALL = (
    r"(?:\w+_)?(?:cleanup|purge|delete|prune|expire|remove|clean|archive|rotate|trim|drop|sweep|retention|maintenance|housekeeping)"
    r"(?:_\w+)?(?=\s*\()"
)
_STATEMENTS = re.compile(
    r"\b(VACUUM|REINDEX|CLUSTER|DELETE\s+FROM|TRUNCATE|DROP\s+(?:TABLE|INDEX|SCHEMA|DATABASE)|run_all_cleanups|cleanup_\w+|"
    r"drop_chunks|run_maintenance(?:_proc)?|COPY|DROP\s+PARTITION|DETACH\s+PARTITION|"
    rf"{CLEANING_CALL})\b",
    re.IGNORECASE,
)
# A program or script whose name says what it does; a directory called backups is none, and dpkg's own copy is about no database.
_SCRIPT = re.compile(
    r"(?<![\w/.~$-])[^\s;&|()'\"=]*?([\w.-]*(?:backup|pg[_-]?dump|dump[_-]?(?:db|pg|database|all)|db[_-]?dump|vacuum|reindex|"
    r"(?:db|pg|partition)[_-]?(?:cleanup|purge|maintenance)|(?<![a-z])(?:bak|bkp|(?:postgres|sql)[_-]?dump)(?=[\w.-]*\.(?:sh|bash|py|pl|php|rb)\b))"
    r"[\w.-]*)(?=[\s;&|()'\"@]|$)",
    re.IGNORECASE,
)
# A task of a project: the runner, then a task whose name says what it does.
_TASK = re.compile(
    r"(?<![\w.-])(npm|yarn|pnpm|make|rake|artisan|manage\.py|just|composer|mix|rails|invoke|fab|task)\s(?:[^;&|]*?\s)?"
    r"((?:run\s)?[\w:.-]*(?:backup|db:dump|pg[_:-]?dump|vacuum|reindex|purge|db[_:-]?cleanup)[\w:.-]*)(?=[\s;&|)'\"]|$)|"
    r"(?<![\w.-])(rake|artisan|manage\.py|rails|tootctl|occ)\s(?:[^;&|]*?\s)?"
    r"((?:(?:media|statuses|accounts)\s)?[\w:.-]*(?:prune|trim|clearsessions|dumpdata|cull|remove)[\w:.-]*)(?=[\s;&|)'\"]|$)|"
    r"(?<![\w.-])(rake|artisan|manage\.py|rails|console)\s(?:[^;&|]*?\s)?"
    r"((?![\w:.-]*(?:te?mp|file|media|cache|pdf|upload|image|container))[\w:.-]*(?:cleanup|clean(?![\w])|clean[_-])[\w:.-]*)(?=[\s;&|)'\"]|$)|"
    r"(?<![\w.-])(docker|docker-compose|podman|podman-compose|kubectl|discourse|velero|gitlab-rake|heroku|dokku|scalingo|gcloud)\s(?:[^;&|]*?\s)?"
    r"((?:[\w.-]+(?::\d+)?/)*[\w:.-]*(?:backups?(?::[\w:.-]+)?|backup[\w.-]*:[\w.-]+))(?=[\s;&|)'\"]|$)|"
    r"(?<![\w.-])(aws)\srds\s(?:[^;&|]*?\s)?(create-db-(?:cluster-)?snapshot)|"
    r"(?<![\w.-])(backup\s+perform)\b",
    re.IGNORECASE,
)
# A program called backup, where a command begins: after the fields of time, an operator or a quote, and what only starts another.
_BACKUP_PROGRAM = re.compile(
    r"(?:^\s*(?:@\w+\s+|(?:\S+\s+){5})(?:(?:root|postgres|nice|ionice|chronic|nohup|exec|time|-\S+|-n\s\d+|timeout\s+\S+)\s+)*|"
    r"[;&|(]\s*|-l?c\s+['\"])(?:[^\s;&|()'\"=]*/)?(backups?)(?=[\s;&|)'\"]|$)"
)
_NO_SCRIPT = re.compile(
    r"\.?backups?|dpkg-db-backup|--[\w-]*|.*\.(?:log|txt|json|ya?ml|conf|prom|lock|pid|gz|zst)", re.IGNORECASE
)
# Bytes of a line that are judged by names: cron hands at most 998 to the shell, and the rules look at each word again.
_LONGEST = 4000
# No name of a program: a key, or data in a script.
_LONG = re.compile(r"[\w.:-]{256,}")
# What is done with the output, which starts nothing of the kind.
_OUTPUT = re.compile(r"[12]?>>?\s*\S+|\|\s*(?:logger|systemd-cat|mail|mailx|tee|ts)\b[^|;&]*")
# Addresses of the web and of stores for files, which start nothing here.
_ADDRESS = re.compile(r"(?<!\S)[\"']?(?:https?|s3|gs|sftp|b2|rclone|azure):\S+")
# A script in a directory for backups, and one that maintains or cleans as the server's own user.
_BY_PLACE = re.compile(
    r"(?<![\w/.~$-])[^\s;&|()'\"=]*/(backups?/[\w.-]+\.(?:sh|bash|py|pl|php|rb))(?=[\s;&|)'\"]|$)|"
    r"(?:^\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+postgres\s|su\s(?:-\s)?postgres\s|sudo\s-\w*u\s?postgres\s).*?"
    r"([\w.-]*(?:maintenance|cleanup|purge|partition|retention|bloat_?fix)[\w.-]*)(?=[\s;&|)'\"]|$)"
)
# A copy of the server's own files.
_COPIES_FILES = re.compile(
    r"(?<![\w.-])(borg|restic|tar|rsync|cp|duplicity|rclone|rdiff-backup|kopia)\s[^;&|]*/(?:var/lib/(?:postgresql|pgsql|postgres)|pgdata)(?![\w-])"
)
_SQL_FILE = re.compile(r"\bpsql\b.*(?:-f\s*|--file[= ]|(?<!<)<(?!<)\s*)(\S+)|(\S+\.sql)\b[^;&|]*\|[^;&|]*\bpsql\b")
# A word of another database's language, which is no script.
_OTHER_SQL = re.compile(r"(?<![\w.-])(?:sqlite3|mysql|mariadb|duckdb)(?![\w.-])")
_OTHER_DATABASE = re.compile(r"mongo|mysql|maria|redis|influx|sqlite|ldap|elastic", re.IGNORECASE)
_REMOVES = re.compile(
    r"(?<![\w-])(?:-delete|-exec\s+rm|rm|unlink|shred|tmpreaper|tmpwatch|truncate|mv)(?![\w-])|rsync\b.*--delete"
)
_PATH = re.compile(
    r"(?<![\w.:/-])(?:~|\$HOME|\$\{HOME\})?/[^\s;&|()'\"<>]*|(?<![\w/.])(?:~|\$HOME|\$\{HOME\})(?![\w/])"
)
_CHANGES = re.compile(r"(?<![\w-])cd\s+(\S+)\s*(?:&&|;)")
_BELOW = re.compile(r"(?<![\w./~$-])(?:\./)?[\w.-]+(?:/[\w.-]+)+|(?<![\w./~$-])\./[\w.-]+")


@dataclass(frozen=True)
class RiskyLine:
    """A line outside our blocks: its number (from 1), the line, and what it does, as a predicate."""

    number: int
    line: str
    reason: str


def directories(paths: Iterable[str], options: Iterable[object]) -> tuple[str, ...]:
    """The directories that the jobs work in, and those that their options name for backups."""
    found = set(paths)
    for each in options:
        if isinstance(each, Mapping):
            found |= {str(each[key]) for key in ("dest", "backup_dest") if each.get(key)}
    return tuple(sorted(posixpath.normpath(each) for each in found if posixpath.isabs(each) and each.strip("/")))


def risky_lines(lines: Sequence[str], places: Collection[str], home: str = "") -> list[RiskyLine]:
    """The lines outside every block of ours that dump, vacuum, reindex or delete, call a backup script, or name one of the places.

    Args:
        home: What ``~`` and ``$HOME`` are in these lines; "" if unknown.
    """
    found = []
    for number, line in commands(lines):
        reason = what_it_does(line) or _script_named(line) or _place_named(line, places, home)
        if reason:
            found.append(RiskyLine(number, line, reason))
    return found


def commands(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of the lines outside every block of ours for which cron starts something."""
    return ((number, line) for number, line in outside_blocks(lines) if not starts_nothing(line))


@lru_cache(maxsize=2048)  # each environment of a host judges all lines
def what_it_does(text: str) -> str:
    """What a line does to a database, as a predicate; "" for nothing that can be seen."""
    text = _LONG.sub("", _ADDRESS.sub("", text))
    for command in re.split(r"[;&|\n]", text):
        program = _PROGRAMS.search(command)
        if program and not _only_looks(program[1], command):
            return f"calls {program[1]}"
    copies = _COPIES_FILES.search(text)
    if copies:
        return f"copies the server's files with {copies[1]}"
    if not re.search(r"(?<![\w.-])psql(?![\w.-])", text):
        return ""
    statement = _STATEMENTS.search(text)
    if statement:
        return f"runs {' '.join(statement[1].split())}"
    file = _SQL_FILE.search(text)
    return f"runs the SQL of {posixpath.basename(file[1] or file[2])}" if file else ""


def _only_looks(program: str, command: str) -> bool:
    words = set(re.split(r"[\s'\"()]+", command))
    if words & _VERSION:
        return True
    looks = words & _LOOKING or any(word.startswith(("list-", "show-")) for word in words)
    return bool(program in _WITH_WORDS and looks and not words & _WORKING)


@lru_cache(maxsize=512)
def what_a_script_does(text: str) -> str:
    """The same of a whole script, whose comments do nothing."""
    return what_it_does("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))


def scripts_called(line: str, home: str = "") -> list[str]:
    """The absolute paths in a line, which may be scripts, and those below the directory that it changes to."""
    found = _paths(line, home)
    moved = _CHANGES.search(line)
    for place in _paths(moved[1], home)[:1] if moved else []:
        found += [posixpath.normpath(posixpath.join(place, each)) for each in _BELOW.findall(line)]
    return [path for path in found if not any(each in path for each in "*?[")]


@lru_cache(maxsize=2048)
def _script_named(line: str) -> str:
    line = _LONG.sub("", _ADDRESS.sub("", _OUTPUT.sub("", line[:_LONGEST])))
    for found in _SCRIPT.finditer(line):
        is_word = found[1].lower() in ("vacuum", "reindex") and _OTHER_SQL.search(line)
        elsewhere = "backup" not in found[1].lower() and _OTHER_DATABASE.search(found[1])
        if not is_word and not elsewhere and not _NO_SCRIPT.fullmatch(found[1]):
            return f"calls {found[1]}"
    for rule in (_BACKUP_PROGRAM, _BY_PLACE):
        program = rule.search(line)
        if program:
            return f"calls {program[program.lastindex or 0]}"
    task = _TASK.search(line)
    return f"calls {' '.join(part for part in task.groups() if part)}" if task else ""


def _place_named(line: str, places: Collection[str], home: str) -> str:
    removes = bool(_REMOVES.search(line))
    for path in _paths(line, home):
        for place in places:
            if _lies_in(path, place):
                return f"names the directory {place}"
            if removes and _lies_in(path=place, place=path):
                return f"removes files below {path}, where {place} is"
    return ""


def _paths(line: str, home: str) -> list[str]:
    found = []
    for match in _PATH.finditer(line):
        path = re.sub(r"^(?:~|\$HOME|\$\{HOME\})(?=/|$)", home.replace("\\", "\\\\"), match.group())
        if posixpath.isabs(path):
            found.append(posixpath.normpath(path))
    return found


def _lies_in(path: str, place: str) -> bool:
    """Whether the path is the place or below it; either may hold wildcards."""
    inner, outer = path.strip("/").split("/"), [each for each in place.strip("/").split("/") if each]
    return len(inner) >= len(outer) and all(
        fnmatch.fnmatchcase(a, b) or fnmatch.fnmatchcase(b, a) for a, b in zip(inner, outer)
    )
