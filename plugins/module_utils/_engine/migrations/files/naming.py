# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration files: their names in each naming, their order, and the migrations that they hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ...errors import TitanError
from .migration import Migration, checksum, version_order

# Naming conventions: the patterns of a file (up), of its rollback (down) and of a repeatable one, and how a rollback file ends.
# A number, a dotted one, or a date, each with the numbers that follow it: 0010, 01.02.00_01, 20240101_120000, 2024-01-01-120000.
_NUMBER = r"(?P<version>[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[-_][0-9]+)*|[0-9]+(?:\.[0-9]+)+(?:[-_][0-9]+)*|[0-9]{6,}(?:[-_][0-9]+)*|[0-9]+)"
_NAME = r"(?:[_-]+(?P<name>.+)|[_-]*)"
# Where a folder is dated by hand, digits of month and day may be missing: 2020-12-7-190800.
_DATED = _NUMBER.replace("|", "|20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}-[0-9]{4,6}|", 1)
_FOLDER = rf"{_DATED}(?:[_-]+(?P<name>[^/]+)|[_-]*)"  # a tool that is given no name makes 20240101_
_PLAIN = (_NUMBER + _NAME, rf"{_NUMBER}{_NAME}\.(?:down|rollback)", r"R__(?P<name>.+)", (".down.sql", ".rollback.sql"))
_UP_DOWN = (rf"{_NUMBER}{_NAME}\.up", rf"{_NUMBER}{_NAME}\.down", r"R__(?P<name>.+)", (".down.sql",))
_UP_DOWN_ALSO = (
    rf"{_NUMBER}{_NAME}[.-]up",
    rf"{_NUMBER}{_NAME}[.-]down",
    r"R__(?P<name>.+)",
    (".down.sql", "-down.sql"),
)
_DIRECTORY = (rf"{_FOLDER}/(?:up|migration)", rf"{_FOLDER}/down", r"R__(?P<name>[^/]+)/up", ("/down.sql",))
_SQLX = (
    rf"{_NUMBER}(?:[_-]+(?P<name>.+?)|[_-]*)(?:\.up)?",
    rf"{_NUMBER}{_NAME}\.down",
    r"R__(?P<name>.+)",
    (".down.sql",),
)
# No file of its own is a rollback; what follows the number is free, and so is a count behind a date: 2024-01-01.0-name.
_COUNTED = _NUMBER.replace("[0-9]{2}(?:[-_][0-9]+)*", "[0-9]{2}(?:[-_.][0-9]+)*", 1)
_BOTH_WAYS = (_COUNTED + r"[_.-]*(?P<name>.*)", r"(?!)(?P<version>)", r"R__(?P<name>.+)", ("/",))
_NAMINGS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "plain": _PLAIN,
    "up_down": _UP_DOWN_ALSO,
    "flyway": (
        r"(?:.*/)?[VvB](?P<version>[0-9]+(?:[._][0-9]+)*)__(?P<name>[^/]+)",
        r"(?:.*/)?[Uu](?P<version>[0-9]+(?:[._][0-9]+)*)__(?P<name>[^/]+)",
        r"(?:.*/)?R__(?P<name>[^/]+)",
        (".sql",),
    ),
    "directory": _DIRECTORY,
    "golang_migrate": _UP_DOWN,
    "sqlx": _SQLX,
    "diesel": _DIRECTORY,
    "prisma": _DIRECTORY,
    "atlas": _PLAIN,
    "drizzle": _PLAIN,
    "goose": _BOTH_WAYS,
    "dbmate": _BOTH_WAYS,
    "sql_migrate": _BOTH_WAYS,
    "node_pg_migrate": _BOTH_WAYS,
}
DRIZZLE = "drizzle"
_BY_NAME = ("sql_migrate", "node_pg_migrate")  # two files of one number are no mistake for them
SQITCH, LIQUIBASE = "sqitch", "liquibase"
PLANNED = (SQITCH, LIQUIBASE)  # their versions are places, see planned.py
NAMINGS = (*_NAMINGS, *PLANNED)
OTHER_TOOLS = frozenset(NAMINGS) - {"plain", "up_down", "directory"}
FOLDERS = frozenset(name for name, patterns in _NAMINGS.items() if patterns == _DIRECTORY)
_SHAPE = {
    _PLAIN: "NNNN_name.sql, NNNN_name.down.sql or R__name.sql",
    _UP_DOWN_ALSO: "NNNN_name.up.sql, NNNN_name.down.sql or R__name.sql",
    _UP_DOWN: "NNNN_name.up.sql, NNNN_name.down.sql or R__name.sql",
    _NAMINGS["flyway"]: "V1__name.sql, U1__name.sql, B1__name.sql or R__name.sql",
    _DIRECTORY: "NNNN_name/up.sql, NNNN_name/down.sql or R__name/up.sql",
    _SQLX: "NNNN_name.sql, NNNN_name.up.sql, NNNN_name.down.sql or R__name.sql",
    _BOTH_WAYS: "NNNN_name.sql or R__name.sql",
}
SHAPES = {
    **{name: _SHAPE[patterns] for name, patterns in _NAMINGS.items()},
    DRIZZLE: "meta/_journal.json with NNNN_name.sql",
    SQITCH: "sqitch.plan with deploy/NAME.sql and revert/NAME.sql",
    LIQUIBASE: "files of Liquibase's formatted SQL",
}
CALLBACK = (
    "is a callback of Flyway, which is not run here: what it does belongs into a repeatable migration, R__name.sql"
)


