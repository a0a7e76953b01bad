# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment that holds a canary in each place that a secret may be in, and everything that its jobs say and write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import ROOT, free_port
from tests.drill_programs import drill_programs
from tests.integration.alerts.stub import Stub

# Part of every canary, whatever its case: what follows says where the canary was.
CANARY = "k7canary"
# A table's name may be told, but in one line.
NAME = "k7name\nline"

DATABASE = f"""
CREATE ROLE "{{role}}" PASSWORD '{CANARY}-role-password';
ALTER ROLE "{{role}}" SET app.key = '{CANARY}-role-setting';
ALTER DATABASE "{{name}}" SET app.jwt_secret = '{CANARY}-database-setting';
COMMENT ON DATABASE "{{name}}" IS '{CANARY}-database-comment';
CREATE FUNCTION public.acceptable(mail text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  IF current_database() <> '{{name}}' THEN RAISE EXCEPTION 'bad mail %', mail USING DETAIL = mail, HINT = mail; END IF;
  RETURN true; -- {CANARY}-function
END $$;
CREATE TABLE public."{NAME}" (id int PRIMARY KEY, mail text DEFAULT '{CANARY}-default', at timestamptz DEFAULT now());
COMMENT ON TABLE public."{NAME}" IS '{CANARY}-table-comment';
COMMENT ON COLUMN public."{NAME}".mail IS '{CANARY}-column-comment';
INSERT INTO public."{NAME}" SELECT n, '{CANARY}-row-' || n, now() - n * interval '1 day' FROM generate_series(1, 30) n;
CREATE TABLE public.logs (id int PRIMARY KEY, level text, at timestamptz);
INSERT INTO public.logs SELECT n, '{CANARY}-level-' || n, now() - n * interval '1 day' FROM generate_series(1, 30) n;
CREATE TABLE public.kept (id int PRIMARY KEY, mail text, at timestamptz);
INSERT INTO public.kept SELECT n, '{CANARY}-kept-' || n, now() - n * interval '1 day' FROM generate_series(1, 30) n;
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'never delete %', OLD.mail USING DETAIL = OLD.mail, TABLE = OLD.mail; END $$;
CREATE TRIGGER refuse BEFORE DELETE ON public.kept FOR EACH ROW EXECUTE FUNCTION public.refuse();
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host '{CANARY}-server-option');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (password '{CANARY}-mapping-password');
CREATE VIEW public.shown AS SELECT '{CANARY}-view' AS x;
ANALYZE;
"""
# From now on a restore of it elsewhere fails, and says why with a row.
UNACCEPTABLE = f'ALTER TABLE public."{NAME}" ADD CONSTRAINT good CHECK (public.acceptable(mail))'

# titan-db without the pauses between the tries of a message.
DRIVER = """
import functools, sys
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.alerts import channels, delivery, pings
from ansible_collections.titan.database.plugins.module_utils._engine.jobs import run
run.ping = functools.partial(pings.ping, sleep=lambda seconds: None)
delivery.send = functools.partial(channels.send, sleep=lambda seconds: None)
sys.exit(cli.main())
"""


def message_secrets(stub: Stub) -> str:
    """The env file of an environment that tells its failures to everybody: 16 secrets in 10 addresses."""
    here = stub.url.removeprefix("http://")
    urls = [
        f"http://{CANARY}-user:{CANARY}-user-password@{here}/message",
        f"{stub.url}/hooks/{CANARY}-path?token={CANARY}-query",
        f"https://hooks.slack.com/services/T0/B0/{CANARY}",
        f"https://discord.com/api/webhooks/1/{CANARY}-discord",
        f"https://ntfy.example.org/{CANARY}-topic",
        f"mailto://{CANARY}-mail:{CANARY}-mail-password@127.0.0.1:{free_port()}?to=a@example.org",
        f"http://127.0.0.1:{free_port()}/{CANARY}-closed",
        f"https://{CANARY}-host.invalid/",
        f"http://[{CANARY}-broken",
    ]
    variables = {
        "TITAN_DB_NOTIFY_URLS": " ".join(urls),
        "TITAN_DB_PING_URL": f"http://{CANARY}-ping-user:{CANARY}-ping-password@{here}/{CANARY}-ping/{{job}}?key={CANARY}-key",
        "TELEGRAM_ALERT_TOKEN": f"1:{CANARY}-telegram",
        "TELEGRAM_CHAT_ID": "-100",
        "https_proxy": f"http://{CANARY}-proxy-user:{CANARY}-proxy-password@{here}",
    }
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())


class Site:
    """One host's environment in a directory."""

    def __init__(self, folder: Path, settings: ConnectionSettings, stub: Stub) -> None:
        self.folder, self.settings = folder, settings
        self.said: dict[str, str] = {}
        for name in ("backups", "state", "archive"):
            (folder / name).mkdir(mode=0o700)
        (folder / "metrics").mkdir()
        self._private("notify.env", message_secrets(stub))
        self.connect_to(settings.port)
        schedule = {
            word: {"schedule": "0 2 * * *"} for word in ("backup", "drill", "cleanup", "reindex", "stats", "health")
        }
        dump = {"dest": f"{folder}/backups", "name": "n", "programs": drill_programs()}
        self._private(
            "config.json",
            json.dumps(
                {
                    "environment": "e",
                    "env_file": f"{folder}/.env",
                    "notify_env_file": f"{folder}/notify.env",
                    "state_dir": f"{folder}/state",
                    "metrics_dir": f"{folder}/metrics",
                    "notify": {"on": ["failure", "recovery"]},
                    "schedule": schedule,
                    "jobs": {
                        "backup": {**dump, "globals": False},
                        "drill": dump,
                        "list": {"dest": dump["dest"]},
                        "restore": {"programs": dump["programs"]},
                        "cleanup": {"require_backup_within": "off", "max_fraction": 1.0, "accept_superuser": True},
                        "health": {"backup_dest": f"{folder}/backups", "backup_name": "n"},
                    },
                }
            ),
        )

    def _private(self, name: str, text: str) -> None:
        (self.folder / name).touch(mode=0o600)
        (self.folder / name).write_text(text)

    def connect_to(self, port: int) -> None:
        """Let the jobs' env file lead to this port."""
        user, database = self.settings.user, self.settings.database
        self._private(
            ".env", f"DATABASE_URL='postgresql://{user}:{CANARY}-database-password@127.0.0.1:{port}/{database}'\n"
        )

    def titan_db(self, what: str, *arguments: str) -> int:
        """Run it, keep what it says under the name, and return its exit status."""
        argv = [sys.executable, "-c", DRIVER, *arguments, "--config", f"{self.folder}/config.json"]
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": f"{ROOT}/collections",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
        )
        self.said[f"{what}: output"] = done.stdout + done.stderr
        return done.returncode

    def keep(self, what: str, result: dict[str, Any]) -> dict[str, Any]:
        """Keep what a module returned under the name."""
        self.said[what] = json.dumps(result, default=str)
        return result

    def written(self) -> Iterator[tuple[str, str]]:
        """What lies in the files that the jobs have made, dumps and archives of rows apart."""
        for path in sorted(self.folder.rglob("*")):
            if (
                path.is_file()
                and path.name not in (".env", "notify.env")
                and not path.name.endswith((".copy", ".dump", ".gz", ".zst"))
            ):
                yield str(path.relative_to(self.folder)), path.read_text(errors="replace")
