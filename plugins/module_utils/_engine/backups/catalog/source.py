# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest says of the database that was dumped: who it is, and what a restore elsewhere must prepare for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Setting:
    """A setting of the database ("name=value"), for one role or (role is empty) for all."""

    role: str
    setting: str

    @property
    def name(self) -> str:
        """The parameter alone: its value may be a secret."""
        return self.setting.partition("=")[0]


@dataclass(frozen=True)
class Grant:
    """A privilege on the database; role is empty for PUBLIC."""

    role: str
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class DatabaseProperties:
    """What belongs to a database but is in no dump of it.

    Attributes:
        granted: Whether its privileges are other than PostgreSQL's defaults; then grants has all of them.
        connection_limit: -1 for none.
        tablespace: Its default one.
        locale_provider, locale, icu_rules: As pg_database has them, where the server knows them.
    """

    granted: bool = False
    connection_limit: int = -1
    comment: str | None = None
    tablespace: str = "pg_default"
    locale_provider: str | None = None
    icu_rules: str | None = None
    locale: str | None = None
    settings: tuple[Setting, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True)
class Source:
    """The database's identity, and what a restore elsewhere must prepare for it.

    Attributes:
        bytes: Its size on disk.
        superuser: Name of the cluster's first one.
        superuser_owns: Whether something in the dump belongs to it, so that a restore needs it.
        roles: Owners, grantees and others that the dump names.
        tablespaces: Those that its tables and indexes lie in.
        preload: Libraries that its server loads at its start or that of a session; empty when the role may not read which.
        parameters: That its functions set, and that not everybody may set.
        tuning: What its server says, otherwise than by default, of how queries are planned and run, as "name=value".
    """

    database: str = ""
    system_identifier: str = ""
    server_version: str = ""
    server_major: int = 0
    in_recovery: bool = False
    bytes: int = 0
    encoding: str = ""
    collate: str = ""
    ctype: str = ""
    owner: str = ""
    superuser: str = "postgres"
    superuser_owns: bool = False
    roles: tuple[str, ...] = ()
    tablespaces: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    tuning: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    properties: DatabaseProperties = field(default_factory=DatabaseProperties)

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "roles": list(self.roles),
            "tablespaces": list(self.tablespaces),
            "preload": list(self.preload),
            "tuning": list(self.tuning),
            "parameters": list(self.parameters),
        }


def source_from_json(found: Mapping[str, Any]) -> Source:
    """The source as a manifest has it; what an older version did not write has its default, what a newer one wrote is dropped."""
    given = _known(Source, found)
    properties = _known(DatabaseProperties, found.get("properties") or {})
    for name, kind in (("settings", Setting), ("grants", Grant)):
        properties[name] = tuple(kind(**_known(kind, each)) for each in properties.get(name) or ())
    for name in ("roles", "tablespaces", "preload", "tuning", "parameters"):
        given[name] = tuple(given.get(name) or ())
        if not all(isinstance(each, str) for each in given[name]):
            raise TypeError(f"{name} holds something other than text")
    return Source(**{**given, "properties": DatabaseProperties(**properties)})


_KINDS: Mapping[str, Any] = {"str": str, "int": int, "bool": bool, "str | None": str}


def _known(kind: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the class's fields; null stands for the default.

    Raises:
        TypeError: one is of another kind: somebody has edited the manifest.
    """
    kinds = {each.name: _KINDS.get(str(each.type), object) for each in fields(kind)}
    given = {key: value for key, value in found.items() if key in kinds and value is not None}
    for key, value in given.items():
        if not isinstance(value, kinds[key]):
            raise TypeError(f"{key} is of the kind {type(value).__name__}")
    return given
