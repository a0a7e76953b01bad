# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations whose version is their place: Sqitch's changes in its plan, Liquibase's change sets in their file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ...errors import TitanError
from .both_ways import blank, outside

PLAN = "sqitch.plan"


class Planned(NamedTuple):
    """One migration; version is empty for a repeatable one, down_file without a rollback."""

    version: str
    name: str
    file: str
    text: str
    down_file: str = ""
    down_text: str = ""


# a change: its name, what it requires, when and by whom it was planned
_CHANGE = re.compile(
    r"^(?P<sign>[+-]?)[ \t]*(?P<name>[^\s#@+\[%-][^\s\[@#]*)[ \t]*(?:\[[^\]]*\])?[ \t]+\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\b"
)
_TAG = re.compile(r"^@(?P<tag>[^\s@#]+)")


def of_plan(files: Iterable[Mapping[str, str]]) -> list[Planned]:
    """The changes of sqitch.plan in its order, each with its file below deploy and, if there is one, that below revert.

    A change that was reworked is in the plan twice: the file of its first form has a tag in its name, one of those between the two.

    Raises:
        TitanError: no plan, a line that is none of a plan's, or a change without its file.
    """
    texts = {item["name"]: item["content"] for item in files}
    if PLAN not in texts:
        raise TitanError(f"The directory has no {PLAN}, which defines the order of Sqitch's changes.", file=PLAN)
    made: list[Planned] = []
    seen: dict[str, int] = {}
    for number, (name, tags) in enumerate(plan_of(texts[PLAN]), 1):
        names = [_files_of(name, tag) for tag in tags]
        deploy, revert = next((each for each in names if each[0] in texts), names[0])
        if deploy not in texts:
            raise TitanError(f"{PLAN} names the change {name!r}, and there is no {deploy}.", file=PLAN)
        seen[name] = seen.get(name, 0) + 1
        title = name if seen[name] == 1 else f"{name}@{seen[name]}"
        back = (revert, texts[revert]) if revert in texts else ()
        made.append(Planned(f"{number:04}", title, deploy, texts[deploy], *back))
    return made


def files_of_plan(text: str) -> set[str]:
    """The files of a plan's changes, whether they are there or not.

    Raises:
        TitanError: as plan_of.
    """
    return {file for name, tags in plan_of(text) for tag in tags for file in _files_of(name, tag)}


def project_of(text: str) -> str:
    """The project that a plan names; empty if it names none."""
    found = re.search(r"^[ \t]*%[ \t]*project[ \t]*=[ \t]*(\S+)", text.lstrip("\ufeff"), re.MULTILINE)
    return found[1] if found else ""


def _files_of(name: str, tag: str) -> tuple[str, str]:
    stem = f"{name}@{tag}" if tag else name
    return f"deploy/{stem}.sql", f"revert/{stem}.sql"


