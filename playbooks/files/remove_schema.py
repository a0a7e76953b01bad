# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop the schema titan_ops, unless something outside it depends on it. Run on the host by the playbook remove."""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.environ["TITAN_DB_COMMAND"])

from titan_db.errors import TitanError
from titan_db.postgres.database import connect
from titan_db.postgres.from_options import settings_from_options

try:
    with connect(settings_from_options({"env_file": os.environ["TITAN_DB_ENV_FILE"]}), "titan-db remove") as database:
        if database.value("SELECT to_regnamespace('titan_ops')") is None:
            print("absent")
        else:
            with database.transaction():
                for each in database.rows(
                    "SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END kind, oid::regclass::text name "
                    "FROM pg_catalog.pg_class WHERE relnamespace = 'titan_ops'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') "
                    "ORDER BY relkind = 'S', relkind DESC"
                ):
                    database.execute(f"DROP {each['kind']} IF EXISTS {each['name']}")  # regclass quotes the name
                database.execute("DROP SCHEMA titan_ops")
            print("removed")
except TitanError as error:
    sys.exit(f"The schema titan_ops stays: {error.message}")
