# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was installed can be taken away: jobs, command, metrics, the schema only if asked; backups and foreign lines stay."""

from __future__ import annotations

from conftest import Environment, crontab, machine, playbook, recap

FOREIGN = '# kept by hand\nMAILTO=""\n17 3 * * 6 /usr/bin/true   # "100\\%" of it\n'
PRODUCTION = Environment(machine("titan-production"), "production")
STAGING = Environment(machine("titan-staging"), "staging")
HOST = PRODUCTION.host
COMMAND = "/usr/local/bin/titan-db"


def listing(path):
    return HOST.run("sh -c %s", f"cd {path} && find . -type f | sort | xargs sha256sum").stdout


def test_removing_one_environment_after_the_other():
    assert PRODUCTION.cron("backup").rc == 0
    assert PRODUCTION.titan_db("health", "--by-hand", expect=None).rc in (
        0,
        1,
        2,
        3,
    )  # 3: the application's role may not see all
    kept = {
        path: listing(path) for path in ("/home/ubuntu/backups", "/home/ubuntu/Titan", "/home/ubuntu/Titan-staging")
    }
    assert all(kept.values())
    counts = PRODUCTION.counts()

    # Without a limit nothing happens.
    done = playbook("titan.database.remove", check=False)
    assert done.returncode != 0 and "No environment was named" in " ".join((done.stdout + done.stderr).split())
    before = crontab(HOST)

    # A check says what would go and writes nothing.
    assert recap(playbook("titan.database.remove", "-l", "titan-staging", "--check"))["titan-staging"] >= 2
    assert crontab(HOST) == before and HOST.file("/etc/titan-db/staging.json").exists

    playbook("titan.database.remove", "-l", "titan-staging")
    text = crontab(HOST)
    assert text.startswith(FOREIGN) and "staging" not in text and "# BEGIN titan.database crontab production " in text
    assert HOST.file(COMMAND).exists, "production still needs it"
    for path in ("/etc/titan-db/staging.json", "/etc/logrotate.d/titan-staging", "/var/lib/titan-db/staging"):
        assert not HOST.file(path).exists, path
    assert HOST.file("/etc/titan-db/titan-db").exists, "and its spare copy"
    assert STAGING.value("SELECT count(*) FROM titan_ops.migration_history") == "2"
    assert PRODUCTION.cron("backup").rc == 0
    kept["/home/ubuntu/backups"] = listing("/home/ubuntu/backups")

    done = playbook("titan.database.remove", "-l", "titan-production", "-e", "remove_schema=true")
    assert recap(done)["titan-production"] >= 4
    assert crontab(HOST) == FOREIGN
    for path in (COMMAND, "/etc/titan-db", "/etc/logrotate.d/titan-production", "/var/lib/titan-db"):
        assert not HOST.file(path).exists, path
    assert PRODUCTION.value("SELECT to_regnamespace('titan_ops') IS NULL") == "t"
    assert PRODUCTION.counts() == counts
    assert {path: listing(path) for path in kept} == kept
    assert HOST.run("pgrep -f '[t]itan-db'").stdout == ""

    # Again: nothing left to do.
    again = playbook("titan.database.remove", "-l", "titan-production", check=False)
    assert recap(again) == {"titan-production": 0} and again.returncode == 0


def test_coming_back_finds_everything():
    done = playbook("site.yml", "-l", "titan-production")
    assert recap(done, "failed") == {"titan-production": 0}
    [[found]] = PRODUCTION.sql(
        "SELECT count(*) FROM titan_ops.migration_history, jsonb_array_elements(details->'indexes') i "
        "WHERE version = '0010' AND i->>'outcome' = 'found'"
    )
    assert int(found) == 7
    assert crontab(HOST).startswith(FOREIGN)
    assert PRODUCTION.cron("backup").rc == 0
