# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converge asks at its end, as the jobs' user: each thing that a job needs is taken away once, and is named."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.operation import crontab
from ansible_collections.titan.database.plugins.module_utils._engine.environment import readiness
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import read_environment
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.host.account import DENIED
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import identity, unprivileged_user
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import ROOT, embedded_programs

SCRIPT = (ROOT / "roles" / "host" / "files" / "tonight.py").read_text(encoding="utf-8")
SCHEDULE = {"backup": "0 2 * * *", "stats": "@weekly"}
PYTHON = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable


def identity_name() -> str:
    owner = unprivileged_user()
    return owner.pw_name if owner else pwd.getpwuid(os.geteuid()).pw_name


@dataclass
class Place:
    """A converged environment in a directory whose files belong to the jobs' user."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def obstacles(self, mounts: str = "", *more: str) -> list[tuple[str, str]]:
        """What is found; with mounts, shell commands of root's, in a mount namespace in which they were run."""
        names = [self.path("titan-db"), self.path("t.json"), self.path("app home"), self.path("crontab")]
        asked: list[str | Path] = [PYTHON, "-I", "-c", SCRIPT, *names, "", ""]
        if mounts:
            become = ["setpriv", f"--reuid={identity_name()}", "--clear-groups", *more]
            asked = ["unshare", "--mount", "sh", "-c", f'{mounts}; exec "$@"', "sh", *become, *asked]
        who = {} if mounts else identity()
        done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd="/", **who)
        assert done.returncode == 0, done.stderr
        return [tuple(each) for each in json.loads(done.stdout)]


@pytest.fixture
def ready(settings: ConnectionSettings, workdir: Path) -> Iterator[Place]:
    if subprocess.run([PYTHON, "-c", "import psycopg2"], check=False, capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has no psycopg2 (Debian package python3-psycopg2)")
    workdir.chmod(0o755)
    place = Place(workdir)
    for name in ("app home", "logs", "state", "backups"):
        place.path(name).mkdir(mode=0o700)
    place.path("env").write_text(
        f"DATABASE_URL='postgresql://{settings.user}@{settings.host}:{settings.port}/{settings.database}'\n"
    )
    place.path("logs/b.log").touch()
    place.path("titan-db").write_bytes(zipapp.build(PYTHON))
    place.path("titan-db").chmod(0o755)
    config = {
        "environment": "t", "env_file": str(place.path("env")), "state_dir": str(place.path("state")),
        "command": str(place.path("titan-db")), "spare_command": str(place.path("titan-db")),
        "schedule": {name: {"schedule": at, "log": str(place.path(f"logs/{name[0]}.log"))} for name, at in SCHEDULE.items()},
        "jobs": {"backup": {"dest": str(place.path("backups")), "format": "plain", "compression": "gzip", "verify": "checksum",
                            "globals": "off", "programs": embedded_programs()}},
    }  # fmt: skip
    place.path("t.json").write_text(json.dumps(config))
    names = {
        "name": "t",
        "user": "nobody",
        "cron_file": str(place.path("crontab")),
        "adopt": True,
        "state": "present",
        "files": [],
    }
    crontab(Call({**names, "jobs": [line_of(place, job) for job in SCHEDULE]}))
    owner = unprivileged_user()
    for path in (workdir, *workdir.rglob("*")) if owner else ():
        os.chown(path, owner.pw_uid, owner.pw_gid)
    yield place
    for path in workdir.iterdir():
        path.chmod(0o700)


def line_of(place: Place, job: str) -> dict[str, str]:
    return {
        "name": job, "schedule": SCHEDULE[job], "command": f"{place.path('titan-db')} cron {place.path('t.json')} {job}",
        "log": str(place.path(f"logs/{job[0]}.log")), "env_file": str(place.path("env")), "directory": str(place.path("app home")),
    }  # fmt: skip


def closed(name: str, mode: int = 0) -> Callable[[Place], None]:
    return lambda place: place.path(name).chmod(mode)


def nowhere(place: Place) -> None:
    place.path("env").write_text("DATABASE_URL='postgresql://nobody@127.0.0.1:1/none'\n")


def line_lost(place: Place) -> None:
    path = place.path("crontab")
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "stats" not in line))


