# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at files before the first of them runs: which statements are dangerous for the database as it is."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import TypedDict

from ...errors import OptionError, TitanError
from ...postgres.database import Database
from ...text.listed import listed
from ..files.script import Script, shortened
from ..sql.code import UNKNOWN, possible_statements_in, statements_in
from ..sql.lexer import Statement
from ..sql.statements import moves_names
from .facts import Facts
from .pending import Pending
from .rule import BLOCKING, STYLE, Match, Rule
from .table import RULES
from .view import View, altered_tables

ERROR, WARNING, NOTICE, OFF = "error", "warning", "notice", "off"
_ALLOW = re.compile(r"^[ \t]*--[ \t]*allow:[ \t]*(?P<rule>[\w-]+)[ \t]*(?P<reason>\([^)\n]*\S[^)\n]*\))?", re.MULTILINE)
_BY_WORD: dict[str, list[tuple[tuple[str, ...], Rule]]] = {}
for _rule in RULES:
    for _head in _rule.heads:
        _BY_WORD.setdefault(_head[0], []).append((_head, _rule))


class Finding(TypedDict):
    """One thing to look at; level: error, warning or notice. rows: of the table; 0 where they do not matter."""

    rule: str
    level: str
    file: str
    line: int
    statement: str
    table: str
    rows: int
    reason: str
    instead: str


def levels_of(given: Mapping[str, object] | None) -> dict[str, str]:
    """The levels that the option sets, by rule; "all" stands for every other one.

    Raises:
        OptionError: no rule of this name, or no such level.
    """
    names = {rule.name for rule in RULES}
    levels = {}
    for name, level in (given or {}).items():
        if name not in names and name != "all":
            raise OptionError(
                f"lint.{name}", level, f"There is no such rule. Known are: all, {', '.join(sorted(names))}."
            )
        word = "off" if level is False else str(level)
        if word not in (ERROR, WARNING, NOTICE, OFF):
            raise OptionError(f"lint.{name}", level, "Allowed: error, warning, notice, off.")
        levels[name] = word
    return levels


def allowed_rules(text: str, file: str) -> set[str]:
    """The rules that the file allows itself by ``-- allow: rule (reason)``. Pure.

    Raises:
        TitanError: no rule of this name, or no reason.
    """
    names = {rule.name for rule in RULES}
    allowed = set()
    for match in _ALLOW.finditer(text):
        line, name = text.count("\n", 0, match.start()) + 1, match["rule"].replace("-", "_")
        if name not in names:
            raise TitanError(f"{file}, line {line}: there is no lint rule {match['rule']!r}.", file=file, line=line)
        if not match["reason"]:
            raise TitanError(
                f"{file}, line {line}: give the reason why {name} is allowed: -- allow: {name} (reason).",
                file=file,
                line=line,
            )
        allowed.add(name)
    return allowed


