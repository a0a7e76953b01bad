# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the connection options that every database module has."""

from __future__ import annotations


class ModuleDocFragment:
    """Extended by modules with C(titan.database.connection)."""

    DOCUMENTATION = r"""
options:
  login_host:
    description:
      - Host name or address of the PostgreSQL server, as seen from the target host.
      - Without it, and without O(login_unix_socket) and O(env_file), the server's default Unix socket is used.
    type: str
  login_port:
    description:
      - Port of the PostgreSQL server; V(5432) if neither this option nor O(env_file) names one.
    type: int
  login_user:
    description:
      - Role to connect as; the name of the operating system's user if neither this option nor O(env_file) names one.
    type: str
  login_password:
    description:
      - Password of O(login_user). It is never put into a command line, an environment, a log or a result.
      - Prefer O(env_file), or peer authentication over the Unix socket, which needs no password at all.
    type: str
  login_db:
    description:
      - Database to connect to.
    type: str
  login_unix_socket:
    description:
      - Directory on the target host that holds the server's Unix socket.
    type: path
  env_file:
    description:
      - Path on the target host of the application's env file, as C(NAME=value) lines that a POSIX shell can source.
      - The database is named there by E(DATABASE_URL), by E(DB_HOST), E(DB_PORT), E(DB_USER), E(DB_PASSWORD) and E(DB_NAME), or by the spellings that
        frameworks have for them; the guide C(docs/env-files.md) shows all.
      - E(DIRECT_URL) in it names the server itself where E(DATABASE_URL) names a pooler, and wins over it.
      - The C(login_*) options win over the values in the file.
    type: path
  database_url_variable:
    description:
      - Name of the variable in O(env_file) that holds the URL of the database, for example V(SHOP_DATABASE_URL).
      - With it no other variable of the file is read.
    type: str
  direct_url:
    description:
      - URL of the server itself, for example V(postgresql://db1.example:5432), where O(env_file) names a connection pooler.
      - Host, port and parameters are taken from it. User, password and database are taken from O(env_file) where the URL does not name them; the
        database must be the same.
      - It wins over E(DIRECT_URL) in the file. The C(login_*) options win over it.
    type: str
requirements:
  - psycopg2 on the target host (Debian package C(python3-psycopg2))
  - PostgreSQL server 14 or newer
"""
