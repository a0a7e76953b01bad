# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converge is green only if tonight's jobs can be done: each thing they need is taken away once, and is healed or named."""

from __future__ import annotations

import pytest
from conftest import Environment, hosts_of, machine, playbook, recap

NAME = hosts_of("staging")[0]
STAGING = Environment(machine(NAME), "staging")
LOGS = f"{STAGING.base}/logs"
CRONTAB = "/var/spool/cron/crontabs/ubuntu"
# What is done, what puts it back (healed ones need nothing), what the converge then says; empty for healed.
HEALED = {
    "a strict umask closed our directory": "chmod 0750 /etc/titan-db",
    "cron is stopped and disabled, and would skip the crontab": f"systemctl disable --now cron; "
    f"chmod 0644 {CRONTAB}; ln {CRONTAB} /var/spool/cron/again",
    "the command cannot be run": "chmod 0700 /usr/local/bin/titan-db",
    "the logs are root's": f"chown root:root {LOGS}; chmod 0755 {LOGS}",
    "the backups are root's": f"chown root:root {STAGING.backups}",
}
NAMED = {
    "cron.allow": ("echo root >/etc/cron.allow", "rm /etc/cron.allow", "cannot use this program"),
    "cron.deny": ("cp -p /etc/cron.deny /root/deny 2>/dev/null; echo ubuntu >/etc/cron.deny",
                  "rm /etc/cron.deny; mv /root/deny /etc/cron.deny 2>/dev/null; true", "cannot use this program"),
    "a log of root's": (f"touch {LOGS}/db-stats.log; chown root {LOGS}/db-*.log; chmod 0644 {LOGS}/db-*.log",
                        f"chown ubuntu {LOGS}/db-*.log", "cannot append to the log"),
    "the home is closed": (f"chown root {STAGING.home}; chmod 0700 {STAGING.home}",
                           f"chown ubuntu {STAGING.home}; chmod 0755 {STAGING.home}", "chown"),
}  # fmt: skip


def converge(*arguments: str, check: bool = True):
    return playbook("site.yml", "-l", NAME, *arguments, check=check)


def do(command: str) -> None:
    STAGING.host.run("sh -c %s", command)


@pytest.mark.parametrize("what", HEALED)
def test_what_the_roles_own_is_healed(what):
    do(HEALED[what])
    if what != "the backups are root's":  # which check mode cannot read as ubuntu: it fails and says so
        assert recap(converge("--check"))[NAME] > 0, "check mode sees it"
    assert recap(converge())[NAME] > 0
    assert recap(converge())[NAME] == 0
    assert STAGING.host.run("systemctl is-enabled cron").stdout.strip() == "enabled"
    assert STAGING.host.run("systemctl is-active cron").stdout.strip() == "active"
    assert STAGING.host.run(f"stat -c '%a %h' {CRONTAB}").stdout.strip() == "600 1", "cron reads it"
    # 75: cron's own health job is at work at this very moment.
    assert STAGING.cron("health").rc in (0, 1, 2, 75), "the line can be run as cron runs it"


@pytest.mark.parametrize("what", NAMED)
def test_what_they_do_not_own_is_named_with_a_command(what):
    broken, mended, words = NAMED[what]
    do(broken)
    try:
        done = converge("--tags", "crontab", check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0 and words in said, said[-3000:]
    finally:
        do(mended)
    assert recap(converge("--tags", "crontab"))[NAME] == 0


def test_a_user_for_whom_cron_starts_nothing_is_named():
    """Each keeps cron from the jobs, and only its own log says so; a log that is a pipe would hold the job up for ever."""
    log = f"{LOGS}/db-health-staging.log"
    do(f"chage -d 0 ubuntu; mv {log} {log}.kept; mkfifo -m 0666 {log}")
    try:
        done = converge("-e", "lab_login=deploy", check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0, said[-3000:]
        assert "cron starts nothing for ubuntu: the password has expired. Try: chage" in said, said[-3000:]
        assert f"the log {log} is not a file" in said
    finally:
        do(f"chage -M -1 -d -1 ubuntu; rm -f {log}; mv {log}.kept {log} 2>/dev/null; true")
    do("(echo SHELL=/bin/false; crontab -u ubuntu -l) | crontab -u ubuntu -")
    try:
        done = converge(check=False)
        assert done.returncode != 0 and "the crontab sets SHELL=/bin/false" in " ".join(
            (done.stdout + done.stderr).split()
        )
    finally:
        do("crontab -u ubuntu -l | sed 1d | crontab -u ubuntu -")
    assert recap(converge())[NAME] == 0


def test_a_cron_that_does_not_run_is_not_overlooked_by_a_part_of_the_play():
    do("systemctl stop cron")
    try:
        done = converge("--tags", "crontab", check=False)
        assert done.returncode != 0 and "systemctl enable --now cron" in " ".join((done.stdout + done.stderr).split())
    finally:
        do("systemctl start cron")


def test_a_cron_that_the_init_system_calls_active_is_looked_at_itself():
    """Stopped by a signal it starts nothing, and with ProtectHome= its jobs find neither their directory nor their env file."""
    unit = "/run/systemd/system/cron.service.d"
    do(
        f"mkdir -p {unit}; printf '[Service]\nProtectHome=yes\n' >{unit}/hide.conf; systemctl daemon-reload; systemctl restart cron"
    )
    do("kill -STOP $(systemctl show --property MainPID --value cron)")
    try:
        done = converge(check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0, said[-3000:]
        for words in ("has no cron daemon that runs", "ubuntu cannot enter", "shows its jobs other files than you see"):
            assert words in said, said[-3000:]
    finally:
        do(
            f"kill -CONT $(systemctl show --property MainPID --value cron); rm -r {unit}; systemctl daemon-reload; systemctl restart cron"
        )
    assert recap(converge())[NAME] == 0


def test_what_pam_gives_to_the_jobs_of_cron_is_tried():
    """Limits of cron's session, which the play's own session as root has not."""
    limits = "/etc/security/limits.d/titan.conf"
    converge()
    for line, words in {
        "ubuntu hard fsize 1": "files may not become larger than 1,024 bytes",
        "@ubuntu - nofile 77": "may not open more than 77 files",
    }.items():
        do(f"echo '{line}' >{limits}")
        try:
            done = converge("-e", "lab_login=deploy", check=False)  # ubuntu could not log in
            said = " ".join((done.stdout + done.stderr).split())
            assert done.returncode != 0 and words in said, said[-3000:]
        finally:
            do(f"rm -f {limits}")
    assert recap(converge())[NAME] == 0


def test_a_new_host_with_a_strict_umask_is_ready_after_one_converge():
    do("rm -rf /etc/titan-db; grep -q ^UMASK.*027 /etc/login.defs || echo 'UMASK 027' >>/etc/login.defs")
    do(
        "printf 'Defaults umask=0077\\nDefaults umask_override\\n' >/etc/sudoers.d/umask; chmod 0440 /etc/sudoers.d/umask"
    )
    try:
        assert recap(converge())[NAME] > 0
        assert STAGING.host.run("stat -c %a /etc/titan-db").stdout.strip() == "755"
        assert recap(converge())[NAME] == 0
        assert STAGING.cron("backup").rc == 0
    finally:
        do("rm /etc/sudoers.d/umask; sed -i '/^UMASK 027/d' /etc/login.defs")
