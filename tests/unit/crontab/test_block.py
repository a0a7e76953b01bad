"""Blocks and adoption on texts: foreign bytes stay, markers are never guessed, only certain twins move."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.adoption import find_adoptable
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.block import (
    begin_marker,
    end_marker,
    split_table,
    with_block,
    without_block,
)
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.jobs import jobs_from_options, render_lines
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from hypothesis import given
from hypothesis import strategies as st

# The five lines that Titan's maintenance document told people to install.
ORIGINAL = (
    "0 2 * * * cd /home/ubuntu/Titan && source .env && ./scripts/backup-production-db.sh "
    ">> /home/ubuntu/logs/db-backup-production.log 2>&1",
    "0 3 * * 0 cd /home/ubuntu/Titan-staging && source .env && ./scripts/backup-staging-db.sh "
    ">> /home/ubuntu/logs/db-backup-staging.log 2>&1",
    '15 2 * * * cd /home/ubuntu/Titan && source .env && psql "$DATABASE_URL" -c "SELECT run_all_cleanups();" '
    ">> /home/ubuntu/logs/db-cleanup.log 2>&1",
    '0 8 * * 0 cd /home/ubuntu/Titan && source .env && psql "$DATABASE_URL" -c "SELECT * FROM cleanup_statistics;" '
    ">> /home/ubuntu/logs/db-stats.log 2>&1",
    '0 4 1-7 * 0 cd /home/ubuntu/Titan && source .env && psql "$DATABASE_URL" -c "REINDEX DATABASE titan_trading;" '
    ">> /home/ubuntu/logs/db-reindex.log 2>&1",
)
TIMES = {"backup": "0 2 * * *", "cleanup": "15 2 * * *", "stats": "0 8 * * 0", "reindex": "first sunday 04:00"}


def jobs(directory: str = "/home/ubuntu/Titan", names: tuple[str, ...] = tuple(TIMES)) -> list:
    return jobs_from_options(
        [
            {"name": n, "schedule": TIMES[n], "command": f"titan-db {n}", "log": f"/l/{n}", "directory": directory}
            for n in names
        ]
    )


LINES = st.lists(st.text("a# *01\t\r=\\%\u00fc", max_size=8), max_size=6)


@given(LINES, LINES, st.lists(st.sampled_from(["0 0 * * * a", "# b", "0 1 * * * c"]), max_size=3))
def test_adding_changing_and_removing_keeps_every_foreign_byte(above: list, below: list, ours: list) -> None:
    top, bottom = ("".join(f"{line}\n" for line in part) for part in (above, below))
    made = with_block(split_table(top, "x", "t"), "x", ours, (), "t").text + bottom
    again = with_block(split_table(made, "x", "t"), "x", ours, (), "t")
    assert again.text == made
    changed = with_block(split_table(made, "x", "t"), "x", ["1 1 1 1 1 z"], (), "t").text
    assert changed.startswith(top)
    assert changed.endswith(bottom)
    assert without_block(split_table(changed, "x", "t")).text == top + bottom


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("{b}\n{b}\n{e}\n", [1, 2, 3]),
        ("{b}\na\n", [1]),
        ("a\n{e}\n", [2]),
        ("{e}\n{b}\n", [1, 2]),
        ("{b}\n{e}\n{b}\n{e}\n", [1, 2, 3, 4]),
        ("{b}\n{other}\n{e}\n", [2]),
    ],
)
def test_broken_markers_are_refused_with_line_numbers(text: str, numbers: list[int]) -> None:
    made = text.format(b=begin_marker("x"), e=end_marker("x"), other=begin_marker("y"))
    with pytest.raises(TitanError) as caught:
        split_table(made, "x", "crontab of ubuntu")
    assert caught.value.details["lines"] == numbers
    assert "by hand" in caught.value.message


def test_two_blocks_do_not_see_each_other() -> None:
    first = with_block(split_table("0 0 * * * a\n", "production", "t"), "production", ["1 1 * * * p"], (), "t").text
    both = with_block(split_table(first, "staging", "t"), "staging", ["2 2 * * * s"], (), "t").text
    assert without_block(split_table(both, "staging", "t")).text == first
    assert "2 2 * * * s" in without_block(split_table(both, "production", "t")).text


def test_a_last_line_without_an_end_is_refused() -> None:
    with pytest.raises(TitanError, match="no line end"):
        with_block(split_table("0 0 * * * a", "x", "t"), "x", [], (), "t")


def test_the_five_original_lines_are_adopted_each_by_its_environment() -> None:
    production = find_adoptable(ORIGINAL, jobs())
    assert (production.adopt, production.conflicts) == ((0, 2, 3, 4), ())
    staging = find_adoptable(ORIGINAL, jobs("/home/ubuntu/Titan-staging", ("backup",)))
    assert (staging.adopt, staging.conflicts) == ((1,), ())


@pytest.mark.parametrize(
    "line",
    [
        "0  2 * *\t* cd  /home/ubuntu/Titan && . ./.env &&  ./scripts/backup-production-db.sh",
        "0 2 * * * /home/ubuntu/Titan/scripts/backup-production-db.sh >> /elsewhere.log 2>&1",
        "0 2 * * * cd /home/ubuntu/Titan && source .env && psql $DATABASE_URL -c 'SELECT * FROM run_all_cleanups()'",
    ],
)
def test_known_variants_are_adopted(line: str) -> None:
    assert find_adoptable([line], jobs()).adopt == (0,)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("30 5 * * * /home/ubuntu/Titan/scripts/backup-production-db.sh", "time"),
        ('15 2 * * * psql "$DATABASE_URL" -c "SELECT run_all_cleanups();"', "its directory"),
        (ORIGINAL[0].replace("./scripts", "rm -f /x; ./scripts"), "other things"),
        ("0 2 * * * titan-db backup", "own command"),
        (
            "0 2 * * * exec >> /elsewhere.log 2>&1; cd /home/ubuntu/Titan && set -a && . /home/ubuntu/other.env && set +a || exit; titan-db backup",
            "another log and another env_file",
        ),
        (
            "0 2 * * * trap true EXIT; exec >> /l 2>&1; cd /x || exit; trap - EXIT; titan-db backup",
            "same job, with another log",
        ),
    ],
)
def test_what_only_resembles_a_job_is_reported_and_left(line: str, reason: str) -> None:
    found = find_adoptable(["# c", line], jobs())
    assert found.adopt == ()
    assert [(each.number, reason in each.reason) for each in found.conflicts] == [(2, True)]


@pytest.mark.parametrize(
    "line",
    [
        "# " + ORIGINAL[0],
        "0 2 * * * /srv/other/scripts/backup-production-db.sh",
        "MAILTO=x",
        "0 2 * * * certbot renew",
        "",
    ],
)
def test_foreign_lines_are_nobodys(line: str) -> None:
    found = find_adoptable([line], jobs())
    assert (found.adopt, found.conflicts) == ((), ())


def test_adopted_lines_come_back_to_their_places() -> None:
    text = "MAILTO=x\n" + "".join(f"{line}\n" for line in ORIGINAL) + "# end\n"
    table = split_table(text, "production", "t")
    found = find_adoptable(table.before, jobs())
    made = with_block(table, "production", render_lines(jobs()), found.adopt, "t").text
    running = [line for line in made.splitlines() if line and not line.startswith("#")]
    assert [line for line in running if "source .env" in line] == [ORIGINAL[1]]
    assert without_block(split_table(made, "production", "t")).text == text