def is_named(file: str, naming: str) -> bool:
    """Whether the file's name is one of the naming."""
    up, down, again, _endings = _NAMINGS[naming]
    return any(re.fullmatch(rf"(?:{pattern})\.sql", file, re.DOTALL) for pattern in (up, down, again))


def parse_files(files: Iterable[Mapping[str, str]], naming: str = "plain") -> list[Migration]:
    """The migrations that the files hold: versioned ones in order, then repeatable ones by name.

    Raises:
        TitanError: bad names, two files of one version, or a rollback file without its migration; names all of them.
    """
    if naming in PLANNED:
        return _of_places(files, naming)
    up, down, again, endings = _NAMINGS[naming]
    up, down, again = rf"(?:{up})\.sql", rf"(?:{down})\.sql", rf"(?:{again})\.sql"
    match_up = re.compile(up, re.DOTALL).fullmatch
    files = list(files)
    named = _named_folders(files) if naming in FOLDERS else frozenset()
    versioned: dict[tuple[int, ...], list[tuple[str, str, Mapping[str, str]]]] = {}
    back: dict[tuple[int, ...], list[Mapping[str, str]]] = {}
    repeatable: dict[str, Mapping[str, str]] = {}
    problems: list[str] = []
    for item in files:
        file = item["name"]
        if file.endswith(endings) and (found := re.fullmatch(down, file, re.DOTALL)) is not None:
            back.setdefault(version_order(_version(file, found["version"], named)), []).append(item)
        elif (found := match_up(file)) is not None:
            version = _version(file, found["version"], named)
            if naming == "flyway" and file.rsplit("/", 1)[-1].startswith("B"):
                version = f"B{version}"
            versioned.setdefault(version_order(version), []).append((version, found["name"] or "", item))
        elif (found := re.fullmatch(again, file, re.DOTALL)) is not None:
            if found["name"] in repeatable:
                problems.append(f"two files are called {file!r}")
            repeatable[found["name"]] = item
        else:
            problems.append(f"{file!r} {CALLBACK if is_callback(file, naming) else f'does not fit {SHAPES[naming]}'}")
    if naming in _BY_NAME:
        versioned = _counted(versioned)
    problems += _clashes(versioned, back)
    if problems:
        raise TitanError(
            f"The migration files cannot be used: {'; '.join(problems)}. Nothing was sent to the database.",
            problems=problems,
        )
    made = [_migration(order, entries[0], back.get(order), naming) for order, entries in sorted(versioned.items())]
    return made + [_migration((), ("", name, repeatable[name]), None, naming) for name in sorted(repeatable)]


