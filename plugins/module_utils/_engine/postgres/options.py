# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options that every database module has."""

from __future__ import annotations

from ..text.options import Spec, option

CONNECTION: Spec = {
    "login_host": option(
        "str",
        "Host name or address of the PostgreSQL server, as seen from the target host.",
        "Without it, and without O(login_unix_socket) and O(env_file), the server's default Unix socket is used.",
    ),
    "login_port": option(
        "int",
        "Port of the PostgreSQL server; V(5432) if neither this option nor O(env_file) names one.",
    ),
    "login_user": option(
        "str",
        "Role to connect as; the name of the operating system's user if neither this option nor O(env_file) names one.",
    ),
    "login_password": option(
        "str",
        "Password of O(login_user). It is never put into a command line, an environment, a log or a result.",
        "Prefer O(env_file), or peer authentication over the Unix socket, which needs no password at all.",
        no_log=True,
    ),
    "login_db": option(
        "str",
        "Database to connect to.",
    ),
    "login_unix_socket": option(
        "path",
        "Directory on the target host that holds the server's Unix socket.",
    ),
    "env_file": option(
        "path",
        "Path on the target host of the application's env file, as C(NAME=value) lines that a POSIX shell can source.",
        "The database is named there by E(DATABASE_URL), by E(DB_HOST), E(DB_PORT), E(DB_USER), E(DB_PASSWORD) and E(DB_NAME), or by "
        "the spellings that frameworks have for them; the guide C(docs/env-files.md) shows all.",
        "E(DIRECT_URL) in it names the server itself where E(DATABASE_URL) names a pooler, and wins over it.",
        "The C(login_*) options win over the values in the file.",
    ),
    "database_url_variable": option(
        "str",
        "Name of the variable in O(env_file) that holds the URL of the database, for example V(SHOP_DATABASE_URL).",
        "With it no other variable of the file is read.",
    ),
    "direct_url": option(
        "str",
        "URL of the server itself, for example V(postgresql://db1.example:5432), where O(env_file) names a connection pooler.",
        "Host, port and parameters are taken from it. User, password and database are taken from O(env_file) where the URL does "
        "not name them; the database must be the same.",
        "It wins over E(DIRECT_URL) in the file. The C(login_*) options win over it.",
        no_log=True,
    ),
}
