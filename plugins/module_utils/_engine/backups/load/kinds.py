# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement of a dump is, and who has to run it: anybody, or a superuser, at its place or after the rows. Pure.

A superuser runs statements only that execute nobody's code by themselves. What makes others' code able to do more than SQL
(functions in C or an untrusted language) wants a sandbox besides.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum


class Kind(Enum):
    """Who runs a statement, and when.

    ANYBODY: the loader, at its place.
    SETTING: the loader; what comes after it relies on it.
    EXTENSION: a superuser at its place, which is before the first object of anybody's.
    NEEDS_SUPERUSER: a superuser, at its place.
    CONTAINED: the same, in a sandbox only.
    LATER: a superuser, when all objects and rows are there: owners, privileges, publications.
    LAST: a superuser, after that: event triggers.
    """

    ANYBODY = "anybody"
    SETTING = "setting"
    EXTENSION = "extension"
    NEEDS_SUPERUSER = "needs a superuser"
    CONTAINED = "needs a superuser and a sandbox"
    LATER = "later"
    LAST = "last"


_I = re.IGNORECASE
_QUOTED = rb'"(?:[^"]|"")*"'
_LITERAL = re.compile(
    rb"(?<![A-Za-z0-9_$\x80-\xff])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|(?P<quoted>" + _QUOTED + rb")"
    rb"|(?<![A-Za-z0-9_$\x80-\xff])(?P<tag>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$).*?(?P=tag)",
    re.DOTALL,
)
_PARENTHESES = re.compile(rb"\([^()]*\)")
_IDENTIFIER = rb'(?:"(?:[^"]|"")*"|[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)'
_WORD = rb"[^\s,;()]+"
_OWNED = (
    rb"ALTER\s+(?:TABLE|FOREIGN\s+TABLE|VIEW|MATERIALIZED\s+VIEW|SEQUENCE|SCHEMA|TYPE|DOMAIN|FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|"
    rb"OPERATOR|OPERATOR\s+CLASS|OPERATOR\s+FAMILY|COLLATION|CONVERSION|STATISTICS|TEXT\s+SEARCH\s+(?:CONFIGURATION|DICTIONARY)|"
    rb"LARGE\s+OBJECT|SERVER|FOREIGN\s+DATA\s+WRAPPER|LANGUAGE|PROCEDURAL\s+LANGUAGE|PUBLICATION|SUBSCRIPTION|EVENT\s+TRIGGER)\s+"
)
# Nothing else may be altered with it: a superuser runs it. Quoted names and what is in parentheses are gone from the text.
_GIVES = re.compile(_OWNED + _WORD + rb"(?:\s+USING\s+" + _WORD + rb")?\s+OWNER\s+TO\s+" + _WORD + rb"\s*;\Z", _I)
_OWNER = re.compile(rb"ALTER\s.*\sOWNER\s+TO\s+(" + _IDENTIFIER + rb")\s*;\Z", _I | re.DOTALL)
_SETTING = re.compile(rb"SET\s+(?!SESSION\s+AUTHORIZATION)|SELECT\s+pg_catalog\.set_config\('search_path'", _I)
_EXTENSION = re.compile(
    rb"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(" + _IDENTIFIER + rb")(?:\s+WITH)?(?:\s+SCHEMA\s+(" + _IDENTIFIER + rb"))?\s*;\Z",
    _I,
)  # fmt: skip
_LAST = re.compile(rb"(?:CREATE|ALTER|COMMENT\s+ON)\s+EVENT\s+TRIGGER\s", _I)
_PRIVILEGES = re.compile(
    rb"(?:GRANT|REVOKE)\s|ALTER\s+DEFAULT\s+PRIVILEGES\s|SET\s+SESSION\s+AUTHORIZATION\s|RESET\s+SESSION\s+AUTHORIZATION\s*;", _I
)  # fmt: skip
_ON = re.compile(rb"\sON\s", _I)
_ON_SHARED = re.compile(rb"\sON\s+(?:DATABASE|TABLESPACE|PARAMETER)\s", _I)
_STRING = re.compile(rb"'(?:[^']|'')*'")
_OF_CATALOG = re.compile(rb'\bpg_catalog"?\s*\.|\sON\s+(?:SCHEMA\s+pg_catalog|FOREIGN|LANGUAGE)\b', _I)
# No ALTER SUBSCRIPTION: pg_dump writes its owner only, and one that a superuser enables would fetch and apply rows as that.
_PUBLISHES = re.compile(rb"(?:CREATE|ALTER)\s+PUBLICATION\s|CREATE\s+SUBSCRIPTION\s|SECURITY\s+LABEL\s", _I)
# Of what the server shares between its databases, or what is no object of a dump's.
_LABELS_SHARED = re.compile(rb"SECURITY\s+LABEL\s+(?:FOR\s+\S+\s+)?ON\s+(?:ROLE|DATABASE|TABLESPACE)\s", _I)
_LABELS = re.compile(rb"SECURITY\s+LABEL\s", _I)
_SUBSCRIBES = re.compile(rb"CREATE\s+SUBSCRIPTION\s", _I)
_NOT_CONNECTING = re.compile(rb"\sWITH\s*\(\s*connect\s*=\s*false\b", _I)
_COMMENT = re.compile(
    rb"COMMENT\s+ON\s+(?:EXTENSION|SCHEMA|LANGUAGE|PROCEDURAL\s+LANGUAGE|FOREIGN\s+DATA\s+WRAPPER|CAST|OPERATOR\s+CLASS|OPERATOR\s+FAMILY|"
    rb"ACCESS\s+METHOD|PUBLICATION|SUBSCRIPTION|TEXT\s+SEARCH\s+PARSER|TEXT\s+SEARCH\s+TEMPLATE|TRANSFORM)\s", _I,
)  # fmt: skip
_CATALOG = re.compile(
    rb"(?:CREATE|ALTER)\s+(?:CAST|OPERATOR\s+CLASS|OPERATOR\s+FAMILY|FOREIGN\s+DATA\s+WRAPPER|ACCESS\s+METHOD|"
    rb"TEXT\s+SEARCH\s+PARSER|TEXT\s+SEARCH\s+TEMPLATE|TRANSFORM|(?:OR\s+REPLACE\s+)?(?:TRUSTED\s+)?(?:PROCEDURAL\s+)?LANGUAGE)\s", _I,
)  # fmt: skip
_WITH_CODE = re.compile(rb"\s(?:HANDLER|VALIDATOR|INLINE)\s", _I)
_ROUTINE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s", _I)
_LANGUAGE = re.compile(rb"\sLANGUAGE\s+(" + _IDENTIFIER + rb")", _I)
_LANGUAGES = re.compile(rb"\sLANGUAGE\b", _I)
_QUOTED_LANGUAGE = re.compile(rb"\sLANGUAGE\s+['\"]?([^'\"\s;]*)", _I)
_BODY = re.compile(rb"\s(?:BEGIN\s+ATOMIC|RETURN)\s", _I)
_FOR_SUPERUSERS = re.compile(rb"\s(?:LEAKPROOF|SUPPORT\s+\S+)\s", _I)
_NOT_LEAKPROOF = re.compile(rb"\sNOT\s+LEAKPROOF\s", _I)
_BASE_TYPE = re.compile(
    rb"CREATE\s+TYPE\s+\S.*?\(\s*(?:INTERNALLENGTH|INPUT|OUTPUT)\s*=|CREATE\s+TYPE\s+[^(]+?;\Z", _I | re.DOTALL
)
_AGGREGATE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?AGGREGATE\s", _I)
_INTERNAL = re.compile(rb"\bSTYPE\s*=\s*internal\b", _I)
_FOREIGN_TABLE = re.compile(rb"CREATE\s+FOREIGN\s+TABLE\s", _I)
_FILES = re.compile(rb"\b(?:filename|program)\s+'", _I)
_INNOCENT = re.compile(rb"CREATE\s+(?:SCHEMA|COLLATION)\s|ALTER\s+(?:SCHEMA|COLLATION)\s|COMMENT\s", _I)