def _of_places(files: Iterable[Mapping[str, str]], naming: str) -> list[Migration]:
    """Those whose version is their place, in order; repeatable ones by name.

    Raises:
        TitanError: two of one version or name, or as planned.py.
    """
    from . import planned  # its patterns are for two namings

    found = (planned.of_plan if naming == SQITCH else planned.of_change_sets)(files)
    made: dict[str, Migration] = {}
    for item in found:
        text = item.text.lstrip("\ufeff")
        migration = Migration(
            item.version, item.name, item.file, text, checksum(text.lstrip("\r\n")), item.down_file, item.down_text,
            version_order(item.version) if item.version else (), "", naming,
        )  # fmt: skip
        other = made.setdefault(migration.key, migration)
        if other is not migration:
            raise TitanError(
                f"The migration files cannot be used: {other.file!r} and {item.file!r} both hold {migration.key}. "
                "Nothing was sent to the database."
            )
    return sorted(made.values(), key=lambda item: item.sort_key)


def _named_folders(files: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """The folders that hold a migration.sql: whoever writes that file knows a migration by its folder's whole name, so that
    two of one date are no duplicates.
    """
    return frozenset(item["name"].split("/")[0] for item in files if item["name"].endswith("/migration.sql"))


def _version(file: str, number: str, named: frozenset[str]) -> str:
    folder = file.split("/")[0]
    return folder if folder in named else number


def _counted(
    versioned: Mapping[tuple[int, ...], list[tuple[str, str, Mapping[str, str]]]],
) -> dict[tuple[int, ...], list[tuple[str, str, Mapping[str, str]]]]:
    """Of the files of one number the first by its name has it, the others are N.2, N.3 ...: the tool knows them by their names."""
    made: dict[tuple[int, ...], list[tuple[str, str, Mapping[str, str]]]] = {}
    for entries in versioned.values():
        for count, (version, name, item) in enumerate(sorted(entries, key=lambda entry: entry[2]["name"]), 1):
            own = version if count == 1 else f"{version}.{count}"
            made.setdefault(version_order(own), []).append((own, name, item))
    return made


def is_callback(file: str, naming: str) -> bool:
    """Whether Flyway would run the file at a point of each of its runs."""
    return naming == "flyway" and re.match(r"(?:before|after|create)[A-Z]", file.rsplit("/", 1)[-1]) is not None


def _clashes(
    versioned: Mapping[tuple[int, ...], list[tuple[str, str, Mapping[str, str]]]],
    back: Mapping[tuple[int, ...], list[Mapping[str, str]]],
) -> list[str]:
    problems = []
    for order in sorted(
        order for order, entries in versioned.items() if len(entries) > 1 or len(back.get(order, ())) > 1
    ):
        entries = versioned[order]
        if len(entries) > 1:
            names = " and ".join(repr(item["name"]) for _version, _name, item in entries)
            problems.append(f"{names} have the same version {entries[0][0]}: give each a number of its own")
        if len(back.get(order, [])) > 1:
            names = " and ".join(repr(item["name"]) for item in back[order])
            problems.append(f"{names} are both the rollback of version {entries[0][0]}")
    for order in sorted(set(back) - set(versioned)):
        problems.append(
            f"{back[order][0]['name']!r} is the rollback of a migration that is not there: remove it, or restore the migration"
        )
    return problems


def _migration(
    order: tuple[int, ...], entry: tuple[str, str, Mapping[str, str]], back: list[Mapping[str, str]] | None, naming: str
) -> Migration:
    version, name, item = entry
    content = item["content"]
    text = content[1:] if content[:1] == "\ufeff" else content
    down_file, down_text = (back[0]["name"], back[0]["content"].lstrip("\ufeff")) if back else ("", "")
    if _NAMINGS[naming] is _BOTH_WAYS and version:
        from . import both_ways  # its patterns are for three namings

        text, rollback = both_ways.split_ways(text, naming, item["name"])
        down_file, down_text = ("", "") if rollback is None else (item["name"], rollback)
        content = text
    transaction = item.get("transaction") or ""
    return Migration(
        version, name, item["name"], text, checksum(content), down_file, down_text, order, transaction, naming
    )