class Linter:
    """Looks at one file after the other, in the order in which they will run.

    Args:
        limit: Number of rows from which a table is large.
        levels: From levels_of.
    """

    def __init__(self, database: Database, limit: int, levels: Mapping[str, str]) -> None:
        self._facts = Facts(database, limit)
        self._limit, self._levels = limit, levels
        self._pending = Pending(self._facts.exists)
        self._altered: tuple[dict[str, int], dict[str, int]] = ({}, {})  # of the file at hand
        self._seen: set[tuple[str, str, int, str]] = set()
        self.findings: list[Finding] = []

    def look(self, script: Script) -> None:
        """Look at a file.

        Raises:
            TitanError: see allowed_rules.
        """
        allowed = allowed_rules(script.text, script.file) if "allow:" in script.text else set()
        moved = False
        self._altered = altered_tables(script.statements)
        for statement in script.statements:
            self._look_at(statement, script, allowed, moved, View.PLAIN)
            if statement.key()[0] == "do":
                for inner in statements_in(statement):
                    self._look_at(inner, script, allowed, moved, View.IN_CODE)
                for inner in possible_statements_in(statement):
                    self._look_at(inner, script, allowed, moved, View.POSSIBLE)
            moved = moved or moves_names(statement)
        self._pending.end_file()

    def _look_at(self, statement: Statement, script: Script, allowed: Container[str], moved: bool, place: int) -> None:
        words = statement.key()
        view: View | None = None
        for head, rule in _BY_WORD.get(words[0], ()):
            if words[: len(head)] != head or rule.name in allowed or (place and rule.level == STYLE):
                continue
            view = view or View(statement, script.whole or bool(place), place, *self._altered)
            self._apply(rule, view, script, moved)
        if place != View.POSSIBLE:
            self._pending.note(statement)

    def _apply(self, rule: Rule, view: View, script: Script, moved: bool) -> None:
        for match in rule.find(view):
            level, rows, more = self._level(rule, match, moved)
            if view.place == View.POSSIBLE and level == ERROR:
                level, more = WARNING, f"{more} It is run if EXECUTE gets this text."
            chosen = self._levels.get(rule.name) or self._levels.get("all")
            if level == OFF or chosen == OFF:
                continue
            table = "" if match.table == UNKNOWN else match.table
            finding: Finding = {
                "rule": rule.name, "level": chosen or level, "file": script.file, "line": view.statement.line,
                "statement": shortened(script.text[view.statement.start : view.statement.end]), "table": table,
                "rows": rows, "reason": rule.reason + more, "instead": rule.instead,
            }  # fmt: skip
            key = (rule.name, script.file, view.statement.start, match.table)
            if key not in self._seen:
                self._seen.add(key)
                self.findings.append(finding)

    def _level(self, rule: Rule, match: Match, moved: bool) -> tuple[str, int, str]:
        """(level, rows, what to add to the reason)."""
        if rule.level == STYLE:
            return NOTICE, 0, ""
        if UNKNOWN in match.table:
            return WARNING, 0, " The name of its table is known only when it runs."
        if match.table and self._pending.is_made(match.table):
            return OFF, 0, ""
        match = match._replace(table=self._facts.found(self._pending.present_name(match.table), moved))
        if rule.level == BLOCKING:
            if self._is_proven(match):
                return OFF, 0, ""
            rows = self._facts.rows_at_stake(match)
            return (ERROR if rows > self._limit else OFF), rows, ""
        if match.table and not self._facts.is_at_stake(match):
            return OFF, 0, ""
        along = self._facts.dependents(match.table) if match.what == "cascade" else []
        return WARNING, 0, f" Here: {', '.join(along)}." if along else ""

    def _is_proven(self, match: Match) -> bool:
        """Whether what a pending file checks before makes the statement free."""
        if match.what == "partition":
            return self._pending.has_check(match.table)
        return match.what == "not_null" and self._pending.proves_not_null(match.table, match.column)


def sentence(finding: Finding) -> str:
    """The finding for people."""
    rows = f" ({finding['table']} has about {finding['rows']} rows)" if finding["rows"] else ""
    return f"{finding['file']}, line {finding['line']}: {finding['rule']}: {finding['reason']}{rows} Instead: {finding['instead']}"


def warnings_of(findings: Sequence[Finding], notices: bool = False) -> list[str]:
    """Warnings one by one; notices together, if they are wanted."""
    said = [sentence(finding) for finding in findings if finding["level"] == "warning"]
    style = [f"{each['rule']} ({each['file']}, line {each['line']})" for each in findings if each["level"] == "notice"]
    if style and notices:
        said.append(f"Notices of style: {listed(style, 20)}.")
    return said


def refuse(findings: list[Finding]) -> None:
    """Fail if there are errors among them.

    Raises:
        TitanError: names each of them.
    """
    errors = [finding for finding in findings if finding["level"] == ERROR]
    if errors:
        raise TitanError(
            " ".join(map(sentence, errors))
            + " Nothing was run. Where it is meant, write '-- allow: RULE (reason)' into the file, or set the rule's level in lint.",
            lint=list(findings), file=errors[0]["file"], line=errors[0]["line"],
        )  # fmt: skip