def line_wrong(place: Place) -> None:
    path = place.path("crontab")
    path.write_text("".join(
        line.replace("/titan-db cron", "/titan-db-of-yesterday cron") if "stats" in line else line
        for line in path.read_text().splitlines(keepends=True)
    ))  # fmt: skip


def instead_of_the_log(make: Callable[[Path], object]) -> Callable[[Place], None]:
    def broken(place: Place) -> None:
        place.path("logs/b.log").unlink()
        make(place.path("logs/b.log"))

    return broken


def above_the_lines(line: str) -> Callable[[Place], None]:
    def broken(place: Place) -> None:
        place.path("crontab").write_text(f"{line}\n{place.path('crontab').read_text()}")

    return broken


def with_proofs_in(name: str) -> Callable[[Place], None]:
    def broken(place: Place) -> None:
        config = json.loads(place.path("t.json").read_text())
        config["jobs"]["backup"].update(verify="restored", drill_dir=str(place.path(name)))
        place.path("t.json").write_text(json.dumps(config))

    return broken


BROKEN: dict[str, tuple[Callable[[Place], None], str]] = {
    "the command": (closed("titan-db"), "cannot run"),
    "the configuration": (closed("t.json"), "cannot read"),
    "the env file": (closed("env"), "cannot use the env file"),
    "the directory": (closed("app home"), "cannot enter"),
    "the logs' directory": (closed("logs", 0o500), "cannot create the log"),
    "a log": (closed("logs/b.log", 0o400), "cannot append to the log"),
    "a directory for a log": (instead_of_the_log(Path.mkdir), "is not a file"),
    "a pipe for a log": (instead_of_the_log(os.mkfifo), "is not a file"),
    "a log that leads nowhere": (
        instead_of_the_log(lambda path: path.symlink_to("/no/such/place/b.log")),
        "there is no /no/such/place",
    ),
    "a shell that is none": (above_the_lines("SHELL=/bin/false"), "sets SHELL=/bin/false"),
    "a shell that runs nothing": (above_the_lines("SHELL = '/bin/true' "), "sets SHELL=/bin/true"),
    "a missing shell": (above_the_lines("SHELL=/bin/none"), "/bin/none: No such file"),
    "a path without programs": (
        above_the_lines("PATH=/nonexistent"),
        "could not be done now (the crontab sets PATH=/nonexistent)",
    ),
    "the proof's place": (with_proofs_in("proofs"), "where backups are proven"),
    "the records": (closed("state", 0o500), "cannot write into"),
    "the backups": (closed("backups", 0o500), "cannot write into"),
    "a line": (line_lost, "no line of the crontab starts the job stats"),
    "a line's program": (line_wrong, "the job stats could not be done now"),
    "the database": (nowhere, "the job backup could not be done now"),
}


def test_nothing_is_in_the_way(ready: Place) -> None:
    before = sorted(ready.folder.rglob("*"))
    assert ready.obstacles() == []
    assert sorted(ready.folder.rglob("*")) == before, "it only looks"


@pytest.mark.parametrize("what", BROKEN)
def test_each_thing_that_is_missing_is_named_with_a_command(ready: Place, what: str) -> None:
    broken, words = BROKEN[what]
    broken(ready)
    found = ready.obstacles()
    assert len(found) >= 1 and len({each[0].split(":")[0] for each in found}) <= 2, found
    assert words in found[0][0] and found[0][1], found


@pytest.mark.parametrize(
    ("allow", "deny", "words"),
    [
        (None, None, ""),
        ("root\nother\n", None, "cron.allow does not name"),
        ("other\n{user}\n", "{user}\n", ""),
        (None, "other\n{user}\n", "cron.deny names"),
        (None, "other\n", ""),
        ("", None, "cron.allow does not name"),
    ],
)
def test_cron_allow_and_deny(
    ready: Place, monkeypatch: pytest.MonkeyPatch, allow: str | None, deny: str | None, words: str
) -> None:
    monkeypatch.setattr(readiness, "user_name", lambda: "jobs")
    monkeypatch.setattr(readiness, "cron_services", lambda: ())  # which would say that there is no such user
    for name, text in (("cron.allow", allow), ("cron.deny", deny)):
        monkeypatch.setattr(readiness, name.upper().replace(".", "_"), str(ready.path(name)))
        if text is not None:
            ready.path(name).write_text(text.format(user="jobs"))
    found = readiness.obstacles(read_environment(str(ready.path("t.json"))))
    assert [each.what for each in found if words not in each.what] == [] and bool(found) == bool(words)
    assert readiness.obstacles(read_environment(str(ready.path("t.json"))), own_crontab=False) == []


