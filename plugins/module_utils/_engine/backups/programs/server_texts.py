# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the server's errors that hold names and fixed words only, for programs that do not tell the SQLSTATE. Pure.

What is not in the table is not shown: a new or a translated text costs a reader a look into the server's log, not a row.
"""

from __future__ import annotations

import re
from functools import lru_cache

_N = r'"[^"\n]{1,130}"'
_WORDS = r"[a-z][a-z -]*"
_TEXTS = (
    # Objects and rights.
    rf"{_WORDS} {_N}(?: of {_WORDS} {_N}| in schema {_N}| for {_WORDS}(?: {_N})?)? (?:does not exist|already exists)(?: in \w+ {_N})?",
    r"(?:function|procedure|aggregate|operator|operator class|operator family|cast|type|collation|text search \w+) "
    r"[^'\n]{1,300} (?:does not exist|already exists)",
    rf"permission denied (?:for|to) {_WORDS}[^'\n]{{0,200}}",
    rf"must (?:be|have) {_WORDS}[^'\n]{{0,200}}",
    rf"unrecognized configuration parameter {_N}",
    rf"parameter {_N} cannot be {_WORDS}",
    rf"(?:extension|language|access method|data type) {_N} (?:is not|must be) {_WORDS}(?: {_N})?",
    rf"extension {_N} has no {_WORDS} for version {_N}",
    r"[\w.]+ (?:must|can only) be loaded via \"?shared_preload_libraries\"?",
    rf"security label provider {_N} is not loaded",
    # Constraints.
    rf"new row for relation {_N} violates (?:check constraint {_N}|partition constraint)",
    rf"(?:check constraint {_N}|partition constraint) of relation {_N} is violated by some row",
    rf"(?:duplicate|conflicting) key value violates \w+ constraint {_N}",
    rf"could not create (?:unique index|exclusion constraint) {_N}",
    rf"(?:insert or update|update or delete) on table {_N} violates (?:RESTRICT setting of )?foreign key constraint {_N}(?: on table {_N})?",
    rf"null value in column {_N} of relation {_N} violates not-null constraint",
    rf"column {_N} of (?:relation|table) {_N} contains null values",
    rf"value for domain [^'\n]{{1,200}} violates check constraint {_N}",
    r"domain [^'\n]{1,130} does not allow null values",
    rf"no partition of relation {_N} found for row",
    rf"there is no unique constraint matching given keys for referenced table {_N}",
    rf"(?:partition|table|relation|view|index|sequence|type) {_N} (?:is|would|cannot|has) {_WORDS}(?: {_N})?",
    # The machine and the server.
    rf"could not {_WORDS} {_N}(?: {_WORDS})?: [A-Z][A-Za-z/() -]+",
    r"could not (?:read|write|extend|open)[^'\n]{1,200}: (?:No space left on device|Input/output error|No such file or directory)",
    r"could not resize shared memory segment \"[^\"\n]{1,60}\" to \d+ bytes: (?:No space left on device|Cannot allocate memory)",
    r"temporary file size exceeds temp_file_limit \(\d+kB\)",
    r"out of (?:shared )?memory",
    rf"(?:canceling statement|terminating connection|terminating \w+ process) due to {_WORDS}",
    rf"the database system is {_WORDS}",
    rf"database {_N} is not currently accepting connections",
    r"sorry, too many clients already|remaining connection slots are reserved[^'\n]{0,100}",
    rf"too many connections for (?:role|database) {_N}",
    rf"(?:[\w-]+ )?authentication failed for user {_N}|role {_N} is not permitted to log in",
    r"no pg_hba\.conf entry for [^'\n]{1,300}|pg_hba\.conf rejects [^'\n]{1,300}",
    r"invalid page in block \d+ of relation [\w/\"]+|missing chunk number \d+ for toast value \d+ in \w+",
    r"could not read blocks? [\d.]+ in file \"[\w./]+\": [a-z0-9 ]+",
    rf"compressed \w+ data is corrupt|cache lookup failed for {_WORDS} \d+|could not open relation with OID \d+",
    # What a session may not do.
    r"cannot [A-Za-z -]+(?:\"[^\"\n]{1,130}\"[A-Za-z -]*)?",
    r"current transaction is aborted, commands ignored until end of transaction block|deadlock detected",
    rf"query would be affected by row-level security policy for table {_N}",
    rf"functions in {_WORDS} must be marked [A-Z]+",
    r"division by zero|[a-z]+ out of range|value too long for type [a-z ]+(?:\(\d+\))?|row is too big: size \d+, maximum size \d+",
    r"index row (?:size|requires) \d+ [^'\n:]{1,200}",
    rf"replication slots? {_WORDS}",
)  # fmt: skip


@lru_cache(maxsize=1)
def _table() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{text})" for text in _TEXTS))


# The fixed words before a value; only these are shown.
_BEFORE_A_VALUE = re.compile(
    r"(?:syntax error|invalid input (?:syntax|value) for (?:type|enum) [a-z ]+|date/time field value out of range|"
    r"malformed \w+ literal|invalid byte sequence for encoding|invalid regular expression|value)(?=[: ]|$)"
)


def names_only(text: str) -> str:
    """The primary message if it is one that holds no row, or its fixed words before a value; else an empty text."""
    if _table().fullmatch(text):
        return text
    found = _BEFORE_A_VALUE.match(text)
    return "" if found is None else "a value is out of range" if found[0] == "value" else found[0]
