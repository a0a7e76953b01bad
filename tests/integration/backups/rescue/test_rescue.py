# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lost rows come back, with what they need; what is in the way is named; and it can be taken back."""

from __future__ import annotations

import json
import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.files import digest, size_of
from ansible_collections.titan.database.plugins.module_utils._engine.backups.rescue.shapes import (
    read_shapes,
    sequences_of,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.drill_programs import drill_programs
from tests.integration.backups.helpers import backup
from tests.processes import end_of

from .conftest import LOSSES, Shop


@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_lost_is_there_again_and_goes_again(loss: str, shop: Shop) -> None:
    before = shop.content()
    if loss == "a cascade over three tables":
        shop.in_copy(
            "UPDATE public.notes SET user_id = NULL WHERE user_id <= 10"
        )  # what the cascade did to them is no loss
        shop.sql("UPDATE public.notes SET user_id = NULL WHERE user_id <= 10")
        before = shop.content()
    shop.sql(LOSSES[loss])
    lost = shop.content()
    planned = shop.rescue(check=True)
    assert planned.changed and shop.content() == lost and not os.listdir(shop.folder)
    assert shop.sql("SELECT to_regnamespace('titan_ops')") == [(None,)]
    done = shop.rescue()
    assert done.data["tables"] == planned.data["tables"] and done.before == planned.before
    assert shop.content() == before
    assert not shop.rescue().changed
    (file,) = shop.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and str(file) == done.data["undo"]
    undone = shop.rescue(undo=str(file))
    assert undone.changed and shop.content() == lost
    assert not shop.rescue(undo=str(file)).changed


def test_sequences_are_found_in_whatever_way_the_server_reads_its_catalog(shop: Shop) -> None:
    """A condition that only sequences bear must not be asked of anything else: which comes first is the planner's choice."""
    with connect(shop.live) as database:
        database.execute("SET enable_nestloop = off; SET enable_mergejoin = off")
        shapes = read_shapes(database)
        assert sequences_of(database, shapes["public.users"])["id"][0] == '"public"."users_id_seq"'


def test_rows_written_since_stay_as_they_are(shop: Shop) -> None:
    shop.sql("DELETE FROM public.users WHERE id <= 5")
    shop.sql(
        "INSERT INTO public.users (email) VALUES ('new@example.org'); UPDATE public.orders SET note = 'changed' WHERE id = 20"
    )
    new = shop.sql("SELECT id FROM public.users WHERE email = 'new@example.org'")
    done = shop.rescue()
    assert shop.sql("SELECT id FROM public.users WHERE email = 'new@example.org'") == new
    assert shop.sql("SELECT note FROM public.orders WHERE id = 20") == [("changed",)]
    found = {table["table"]: table for table in done.data["tables"]}
    assert found["public.users"]["new"] == 1 and found["public.users"]["missing"] == 5
    assert found["public.orders"]["changed"] == 1 and "1 differ and stay as they are" in done.summary
    assert shop.sql("SELECT nextval('public.users_id_seq')")[0][0] > new[0][0], "sequences never go back"


class Writers:
    """Sessions that add, change and delete rows of their own, one transaction after the other, until they are told to end."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._end = shop, threading.Event()
        self.orders: dict[int, str] = {}
        self.problems: list[str] = []
        self.commits = [0, 0]
        self._threads = [threading.Thread(target=self._write, args=(number,), daemon=True) for number in (0, 1)]

    def _write(self, number: int) -> None:
        connection = psycopg2.connect(**self._shop.live.parameters())
        try:
            with connection.cursor() as cursor:
                while not self._end.is_set():
                    round_, name = self.commits[number], f"writer {number} {self.commits[number]}"
                    cursor.execute(
                        "INSERT INTO public.users (email) VALUES (%s) RETURNING id", (f"{name}@example.org",)
                    )
                    (user,) = cursor.fetchone() or (0,)
                    cursor.execute(
                        "INSERT INTO public.orders (user_id, total, note) VALUES (%s, 1, %s) RETURNING id", (user, name)
                    )
                    (order,) = cursor.fetchone() or (0,)
                    cursor.execute("INSERT INTO public.items VALUES (%s, 1, 'new')", (order,))
                    cursor.execute("UPDATE public.orders SET note = %s WHERE id = %s", (name, 430 + number))
                    connection.commit()
                    self.orders |= {order: name, 430 + number: name}
                    self.commits[number] = round_ + 1
        except psycopg2.Error as error:
            self.problems.append(str(error))
        finally:
            connection.close()

    def wait(self) -> None:
        """Until each has committed something that it had not begun yet."""
        before, ends = list(self.commits), time.monotonic() + 60
        while any(now < then + 2 for now, then in zip(self.commits, before)) and not self.problems:
            assert time.monotonic() < ends, "a writer is blocked"
            time.sleep(0.005)

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        self.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_writers_go_on_beside_a_rescue(shop: Shop) -> None:
    """They wait for nothing, and what they write stays; what was lost comes back as it was."""
    lost = "SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM public.orders o WHERE user_id <= 10"
    before, steps = shop.sql(lost), []
    shop.sql("DELETE FROM public.users WHERE id <= 10")
    with Writers(shop) as writers:

        def at(name: str) -> None:
            if name in ("rescue.table", "rescue.file", "rescue.commit", "rescue.read_back"):
                steps.append(name)
                writers.wait()

        with observed(at):
            done = shop.rescue(tables=["users"])
        writers.wait()
    assert not writers.problems and steps.count("rescue.table") == 3 and steps[-1] == "rescue.read_back"
    assert shop.sql(lost) == before and done.data["rows"] == 10 + 100 + 300
    assert dict(shop.sql("SELECT id, note FROM public.orders WHERE note LIKE 'writer%'")) == writers.orders
    items = "SELECT count(*) FROM public.items WHERE what = 'new'"
    assert shop.sql(items)[0][0] == len(writers.orders) - 2 == sum(writers.commits)
    assert not shop.rescue(tables=["users"]).changed


def test_a_condition_brings_parents_and_children_along(shop: Shop) -> None:
    shop.sql("DELETE FROM public.users WHERE id <= 3")
    done = shop.rescue(tables=["orders"], where="user_id = 2 AND total < 300")
    users, orders = (
        shop.sql("SELECT count(*) FILTER (WHERE id <= 3) FROM public.users"),
        shop.sql("SELECT count(*) FROM public.orders WHERE user_id = 2"),
    )
    assert users == [(1,)] and orders == [(6,)], "the one parent that they need"
    assert shop.sql(
        "SELECT count(*) FROM public.items i JOIN public.orders o ON o.id = order_id WHERE user_id = 2"
    ) == [(18,)]
    reasons = {table["table"]: table["reason"] for table in done.data["tables"]}
    assert (
        reasons["public.orders"] == ""
        and "refer to it" in reasons["public.users"]
        and "were deleted with" in reasons["public.items"]
    )
    assert [table["table"] for table in done.data["tables"]] == ["public.users", "public.orders", "public.items"]
    assert done.data["tables"][0]["notes"][1:] == [
        "What else may have been deleted with them is not put back: 4 rows of public.orders. Name public.users in 'tables' for that."
    ]


def test_rows_that_were_changed_come_back_when_asked_for(shop: Shop) -> None:
    before = shop.content()
    shop.sql("UPDATE public.orders SET total = 0 WHERE id % 2 = 0; DELETE FROM public.items WHERE line = 2")
    lost = shop.content()
    done = shop.rescue(changed=True)
    assert shop.content() == before and done.data["replaced"] == 250
    shop.sql("UPDATE public.orders SET note = 'later' WHERE id = 4")
    undone = shop.rescue(undo=done.data["undo"])
    assert "1 rows have changed since" in undone.summary
    shop.sql("UPDATE public.orders SET total = 0, note = repeat('x', 4) WHERE id = 4")
    assert shop.content() == lost


def test_rows_whose_reference_was_set_to_null_are_named(shop: Shop) -> None:
    shop.sql("DELETE FROM public.users WHERE id = 7")
    said = shop.rescue(check=True, tables=["users"]).summary
    assert "rows of public.notes referred to them and do so no more" in said


def test_references_that_were_set_to_null_come_back_and_go_again(shop: Shop) -> None:
    """What the rescue itself has made refer to its rows does not keep them from being taken back."""
    visits = "CREATE TABLE public.visits (id int PRIMARY KEY, who bigint REFERENCES public.users ON DELETE SET NULL); INSERT INTO public.visits "
    for run in (shop.sql, shop.in_copy):
        run(f"{visits} SELECT n, n FROM generate_series(1, 9) n")
    before = shop.content()
    shop.sql("DELETE FROM public.users WHERE id = 7")
    lost = shop.content()
    done = shop.rescue(tables=["users", "visits"], changed=True)
    assert shop.content()["public.visits"] == before["public.visits"]
    shop.rescue(undo=done.data["undo"])
    assert shop.content() == lost


CONFLICTS = {
    "unique index": ("INSERT INTO public.users (email) VALUES ('user3@example.org')", "unique index 'users_email_key'", 1),
    "new check": ("ALTER TABLE public.users ADD CHECK (id <> 3)", "violate the check 'users_id_check'", 1),
    "unique on an expression": (
        "CREATE UNIQUE INDEX lowered ON public.users (lower(email)) WHERE id > 0; INSERT INTO public.users (email) VALUES ('USER3@example.org')",
        "unique index 'lowered'", 1),
    "exclusion": (
        "INSERT INTO public.users (email) VALUES ('user3@example.org') ON CONFLICT DO NOTHING; ALTER TABLE public.users DROP CONSTRAINT "
        "users_email_key; ALTER TABLE public.users ADD EXCLUDE USING hash (lower(email) WITH =)",
        "exclude a row that is there (constraint 'users_lower_excl')", 1),
    "new parent": (
        "CREATE TABLE public.cities (id int PRIMARY KEY); INSERT INTO public.cities SELECT generate_series(4, 50); "
        "ALTER TABLE public.users ADD FOREIGN KEY (id) REFERENCES public.cities NOT VALID",
        "refer to rows of public.cities that are not there", 3),
}  # fmt: skip


@pytest.mark.parametrize("kind", CONFLICTS)
def test_what_is_in_the_way_is_named_before_anything_is_done(kind: str, shop: Shop) -> None:
    change, said, rows = CONFLICTS[kind]
    shop.sql("DELETE FROM public.users WHERE id <= 5")
    shop.sql(change)
    lost = shop.content()
    for check in (True, False):
        with pytest.raises(TitanError, match="Nothing was changed") as failed:
            shop.rescue(check=check)
        assert said in failed.value.message and f"{rows} rows" in failed.value.message
    assert shop.content() == lost and not os.listdir(shop.folder)
    done = shop.rescue(skip_conflicts=True)
    found = {table["table"]: table for table in done.data["tables"]}
    assert found["public.users"]["skipped"] == rows and found["public.users"]["missing"] == 5 - rows
    assert found["public.orders"]["skipped"] == 10 * rows and found["public.items"]["skipped"] == 30 * rows
    assert shop.sql("SELECT count(*) FROM public.users WHERE id <= 5") == [(5 - rows,)]


def test_rows_that_no_partition_takes_any_more_and_rows_that_a_trigger_alters(shop: Shop) -> None:
    for run in (shop.sql, shop.in_copy):
        run(
            "CREATE TABLE public.days (n int PRIMARY KEY, t text); INSERT INTO public.days SELECT n, 'x' FROM generate_series(1, 9) n"
        )
    shop.sql(
        "DROP TABLE public.days; CREATE TABLE public.days (n int PRIMARY KEY, t text) PARTITION BY RANGE (n); "
        "CREATE TABLE public.late PARTITION OF public.days FOR VALUES FROM (3) TO (99); CREATE FUNCTION public.alters() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN NEW.t := upper(NEW.t); RETURN NEW; END'; "
        "CREATE TRIGGER alters BEFORE INSERT ON public.days FOR EACH ROW EXECUTE FUNCTION public.alters()"
    )
    with pytest.raises(TitanError, match="2 rows have no partition that takes them: make one"):
        shop.rescue(check=True, tables=["days"])
    done = shop.rescue(tables=["days"], skip_conflicts=True)
    assert "7 rows are there, but not as in the backup" in done.summary and done.data["rows"] == 7


def test_columns_that_came_or_went_since(shop: Shop) -> None:
    shop.sql(
        "DELETE FROM public.items WHERE order_id <= 10; ALTER TABLE public.items DROP COLUMN what, ADD COLUMN price int DEFAULT 3"
    )
    done = shop.rescue()
    assert shop.sql("SELECT count(*), min(price) FROM public.items WHERE order_id <= 10") == [(30, 3)]
    assert "no column 'what' any more" in done.summary and "'price' is not in the backup" in done.summary
    shop.sql(
        "DELETE FROM public.items WHERE order_id <= 10; ALTER TABLE public.items ALTER price DROP DEFAULT, ALTER price SET NOT NULL"
    )
    with pytest.raises(TitanError, match="column 'price' takes no NULL, has no default"):
        shop.rescue()


def test_a_key_of_another_type_is_compared_as_the_live_one(shop: Shop) -> None:
    shop.sql("DELETE FROM public.tree WHERE id > 40")
    shop.sql("ALTER TABLE public.tree DROP CONSTRAINT tree_parent_fkey, ALTER id TYPE bigint, ALTER parent TYPE text")
    assert shop.rescue().data["rows"] == 23
    shop.sql("ALTER TABLE public.notes ALTER text TYPE int USING 1; DELETE FROM public.notes WHERE user_id = 3")
    with pytest.raises(TitanError, match="invalid text representation"):
        shop.rescue(tables=["notes"])


TRIGGER = """
CREATE TABLE public.log (order_id bigint);
CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (new.id); RETURN {}; END $$;
CREATE TRIGGER noted BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.noted();
CREATE TRIGGER always BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.noted();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.noted();
ALTER TABLE public.orders DISABLE TRIGGER off;
"""


@pytest.mark.parametrize("without", [False, True])
def test_triggers_fire_unless_told_otherwise(without: bool, shop: Shop) -> None:
    shop.sql(TRIGGER.format("new"))
    states = shop.sql("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
    shop.sql("DELETE FROM public.orders WHERE id = 5")
    said = shop.rescue(tables=["orders"], without_triggers=without).summary
    assert "Trigger 'always', 'noted' " + ("does not fire" if without else "fires") in said
    assert shop.sql("SELECT count(*) FROM public.log") == [(0 if without else 2,)]
    assert shop.sql("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1") == states


def test_a_trigger_that_keeps_rows_out_stops_it(shop: Shop) -> None:
    shop.sql(TRIGGER.format("NULL"))
    shop.sql("DELETE FROM public.orders WHERE id = 5")
    lost = shop.content()
    with pytest.raises(TitanError, match="Of 1 rows for public.orders 0 were inserted"):
        shop.rescue()
    assert shop.content() == lost and not os.listdir(shop.folder)


def test_it_is_not_taken_back_when_others_depend_on_it(shop: Shop) -> None:
    shop.sql("DELETE FROM public.users WHERE id = 9")
    done = shop.rescue()
    shop.sql("INSERT INTO public.orders (user_id, total) VALUES (9, 1)")
    held = shop.content()
    with pytest.raises(TitanError, match="1 rows of public.orders have come since"):
        shop.rescue(undo=done.data["undo"])
    assert shop.content() == held


def test_from_a_backup_that_was_proven_at_this_moment(shop: Shop, workdir: Path) -> None:
    dest = workdir / "backups"
    dest.mkdir(0o700)
    backup(shop.live, dest)
    before = shop.content()
    shop.sql("DELETE FROM public.items; DELETE FROM public.tree WHERE id = 2")
    given: dict[str, Any] = {
        "dest": str(dest),
        "record_dir": "",
        "programs": drill_programs(),
    }
    assert shop.rescue(check=True, **given).data["rows"] == 1500 + 31
    done = shop.rescue(**given)
    assert shop.content() == before
    assert Path(done.data["undo"]).parent == dest / "rescued"
    assert json.dumps(done.data)
    assert shop.sql("SELECT tables->0->>'inserted' FROM titan_ops.rescue") == [("31",)] or shop.sql(
        "SELECT count(*) FROM titan_ops.rescue"
    ) == [(1,)]


def test_of_a_backup_only_what_named_tables_need_is_restored(shop: Shop, workdir: Path) -> None:
    """A table that cannot be restored so (a check reads another one) makes it all of it."""
    shop.sql(
        "CREATE TABLE public.kinds (k text PRIMARY KEY); INSERT INTO public.kinds VALUES ('a');"
        "CREATE FUNCTION public.known(v text) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.kinds WHERE k = v)';"
        "CREATE TABLE public.things (id int PRIMARY KEY, k text CHECK (public.known(k))); INSERT INTO public.things VALUES (1, 'a')"
    )
    dest = workdir / "backups"
    dest.mkdir(0o700)
    path = backup(shop.live, dest, format="plain", compression="none").data["backup"]["path"]
    before = shop.content()
    given: dict[str, Any] = {"dest": str(dest), "programs": drill_programs()}
    shop.sql(
        "DELETE FROM public.users WHERE id = 5; DELETE FROM public.events WHERE n > 100; DELETE FROM public.things"
    )
    found = shop.rescue(check=True, tables=["events", "orders"], **given)
    missing = {each["table"]: each["missing"] for each in found.data["tables"]}
    assert missing == {"public.events": 199, "public.users": 1, "public.orders": 10, "public.items": 30}
    assert any(
        "Rows of public.notes may have referred" in note for each in found.data["tables"] for note in each["notes"]
    )
    shop.rescue(tables=["users", "events"], **given)
    assert shop.rescue(tables=["things"], **given).data["rows"] == 1
    after = shop.content()
    assert {name for name in before if before[name] != after[name]} == {
        "public.notes"
    }  # which users' notes lost their reference
    text = Path(path).read_text()
    for old, new in (("node 7\n", "node x\n"), ("\tsame\n", "\tSAME\n")):
        altered(path, text.replace(old, new, 1))
        if old == "node 7\n":
            with pytest.raises(TitanError, match="public.tree has as many rows as the source"):
                shop.rescue(tables=["tree"], **given)
        else:  # it is not looked at
            assert not shop.rescue(tables=["tree"], **given).changed


def altered(path: str, text: str) -> None:
    """Another content of the backup, and its checksum put right."""
    Path(path).write_text(text)
    manifest = Path(f"{path}.json")
    noted = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**noted, "sha256": digest(path), "size": size_of(path)}))


def test_wrong_input_is_one_sentence(shop: Shop) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"tables": ["none"]}, "has no such table"),
        ({"tables": ["a;b"]}, 'Did you mean od"d %s.a;b'),
        ({"where": "true"}, "name it in 'tables'"),
        ({"tables": ["orders"], "where": "nonsense"}, 'column "nonsense" does not exist'),
        ({"tables": ["orders"], "where": "true) OR (true"}, ""),
        ({"tables": ["orders"], "where": "id IN (SELECT lo_unlink(1))"}, "where"),
        ({"from_database": shop.live.database}, "the live database itself"),
        ({"from_database": "none at all"}, 'database "none at all" does not exist'),
        ({"undo": str(shop.folder / "none")}, "No such file"),
        ({"undo": "/etc/passwd"}, "is not a file that"),
        ({"undo": "x", "source": "y"}, "not both"),
    ]
    for given, said in wrong:
        if said:
            with pytest.raises((TitanError, OptionError)) as failed:
                shop.rescue(**given)
            assert said in failed.value.message, given


class Cut(Exception):
    """The run ends here."""


class Cutter:
    """Ends the run before the step of this number."""

    def __init__(self, number: int, kill: bool) -> None:
        self.left, self.kill = number, kill

    def __call__(self, _name: str) -> None:
        self.left -= 1
        if self.left == 0:
            if self.kill:
                os._exit(9)
            raise Cut


@pytest.mark.parametrize("kill", [False, True])
def test_whatever_cuts_it_off_leaves_all_or_nothing(kill: bool, shop: Shop) -> None:
    """Before each step, raised or killed: the rows are as before the rescue, or all there; the next run does the rest."""
    before = shop.content()
    shop.sql("DELETE FROM public.users WHERE id <= 2 AND id NOT IN (SELECT user_id FROM public.notes)")
    shop.sql("DELETE FROM public.items WHERE line = 0; DELETE FROM public.tree WHERE id > 50")
    lost, number, seen = shop.content(), 0, set()
    while True:
        number += 1
        cut = Cutter(number, kill)
        ended = end_of(partial(_observed, shop, cut)) == 0 if kill else _observed(shop, cut)
        assert shop.content() in (lost, before)
        seen.add(shop.content() == before)
        files = sorted(file.name for file in shop.folder.iterdir() if not file.name.startswith("."))
        if shop.content() == lost and not kill:
            assert not files
        if ended:
            break
        if shop.content() == before:
            assert not shop.rescue(check=True).changed and files
            shop.rescue(undo=str(shop.folder / files[-1]))
            assert shop.content() == lost
        for file in shop.folder.iterdir():
            if not file.name.endswith(".part"):  # the next run's business
                file.unlink()
    assert not [file.name for file in shop.folder.iterdir() if file.name.endswith(".part")]
    assert number > 6 and seen == {True, False}


def _observed(shop: Shop, cut: Any) -> bool:
    try:
        with observed(cut):
            shop.rescue()
    except Cut:
        return False
    return True


def test_a_superuser_runs_nobodys_triggers(shop: Shop) -> None:
    owner = f"{shop.live.database}_owner"
    shop.sql(f"CREATE ROLE {owner}")
    try:
        shop.sql(
            "CREATE FUNCTION public.rise() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN ALTER ROLE {owner} SUPERUSER; RETURN new; END'"
        )
        shop.sql("CREATE TRIGGER rise BEFORE INSERT ON public.notes FOR EACH ROW EXECUTE FUNCTION public.rise()")
        shop.sql("DELETE FROM public.notes")
        shop.sql(f"ALTER FUNCTION public.rise() OWNER TO {owner}")
        for check in (True, False):
            with pytest.raises(
                TitanError, match=f"superuser, but the function public.rise belongs to '{owner}'.*tables' owner"
            ):
                shop.rescue(check, tables=["notes"])
        assert shop.sql(f"SELECT rolsuper FROM pg_roles WHERE rolname = '{owner}'") == [(False,)]
        assert shop.sql("SELECT count(*) FROM public.notes") == [(0,)]
        done = shop.rescue(tables=["notes"], accept_superuser=True, without_triggers=True)
        assert any("accepted by accept_superuser" in each for each in done.warnings)
        with pytest.raises(TitanError, match="superuser"):
            shop.rescue(undo=done.data["undo"])
        assert shop.rescue(undo=done.data["undo"], accept_superuser=True).changed
    finally:
        shop.sql("ALTER FUNCTION public.rise() OWNER TO postgres")
        shop.sql(f"DROP ROLE {owner}")