def test_a_directory_that_is_open_by_its_mode_alone(ready: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An immutable one, as chattr(1) makes it; of another mode or owner it is put right by that."""
    monkeypatch.setattr(readiness, "user_name", lambda: "jobs")
    found = {}
    os.chown(ready.path("state"), os.geteuid(), os.getegid())
    for mode in (0o700, 0o500):
        ready.path("state").chmod(mode)
        with monkeypatch.context() as inside:
            inside.setattr(os, "access", lambda *_words, **_names: False)
            found[mode] = {
                each.what: each.fix for each in readiness.obstacles(read_environment(str(ready.path("t.json"))))
            }
    what = f"jobs cannot write into {ready.path('state')}"
    assert "chattr -i" in found[0o700][what] and "install -d" in found[0o500][what]


def test_a_crontab_that_cannot_be_used_is_named(ready: Place) -> None:
    with ready.path("crontab").open("a") as stream:
        stream.write("# BEGIN titan.database crontab t (managed: edits in this block are overwritten)\n")
    [(what, fix)] = ready.obstacles()
    assert "BEGIN in line" in what and fix.startswith("ls -l")


@pytest.mark.skipif(os.geteuid() != 0, reason="the limits are set for another user")
@pytest.mark.parametrize(
    ("limit", "words"),
    [("-f 2000", "grep -rn fsize"), ("-n 100", "grep -rn nofile"), ("-v 400000", "grep -rn as "), ("-d 190000", "grep -rn data"),
     ("-t 60", "grep -rn cpu")],
)  # fmt: skip
def test_limits_that_end_a_job_are_named(ready: Place, limit: str, words: str) -> None:
    """As pam_limits sets them for a session of cron; the lines of the crontab are not tried under them."""
    record = ready.path("state/backup.json")
    record.write_text(json.dumps({"name": "backup", "duration": 90.0}))
    record.chmod(0o644)
    [(what, fix)] = ready.obstacles(f"ulimit {limit}")
    assert what.startswith(f"the limits of {identity_name()}'s jobs are too tight") and words in fix


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change PAM's policies and mount a file system")
def test_what_cron_asks_before_a_job_and_a_full_disk(ready: Place) -> None:
    """Both in a mount namespace of its own: PAM's policy says no; the file system of the logs has room for a file, and no block."""
    policies = ready.path("policies")
    policies.mkdir(0o755)
    (policies / "cron").write_text("account required pam_deny.so\n")
    before = f"mount --bind {policies} /etc/pam.d"
    assert [each[0] for each in ready.obstacles(before)] == [f"cron starts nothing for {identity_name()}: {DENIED}"]
    assert ready.obstacles(before, "--no-new-privs") == [], "pam_unix could not read the account: unknown, not denied"
    full = f"mount -t tmpfs -o size=4k,mode=0777 none {ready.path('logs')} && head -c 4096 /dev/zero >{ready.path('logs/b.log')}"
    said = ready.obstacles(f"{full}; chmod 0666 {ready.path('logs/b.log')}")
    read_only = (
        f"mount --bind {ready.path('logs')} {ready.path('logs')} && mount -o remount,bind,ro {ready.path('logs')}"
    )
    ready.path("null").touch(0o600)
    [(what, fix)] = ready.obstacles(f"mount --bind {ready.path('null')} /dev/null")
    assert "'/dev/null'" in what and "mknod" in fix
    program = ready.path("titan-db")
    not_executed = f"mount --bind {program} {program} && mount -o remount,bind,noexec {program}"
    assert any(
        "mounted noexec" in what and "mount -o remount,exec" in fix for what, fix in ready.obstacles(not_executed)
    )
    assert all("mounted read-only" in what and "findmnt" in fix for what, fix in ready.obstacles(read_only))
    assert {"No space left on device"} == {each[0].rpartition(": ")[2] for each in said} and "df -h" in said[0][1]
