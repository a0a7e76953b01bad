"""The table of docs/faults.md: each row is a fault, what becomes of it, and the test that has seen it so."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.command_line import COMMANDS
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.time_limit import DEFAULT_SECONDS

ROOT = Path(__file__).resolve().parents[3]


class Row(NamedTuple):
    """One fault; the texts are cells of the table."""

    fault: str
    noticed_by: str
    lasts: str
    lost: str
    next_run: str
    file: str
    test: str


_FAULTS = "tests/integration/faults"

ROWS = (
    Row(
        "a pooler in transaction or statement mode answers", "the first question of a connection, before anything is set",
        "8 s", "nothing; nothing was done", "the same, until `DIRECT_URL` names the server",
        f"{_FAULTS}/test_poolers.py", "test_no_word_leaves_anything_on_a_session_of_the_application",
    ),
    Row(
        "another pooler does so", "the same question, asked for up to 20 further clients",
        "8 s", "nothing; nothing was done", "the same, until `DIRECT_URL` names the server",
        f"{_FAULTS}/test_poolers.py", "test_a_pooler_is_seen_by_what_it_does",
    ),
    Row(
        "a pooler hides that it shares (many processes, affinity)", "the server: a session that its client left is neither reset nor gone",
        "8 s", "nothing; nothing was done, nor set for a moment", "the same, until `DIRECT_URL` names the server",
        f"{_FAULTS}/test_poolers.py", "test_a_pooler_that_hides_that_it_shares_is_refused",
    ),
    Row(
        "a session pool passes settings at a session's start on", "the run, which ends that session and sets them by statements",
        "at once", "nothing; the application gets none of them", "the same",
        f"{_FAULTS}/test_poolers.py", "test_a_pooler_that_passes_settings_at_the_start_on_passes_none_to_the_application",
    ),
    Row(
        "a pooler, of whatever mode, lies before a rehearsal's production server", "nobody; the rehearsal reads the server's greeting only", "-",
        "nothing; no setting is left on any session", "-", f"{_FAULTS}/test_poolers.py", "test_a_rehearsal_s_greeting_leaves_nothing_on_a_session",
    ),
    Row(
        "a session pool gives a session on without a reset", "the server: a session that its client left is not reset",
        "8 s", "nothing; nothing was done", "the same, until `server_reset_query = DISCARD ALL` is set, or `DIRECT_URL` names the server",
        f"{_FAULTS}/test_poolers.py", "test_a_session_pool_that_resets_nothing_is_refused",
    ),
    Row(
        "a session pool that is full", "the same question", "8 s", "nothing; nothing was done", "works when there is room",
        f"{_FAULTS}/test_poolers.py", "test_a_session_pool_with_one_session_is_refused_in_time",
    ),
    Row(
        "the network falls silent or breaks, or the server is full, while it is asked whether a pooler is in between",
        "the run; the server is not called a pooler",
        "8 s", "nothing; nothing was done", "does the work",
        f"{_FAULTS}/test_poolers.py", "test_a_network_that_says_no_more_is_called_no_pooler",
    ),
    Row(
        "a program that a run waits for says nothing any more (`pgbackrest`, `pg_amcheck`, `crontab`, ...)",
        "the run's limit, which kills it with all that it has started",
        "the limit and 5 s", "nothing", "removes what the program left, and does the work",
        "tests/unit/host/test_programs.py", "test_a_run_s_limit_ends_a_program_that_has_none",
    ),
    Row(
        "the network falls silent while a connection is made", "libpq's limit for connecting", "10 s, and no more than the run's limit",
        "nothing", "does the work", f"{_FAULTS}/test_silence.py", "test_every_word_ends_in_its_time",
    ),
    Row(
        "the network falls silent, and the other side's kernel with it", "keepalives and `tcp_user_timeout`, on both sides", "40 s",
        "nothing that was committed", "goes on", f"{_FAULTS}/test_silence.py", "test_every_session_has_what_ends_it",
    ),
    Row(
        "the network falls silent behind a proxy that still answers", "the run's limit (`timeout`, `max_runtime`, the job's)",
        "the limit and 5 s", "nothing that was committed", "goes on", f"{_FAULTS}/test_silence.py", "test_every_word_ends_in_its_time",
    ),
    Row(
        "the same, while a migration holds its locks", "the server: a transaction whose client says nothing",
        "the statement and 45 s", "nothing; the file is rolled back", "applies the file",
        f"{_FAULTS}/test_silence.py", "test_no_lock_outlives_a_silent_network",
    ),
    Row(
        "the same, at any other request of a migration, backup, clean-up, reindex or restore", "the run's limit; the server: a transaction, "
        "or a session with an advisory lock, whose client says nothing",
        "the run: the limit and 5 s; a lock: the statement and 45 s", "nothing that was committed", "goes on",
        f"{_FAULTS}/test_steps.py", "test_every_run_ends_and_its_locks_with_it",
    ),
    Row(
        "the host dies, or the run is killed", "the server: `client_connection_check_interval`", "1 s",
        "nothing that was committed", "goes on", f"{_FAULTS}/test_silence.py", "test_every_session_has_what_ends_it",
    ),
    Row(
        "the answer to a COMMIT or a concurrent build is lost", "the run, which asks over a new connection", "10 s",
        "nothing; the message says what is true", "goes on after it", f"{_FAULTS}/test_lost_replies.py", "test_a_migration_says_what_is_true",
    ),
    Row(
        "the connection is lost during a clean-up", "the run", "at once", "nothing; each batch is whole or not there",
        "deletes the rest, and vacuums", f"{_FAULTS}/test_lost_replies.py", "test_a_clean_up_goes_on_where_it_was",
    ),
    Row(
        "the same, while rows go to an archive", "the run", "at once", "nothing; a row is in the database or in the archive",
        "archives and deletes the rest; rows of the batch that was rolled back are in both files",
        f"{_FAULTS}/test_lost_replies.py", "test_a_row_is_in_the_database_or_in_its_archive",
    ),
    Row(
        "the answer to storing the policies is lost", "the run, which reads them over a new connection", "10 s", "nothing",
        "changes nothing", f"{_FAULTS}/test_lost_replies.py", "test_a_policy_that_was_stored_is_no_failure_twice",
    ),
    Row(
        "the answer is lost to the COMMIT of what `baselined` or `adopted` records, or of the schema's fingerprint",
        "the run, which asks over a new connection", "10 s", "nothing; it is done, and said to be", "-",
        f"{_FAULTS}/test_lost_replies.py", "test_a_baseline_that_was_recorded_is_no_failure",
    ),
    Row(
        "the answer to the rebuild of an index is lost", "the run, which looks at the index over a new connection",
        "10 s", "nothing; the message says whether it was rebuilt", "rebuilds the others",
        f"{_FAULTS}/test_lost_replies.py", "test_an_index_that_was_rebuilt_is_not_said_to_have_failed",
    ),
    Row(
        "the answer to the COMMIT that puts a restored database in the live one's place is lost", "the run, which asks over a new connection",
        "10 s", "nothing; it is done, and said to be", "-", f"{_FAULTS}/test_lost_replies.py", "test_a_restore_that_took_its_place_is_no_failure",
    ),
    Row(
        "the answer is lost to what makes the role, the new database, its comment or its properties, in a restore",
        "the run, which drops the new database over a new connection", "10 s", "nothing; what was made is gone again", "restores",
        f"{_FAULTS}/test_lost_replies.py", "test_a_restore_that_lost_its_connection_leaves_nothing",
    ),
    Row(
        "the answer is lost to a COMMIT of tables that are restored beside the live ones", "the run, which asks over a new connection", "10 s",
        "nothing; it is done, and said to be", "-",
        f"{_FAULTS}/test_lost_replies.py", "test_tables_that_were_restored_beside_are_no_failure",
    ),
    Row(
        "the host's clock and the server's differ by more than 5 minutes", "each run's first answer; `health` (check `clock`)",
        "until they agree", "nothing; no row and no backup is deleted", "the same, until they agree",
        f"{_FAULTS}/test_clocks.py", "test_a_clean_up_deletes_nothing_while_the_clocks_disagree",
    ),
    Row(
        "the server's clock alone is wrong, by an hour, a day or 40 days, forward or back", "each run's first answer; `health` (check `clock`)",
        "until they agree", "nothing; no row and no backup is deleted", "the same, until they agree",
        f"{_FAULTS}/test_clocks.py", "test_nothing_is_deleted_while_the_servers_clock_is_wrong",
    ),
    Row(
        "the host's clock is behind the newest record of its jobs", "`backup` and `cleanup`; `health` (check `clock`)",
        "until that job has run again", "nothing; no row and no backup is deleted", "the same, until then",
        f"{_FAULTS}/test_clocks.py", "test_nothing_is_deleted_while_a_record_is_from_the_future",
    ),
    Row(
        "the clocks change to or from summer time while jobs run", "nobody; runs and cut-offs are computed in UTC", "-", "nothing", "-",
        f"{_FAULTS}/test_clocks.py", "test_jobs_run_while_the_clocks_are_changed",
    ),
    Row(
        "the clock of host and server jumps ahead, and rows look old",
        "`cleanup`: rows used to come, and the newest is older than `require_row_within`",
        "until a new row comes, or `off` is said", "nothing; no row of the table is deleted", "the same, until then",
        f"{_FAULTS}/test_clocks.py", "test_a_clean_up_deletes_nothing_where_no_row_has_come_for_long",
    ),
    Row(
        "the host's clock is behind, so that the newest backups seem to come from the future",
        "`restore` and `rescue`, which ask the server's clock",
        "until they agree, or a backup is named", "nothing; no older one is taken for the newest", "the same, until then",
        f"{_FAULTS}/test_clocks.py", "test_an_old_backup_is_not_the_newest_while_the_host_s_clock_is_behind",
    ),
    Row(
        "the same, for what asks no server (`drill`, `copy`, `measure`, `rehearse`)", "nobody; the result names the backup that it took",
        "until they agree, or a backup is named", "nothing; nothing outside of the copy is written", "takes the newest",
        f"{_FAULTS}/test_clocks.py", "test_an_old_backup_is_not_the_newest_while_the_host_s_clock_is_behind",
    ),
    Row(
        "a backup was taken while the clock was ahead", "whoever looks for the newest backup", "until its time has come",
        "nothing; it counts only when it is named", "takes the newest of the others",
        f"{_FAULTS}/test_clocks.py", "test_a_backup_from_the_future_is_the_newest_of_nothing",
    ),
    Row(
        "the server has too few locks for all tables", "`backup`, before its first lock", "at once", "nothing; nothing was done",
        "the same, until `max_locks_per_transaction` is raised", f"{_FAULTS}/test_limits.py", "test_too_few_locks_are_told_before_the_work",
    ),
    Row(
        "the same, or too few connections for `jobs`, before a restore", "`restore`, before it makes the database", "at once",
        "nothing; nothing was done", "the same, until the server has enough of them",
        f"{_FAULTS}/test_limits.py", "test_too_few_locks_are_told_before_a_restore",
    ),
    Row(
        "the server has too few locks for a migration", "check mode, where the file's statements make the tables; else the run", "at once",
        "nothing; the file is rolled back", "the same, until `max_locks_per_transaction` is raised or the file is split",
        f"{_FAULTS}/test_limits.py", "test_too_few_locks_for_a_migration_come_with_what_to_set",
    ),
    Row(
        "the directory of the jobs' records is full, or no file can be made in it", "the job's log; `health` (check `disk`)", "until it has room",
        "the run's record; the job itself is done, without its lock where that cannot be made", "the same, until then",
        f"{_FAULTS}/test_limits.py", "test_a_full_state_directory_stops_no_job",
    ),
    Row(
        "the role, database or server has too few connections for `jobs`", "`backup`, before the dump", "at once",
        "nothing; nothing was done", "works when there are enough", f"{_FAULTS}/test_limits.py", "test_too_few_connections_are_told_before_the_dump",
    ),
    Row(
        "the role has timeouts of its own (`statement_timeout` and others)", "nobody; the run has its own limits", "-", "nothing",
        "-", f"{_FAULTS}/test_limits.py", "test_limits_of_the_role_do_not_end_a_run_with_limits_of_its_own",
    ),
    Row(
        "files, file size, or output of the process are limited", "the run; the sentence names the limit and where it is set", "at once",
        "nothing; no half backup stays", "works when there is room", f"{_FAULTS}/test_limits.py", "test_what_the_process_may_not_have_is_named",
    ),
    Row(
        "the same, while a drill restores a backup", "the drill, or PostgreSQL's program", "at once", "nothing; the backup is not called bad",
        "drills it", f"{_FAULTS}/test_limits.py", "test_a_drill_without_room_says_nothing_of_the_backup",
    ),
    Row(
        "the disk becomes full while a dump is written, in whatever format", "the run; the sentence names place, room and what is wanted",
        "at once", "nothing; no half backup stays", "works when there is room", "tests/integration/backups/test_failures.py",
        "test_disk_full_while_dumping",
    ),
    Row(
        "no memory, no further thread", "the run; one sentence", "at once", "nothing", "works when there is room",
        f"{_FAULTS}/test_limits.py", "test_no_memory_and_no_thread_are_said",
    ),
)  # fmt: skip


def rendered() -> str:
    """The table as it stands in the guide."""
    head = "| Fault | Who notices | Lasts at most | What is lost | What the next run does | Seen by |\n|---|---|---|---|---|---|\n"
    return head + "".join(
        f"| {row.fault} | {row.noticed_by} | {row.lasts} | {row.lost} | {row.next_run} | "
        f'[{row.test.removeprefix("test_").replace("_", " ")}](../{row.file} "{row.test}") |\n'
        for row in ROWS
    )


def limits() -> dict[tuple[str, Any], list[str]]:
    """The words and modules of each limit: the option and its default; ("", None) for those that have none."""
    found: dict[tuple[str, Any], list[str]] = {}
    for word, command in COMMANDS.items():
        spec = command.spec()
        option = next((name for name in ("timeout", "max_runtime") if name in spec), "")
        found.setdefault((option, spec[option].default if option else None), []).append(word)
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        text = path.read_text(encoding="utf-8").partition('DOCUMENTATION = r"""')[2].partition('"""')[0]
        options = yaml.safe_load(text).get("options") or {}
        option = next((name for name in ("timeout", "max_runtime") if name in options), "")
        words = found.setdefault((option, options[option].get("default") if option else None), [])
        words += [f"titan.database.{path.stem}"] if path.stem not in COMMANDS else []
    return found


def rendered_limits() -> str:
    lines = ["| Subcommand or module | Option | Default |", "|---|---|---|"]
    for (option, default), names in sorted(limits().items(), key=lambda item: (item[0][0] == "", str(item[0]))):
        named = ", ".join(f"`{name}`" for name in sorted(names))
        said = f"`{option}`" if option == "max_runtime" else "`timeout` (seconds)" if option else "none"
        lines.append(
            f"| {named} | {said} | {f'`{default}`' if option == 'max_runtime' else default or f'{DEFAULT_SECONDS:.0f} seconds'} |"
        )
    return "\n".join(lines) + "\n"