TRUSTED_LANGUAGES = frozenset((b"sql", b"plpgsql"))


def kind_of(statement: bytes, trusted: Collection[bytes] = TRUSTED_LANGUAGES) -> Kind:
    """Who runs the statement, and when.

    Args:
        statement: Without comments around it, with its semicolon.
        trusted: The languages in which anybody may write functions, in lower case.
    """
    head = statement[:40].upper()
    if not head.startswith(_HEADS):
        return Kind.ANYBODY
    if _SETTING.match(statement):
        return Kind.SETTING
    bare = _bare(statement)
    if b"--" in bare or b"/*" in bare:  # pg_dump writes none, and they would hide what a statement is
        return Kind.ANYBODY
    if b";" in _BODY.split(bare, maxsplit=1)[0].rstrip(b"; \n"):  # a second statement would be run with the first
        return Kind.ANYBODY
    return _elevated(statement, bare, trusted)


_HEADS = (
    b"ALTER", b"CREATE", b"COMMENT", b"GRANT", b"REVOKE", b"SET", b"RESET", b"SECURITY", b"SELECT PG_CATALOG.SET_C",
)  # fmt: skip


def _bare(statement: bytes) -> bytes:
    """The statement with other text for its strings and quoted names."""
    return _LITERAL.sub(lambda found: b"x" if found["quoted"] else b"''", statement)


