"""The role's logrotate file, run by logrotate itself on logs of an unprivileged user."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.line import Job, render_command

from tests.others import NOBODY, directory_of_nobody

TEMPLATE = Path(__file__).resolve().parents[3] / "roles" / "crontab" / "templates" / "logrotate.j2"
PROGRAM = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin:/bin")
JOBS = [
    {"name": "backup", "log": "db-backup.log"},
    {"name": "drill", "log": "db-backup.log"},  # two jobs may share a log
    {"name": "stats", "log": "never-written.log"},
]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of logs that its user's group may write to, as many homes are."""
    with directory_of_nobody("lo gs", 0o775) as logs:
        yield logs.parent


def rotate(place: Path, text: str) -> subprocess.CompletedProcess[str]:
    config = place / "rotate.conf"
    config.write_text(text)
    config.chmod(0o644)
    assert PROGRAM
    return subprocess.run(
        [PROGRAM, "--force", "--state", str(place / "status"), str(config)], capture_output=True, text=True, check=False
    )


def rendered(place: Path) -> str:
    variables = {
        "crontab_environment": "t", "crontab_jobs": JOBS, "crontab_log_dir": str(place / "lo gs"),
        "crontab_user": "nobody", "crontab_group": "nogroup",
    }  # fmt: skip
    return (
        jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
        .from_string(TEMPLATE.read_text())
        .render(variables)
    )  # noqa: S701


def job_says(place: Path, text: str) -> None:
    """What cron does with the job's line, as the user."""
    line = render_command(Job("backup", "0 2 * * *", f"echo {text}", f"{place}/lo gs/db-backup.log"))
    subprocess.run(
        ["/bin/sh", "-c", line],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
        umask=0o027,
        cwd="/",
        check=True,
    )


@pytest.mark.skipif(PROGRAM is None or os.geteuid() != 0, reason="needs logrotate and root")
def test_logs_are_rotated_and_nothing_is_lost(place: Path) -> None:
    log = place / "lo gs" / "db-backup.log"
    job_says(place, "one")
    with subprocess.Popen(
        ["/bin/sh", "-c", "read go; echo late"], stdin=subprocess.PIPE, stdout=log.open("ab"), text=True
    ) as running:
        done = rotate(place, rendered(place))
        assert (done.returncode, done.stderr) == (0, "")
        job_says(place, "two")
        running.communicate("go\n")
    old = log.with_name("db-backup.log.1")
    assert (old.read_text(), log.read_text()) == ("one\nlate\n", "two\n"), "a job that runs ends its own log"
    done = rotate(place, rendered(place))
    assert (done.returncode, done.stderr) == (0, "")
    assert gzip.decompress(log.with_name("db-backup.log.2.gz").read_bytes()) == b"one\nlate\n"
    assert (old.read_text(), log.read_text()) == ("two\n", "")
    found = sorted(path.name for path in log.parent.iterdir())
    assert found == ["db-backup.log", "db-backup.log.1", "db-backup.log.2.gz"]
    for path in log.parent.iterdir():
        status = path.stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o640), (
            path
        )
    job_says(place, "three")
    assert log.read_text() == "three\n"


@pytest.mark.skipif(PROGRAM is None or os.geteuid() != 0, reason="needs logrotate and root")
def test_without_the_user_logrotate_would_refuse(place: Path) -> None:
    """The su line is what makes it work: root will not rotate where others may write."""
    job_says(place, "one")
    text = "".join(line for line in rendered(place).splitlines(keepends=True) if not line.strip().startswith("su "))
    assert "insecure permissions" in rotate(place, text).stderr
    assert not (place / "lo gs" / "db-backup.log.1").exists()