def plan_of(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The changes in order; each with the tags of which one is in the names of its form's files, in the order in which Sqitch looks
    for them (see its Plan.pm): those before the next form, the last change's first. ("",) for the newest form.

    Raises:
        TitanError: a line that is none of a plan's; names it.
    """
    changes: list[str] = []
    tags: list[list[str]] = []  # of each change
    found: list[tuple[str, ...]] = []
    open_since: dict[str, int] = {}  # where the latest form of a change is
    for line, content in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        stripped = content.strip()
        if not stripped or stripped[0] in "#%":
            continue
        if (tag := _TAG.match(stripped)) is not None:
            if tags:
                tags[-1].append(tag["tag"])
            continue
        change = _CHANGE.match(stripped)
        if change is None or change["sign"] == "-":
            raise TitanError(
                f"{PLAN}, line {line}: {stripped[:60]!r} is neither a change nor a tag of a plan.", file=PLAN, line=line
            )
        name = change["name"]
        if name in open_since:
            before = open_since[name]
            found[before] = tuple(each for of_one in [*reversed(tags[before + 1 :]), tags[before]] for each in of_one)
            if not found[before]:
                raise TitanError(
                    f"{PLAN}, line {line}: the change {name!r} occurs twice without a tag in between.",
                    file=PLAN,
                    line=line,
                )
        open_since[name] = len(changes)
        changes.append(name)
        tags.append([])
        found.append(("",))
    return list(zip(changes, found))


_FIRST = re.compile(r"\A\ufeff?\s*--[ \t]*liquibase[ \t]+formatted[ \t]+sql\b", re.IGNORECASE)
_CHANGESET = re.compile(
    r"^[ \t]*--[ \t]*changeset[ \t]+(?P<author>\"[^\"]*\"|[^\s:]+):(?P<id>\"[^\"]*\"|\S+)(?P<rest>.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"(?P<name>[A-Za-z]+):(?:\"(?P<quoted>[^\"]*)\"|(?P<plain>\S+))")
_ROLLBACK = re.compile(r"^[ \t]*--[ \t]*rollback\b[ \t]*(?P<sql>.*)$", re.IGNORECASE | re.MULTILINE)
_ROLLBACK_BLOCK = re.compile(r"/\*[ \t]*liquibase[ \t]+rollback\b(?P<sql>.*?)\*/", re.IGNORECASE | re.DOTALL)
_PRECONDITION = re.compile(r"^[ \t]*--[ \t]*precondition", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"(?:\A|[^0-9.])(?P<number>[0-9]+(?:\.[0-9]+)*)")
_NOTHING = ("empty", "not required")


_IGNORED = re.compile(r"^[ \t]*--[ \t]*ignoreLines[ \t]*:[ \t]*(?P<what>start|end|[0-9]+)\b", re.IGNORECASE)


def of_change_sets(files: Iterable[Mapping[str, str]]) -> list[Planned]:
    """The change sets of files of formatted SQL; the version is the number in the file's name and the place in the file.

    Raises:
        TitanError: a file without number or first line, or a change set that only Liquibase can run.
    """
    made: list[Planned] = []
    lengths: dict[int, str] = {}
    for item in files:
        file, text = item["name"], item["content"]
        number = _NUMBER.search(file.rsplit("/", 1)[-1].removesuffix(".sql"))
        if number is None:
            raise TitanError(f"{file}: its name has no number, which defines the order of the files.", file=file)
        lengths.setdefault(number["number"].count("."), file)
        if _FIRST.match(text) is None:
            raise TitanError(f"{file}: its first line is not '--liquibase formatted sql'.", file=file)
        made += _of_file(file, text, number["number"])
    if len(lengths) > 1:
        names = " and ".join(sorted(lengths.values()))
        raise TitanError(f"{names}: the numbers in the files' names differ in how many parts they have.")
    return made


def change_sets(text: str) -> list[tuple[str, re.Match[str]]]:
    """The change sets of a file: AUTHOR:ID, and the line that begins it."""
    return [(f"{one['author'].strip(chr(34))}:{one['id'].strip(chr(34))}", one) for one in _CHANGESET.finditer(text)]


def logical_path(text: str, change: re.Match[str]) -> str:
    """The path by which Liquibase knows a change set, where the file or the change set says another one than its own; else empty."""
    rest = text[change.end("id") :].split("\n", 1)[0]
    for line in (rest, text.lstrip("\r\n").split("\n", 1)[0]):
        found = [
            one["quoted"] or one["plain"] or ""
            for one in _ATTRIBUTE.finditer(line)
            if one["name"].lower() == "logicalfilepath"
        ]
        if found:
            return found[0]
    return ""


def _of_file(file: str, text: str, number: str) -> Iterator[Planned]:
    text = _without_ignored(text)
    found = change_sets(text)
    starts = [begin.start() for _name, begin in found] + [len(text)]
    head = text.lstrip("\r\n").split("\n", 1)[0] if "logicalfilepath" in text[: starts[0]].lower() else ""
    if outside(text[: starts[0]]):
        raise TitanError(f"{file}: SQL stands before its first change set.", file=file)
    for place, ((name, begin), end) in enumerate(zip(found, starts[1:]), 1):
        attributes = {
            one["name"].lower(): one["quoted"] or one["plain"] or "" for one in _ATTRIBUTE.finditer(begin["rest"])
        }
        line = text.count("\n", 0, begin.start()) + 1
        if attributes.get("ignore", "").lower() == "true" or not _for_postgresql(attributes.get("dbms", "")):
            continue
        body = text[begin.start() : end]
        _refuse(file, line, name, attributes, body)
        version = "" if attributes.get("runonchange", "").lower() == "true" else f"{number}.{place}"
        back = _rollback(body)
        way_back = (file, back) if version and back is not None else ()
        yield Planned(version, name, file, head + blank(text[len(head) : begin.start()]) + body, *way_back)


def _for_postgresql(dbms: str) -> bool:
    """Whether Liquibase runs what this is said of here: for the servers that are named, or for all but those with a mark."""
    names = [name for name in re.split(r"[\s,]+", dbms.lower()) if name]
    if not names or "postgresql" in names or "all" in names:
        return "!postgresql" not in names
    return all(name[0] == "!" for name in names) and "!postgresql" not in names


def _without_ignored(text: str) -> str:
    """The text with the lines blank that Liquibase passes over: so many behind a mark, or those between two marks."""
    if "ignorelines" not in text.lower():
        return text
    lines, left = [], 0
    for line in text.splitlines(keepends=True):
        found = _IGNORED.match(line)
        if found is not None and found["what"].isdigit():
            left = int(found["what"])
        elif found is not None:
            left = -1 if found["what"].lower() == "start" else 0
        elif left:
            left -= left > 0
            line = blank(line)
        lines.append(line)
    return "".join(lines)


def _refuse(file: str, line: int, name: str, attributes: Mapping[str, str], body: str) -> None:
    """Refuse what changes whether or how Liquibase runs a change set, as far as it is not done here."""
    some = next((word for word in ("context", "contextfilter", "labels") if attributes.get(word)), "")
    if _PRECONDITION.search(body):
        problem = "has preconditions. Write what has to be true as a line '-- require: SELECT ...', or remove them"
    elif attributes.get("runalways", "").lower() == "true":
        problem = "has runAlways. Change that to runOnChange, or remove it"
    elif attributes.get("enddelimiter", ";") != ";":
        problem = "has an endDelimiter of its own. End its statements in semicolons"
    elif some:
        problem = f"has {some}, so that it runs in some databases only. Move them to separate files, or remove that"
    else:
        return
    raise TitanError(f"{file}, line {line}: the change set {name} {problem}.", file=file, line=line)


def _rollback(body: str) -> str | None:
    parts = [one["sql"].strip() for one in _ROLLBACK.finditer(body)]
    parts += [one["sql"].strip() for one in _ROLLBACK_BLOCK.finditer(body)]
    if not parts:
        return None
    return "\n".join(part for part in parts if part.lower() not in _NOTHING)