def _without_parentheses(bare: bytes) -> bytes:
    """Without arguments, columns and options."""
    while (shorter := _PARENTHESES.sub(b"", bare)) != bare:
        bare = shorter
    return bare


def _elevated(statement: bytes, bare: bytes, trusted: Collection[bytes]) -> Kind:
    if _EXTENSION.match(statement):
        return Kind.EXTENSION
    if _LAST.match(bare):
        return Kind.LAST
    if _COMMENT.match(bare) or _GIVES.match(_without_parentheses(bare)):
        return Kind.LATER
    if _PRIVILEGES.match(bare):
        return Kind.LATER if is_privilege(bare) else Kind.ANYBODY
    if _LABELS_SHARED.match(bare):
        return Kind.ANYBODY
    if _PUBLISHES.match(bare):
        connects = _SUBSCRIBES.match(bare) and not _NOT_CONNECTING.search(bare)
        return Kind.ANYBODY if connects else Kind.LATER
    if _ROUTINE.match(bare):
        return _routine(statement, _without_parentheses(bare), trusted)
    if _CATALOG.match(bare):
        return Kind.CONTAINED if _WITH_CODE.search(bare) else Kind.NEEDS_SUPERUSER
    if _BASE_TYPE.match(bare):
        return Kind.CONTAINED if b"=" in bare else Kind.NEEDS_SUPERUSER
    if _AGGREGATE.match(bare) and _INTERNAL.search(bare):
        return Kind.NEEDS_SUPERUSER
    if _FOREIGN_TABLE.match(bare) and _FILES.search(bare):
        return Kind.CONTAINED
    return Kind.ANYBODY


def _routine(statement: bytes, bare: bytes, trusted: Collection[bytes]) -> Kind:
    bare = _BODY.split(bare, maxsplit=1)[0]
    found = [name.lower() for name in _LANGUAGE.findall(bare)]
    if len(found) != len(_LANGUAGES.findall(bare)) or b"x" in found:  # quoted: look at it as it stands
        found = [name.lower() for name in _QUOTED_LANGUAGE.findall(statement)] or [b""]
    if any(name not in trusted for name in found):
        return Kind.CONTAINED
    return Kind.NEEDS_SUPERUSER if _FOR_SUPERUSERS.search(_NOT_LEAKPROOF.sub(b" ", bare)) else Kind.ANYBODY


def is_privilege(bare: bytes) -> bool:
    """Whether it gives or takes rights on objects of the database; not a role's membership, nor what the server shares."""
    if not bare[:6].upper().startswith((b"GRANT", b"REVOKE")):
        return True
    return bool(_ON.search(bare)) and not _ON_SHARED.search(bare)


def grants_on_catalog(statement: bytes) -> bool:
    """Whether it gives rights on what every database has: the server's files, for example."""
    bare = _STRING.sub(b"''", statement)
    return statement[:5].upper() == b"GRANT" and bool(_OF_CATALOG.search(bare))


def is_label(statement: bytes) -> bool:
    """Whether it is a security label, which means what the server's label provider makes of it."""
    return bool(_LABELS.match(statement))


def is_innocent(statement: bytes) -> bool:
    """Whether no script of an extension could come across what it makes: extensions may still be made after it."""
    return not statement or bool(_INNOCENT.match(statement))


def new_owner(statement: bytes) -> str:
    """The role of an ALTER ... OWNER TO; empty for another statement."""
    found = _OWNER.match(statement) if statement[:5].upper() == b"ALTER" else None
    return _name(found[1]) if found else ""


def extension_of(statement: bytes) -> tuple[str, str]:
    """Name and schema (or nothing) of a CREATE EXTENSION."""
    found = _EXTENSION.match(statement)
    return (_name(found[1]), _name(found[2] or b"")) if found else ("", "")


def _name(identifier: bytes) -> str:
    text = identifier.decode(errors="surrogateescape")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()
