# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database the options of a module, or of a configuration, name; they may name an env file, which is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import OptionError, TitanError
from .connection import ConnectionSettings
from .of_others import ANYBODY, with_files_that_it_may_name
from .urls import settings_from_url
from .variables import NAMES, settings_from_variables

_DIRECT = "direct_url"


def settings_from_options(options: Mapping[str, Any]) -> ConnectionSettings:
    """Settings from the ``login_*`` and ``env_file`` options of a module; explicit ``login_*`` values win.

    Raises:
        TitanError: as settings_from_variables.
        EnvFileError: the env file cannot be read.
    """
    if options.get("login_db") and "://" in options["login_db"]:
        raise OptionError("login_db", "(hidden)", "Give a database name here and a URL in the env file.")
    given = {
        "host": options.get("login_host"),
        "port": options.get("login_port"),
        "user": options.get("login_user"),
        "password": options.get("login_password"),
        "database": options.get("login_db"),
        "socket": options.get("login_unix_socket"),
    }
    chosen: dict[str, Any] = {key: value for key, value in given.items() if value not in (None, "")}
    env_file = options.get("env_file")
    base = ConnectionSettings()
    if env_file:
        named = {**_named_by(options), **chosen}
        base = _from_env_file(env_file, str(options.get("database_url_variable") or ""), named)
    if options.get("direct_url"):
        base = _directly(str(options["direct_url"]), base, str(env_file or ""))
    if "host" in chosen and "socket" not in chosen:
        chosen["socket"] = ""
    if {"host", "port", "socket"} & set(chosen):
        chosen["ports"] = ""
    return base._replace(**chosen)


def _named_by(options: Mapping[str, Any]) -> dict[str, str]:
    """The parts that the option direct_url names, so that the env file need not."""
    direct = (
        settings_from_url(str(options["direct_url"]), _DIRECT) if options.get("direct_url") else ConnectionSettings()
    )
    return {part: value for part in ("user", "database") if (value := getattr(direct, part))}


def _directly(url: str, base: ConnectionSettings, env_file: str) -> ConnectionSettings:
    """The settings of the option direct_url, completed by those of the env file.

    Raises:
        OptionError: it names no server, or another database than the env file.
    """
    direct = settings_from_url(url, _DIRECT)
    if not (direct.host or direct.socket):
        raise OptionError(_DIRECT, "(hidden)", "It names no host: write postgresql://HOST:PORT.")
    if direct.database and base.database and direct.database != base.database:
        raise OptionError(
            _DIRECT,
            "(hidden)",
            f"It names the database {direct.database!r}, and {env_file} names {base.database!r}: leave the database out of it, or "
            "name the same one.",
        )
    same_user = direct.user in ("", base.user)
    return direct._replace(
        user=direct.user or base.user,
        password=direct.password or (base.password if same_user else ""),
        database=direct.database or base.database,
        options=tuple(sorted({**dict(base.options), **dict(direct.options)}.items())),
        notes=(*base.notes, *direct.notes),
    )


def _from_env_file(path: str, url_variable: str, given: Collection[str]) -> ConnectionSettings:
    from ..host.env_file import (  # only then: it brings subprocess with it
        missing_references,
        read_env_text,
        require_kept,
        variables_of,
    )

    env = read_env_text(path)
    variables = variables_of(env)
    names = [url_variable] if url_variable else NAMES
    require_kept(env, variables, names.__contains__)
    try:
        settings = settings_from_variables(variables, path, url_variable, given)
    except TitanError:
        require_kept(env, variables)  # a value that was lost is the nearer reason
        raise
    notes = [
        f"the value of {name} in {path} refers to ${reference}, which has no value: write the value in single quotes if the dollar "
        "sign is meant"
        for name in names
        if name in variables
        for reference in missing_references(env, variables, name)
    ]
    if env.others_read and settings.password:
        notes.append(f"every user of this host can read {path}, which holds a password: chmod 0600 it")
    settings = with_files_that_it_may_name(settings, path, env.owner if env.only_owner_writes else env.owner or ANYBODY)
    return settings._replace(notes=(*settings.notes, *(f"{path}: {note}" for note in env.notes), *notes))
