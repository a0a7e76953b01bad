"""Only what is due goes, all of it goes, and check mode says the same beforehand."""

from __future__ import annotations

import threading
import uuid
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg2
import pytest

from tests.conftest import login

ORDERS = """
CREATE TABLE ord (id int PRIMARY KEY, at timestamptz); INSERT INTO ord SELECT g, now() - interval '100 days' FROM generate_series(1, 5000) g;
CREATE TABLE refund (id int PRIMARY KEY, ord_id int REFERENCES ord (id)); CREATE INDEX ON refund (ord_id);
INSERT INTO refund SELECT g, g * 500 FROM generate_series(1, 10) g
"""


def count(user_sql: Any, table: str) -> int:
    user_sql.execute(f"SELECT count(*) FROM {table}")
    return int(user_sql.fetchone()[0])


@pytest.mark.parametrize(
    ("kind", "later"), [("timestamp", "localtimestamp + interval '1 hour'"), ("date", "current_date")]
)
def test_a_column_without_time_zone_needs_one(settings: Any, user_sql: Any, clean: Any, kind: str, later: str) -> None:
    user_sql.execute(f"CREATE TABLE visit (id serial PRIMARY KEY, expires_at {kind} NOT NULL)")
    user_sql.execute(f"ALTER DATABASE \"{settings.database}\" SET timezone = 'Pacific/Honolulu'")
    user_sql.execute(
        f"SET timezone = 'Pacific/Honolulu'; INSERT INTO visit (expires_at) SELECT {later} FROM generate_series(1, 100)"
    )
    policy = {"table": "visit", "column": "expires_at", "keep": "0 seconds"}
    refused, _other = clean(refused="which has no time zone", **policy)
    assert "time_zone: Europe/Berlin" in refused["msg"]
    _other, done = clean(time_zone="Pacific/Honolulu", **policy)
    assert (done["results"][0]["deleted"], count(user_sql, "visit")) == (0, 100)


def test_rows_that_others_refer_to_stay_and_the_rest_goes(user_sql: Any, clean: Any) -> None:
    user_sql.execute(ORDERS)
    planned, done = clean(table="ord", column="at")
    result = done["results"][0]
    assert (result["deleted"], result["due"], result["referenced"], result["state"], result["left"]) == (
        4990,
        4990,
        10,
        "done",
        0,
    )
    assert "10 rows have expired and stay, because rows refer to them: public.refund (ord_id)" in " ".join(
        planned["findings"]
    )
    assert count(user_sql, "ord") == 10


# what makes the tables, how many rows stay, how many go
REFERENCES = {
    "two columns, the other way round": (
        "CREATE TABLE t (a int, b text, at timestamptz DEFAULT '2020-01-01', PRIMARY KEY (a, b));"
        'CREATE TABLE c ("b b" text, a int, FOREIGN KEY (a, "b b") REFERENCES t (a, b));'
        "INSERT INTO t VALUES (1, 'x'), (1, 'y'), (2, 'x'); INSERT INTO c VALUES ('y', 1), (NULL, 2), ('x', NULL)",
        1,
        2,
    ),
    "through a cascade": (
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz DEFAULT '2020-01-01');"
        "CREATE TABLE c (id int PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE);"
        "CREATE TABLE g (c_id int REFERENCES c ON DELETE RESTRICT);"
        "INSERT INTO t VALUES (1), (2), (3); INSERT INTO c VALUES (10, 1), (20, 2); INSERT INTO g VALUES (10)",
        1,
        2,
    ),
    "a partitioned table": (
        "CREATE TABLE t (id int, at timestamptz DEFAULT '2020-01-01', PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2019-01-01') TO ('2021-01-01'); CREATE TABLE t2 PARTITION OF t DEFAULT;"
        "CREATE TABLE c (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES t);"
        "INSERT INTO t VALUES (1), (2), (3); INSERT INTO c VALUES (2, '2020-01-01')",
        1,
        2,
    ),
    "only the one that inherits": (
        "CREATE TABLE t (id int, at timestamptz DEFAULT '2020-01-01'); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (t);"
        "CREATE TABLE c (id int REFERENCES heir); INSERT INTO t VALUES (1); INSERT INTO heir VALUES (1), (2); INSERT INTO c VALUES (1)",
        1,
        2,
    ),
}


@pytest.mark.parametrize("case", REFERENCES)
def test_kinds_of_references(user_sql: Any, clean: Any, case: str) -> None:
    make, referenced, deleted = REFERENCES[case]
    user_sql.execute(make)
    _planned, done = clean(table="t", column="at")
    assert (done["results"][0]["referenced"], done["results"][0]["deleted"]) == (referenced, deleted), done
    assert count(user_sql, "t") == referenced


def test_a_table_that_refers_and_may_not_be_read_is_named(
    user_sql: Any, settings: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute(
        f'{ORDERS}; CREATE ROLE cleaner LOGIN; GRANT SELECT, DELETE ON ord TO cleaner; GRANT CREATE ON DATABASE "{settings.database}" TO cleaner'
    )
    as_cleaner = {**login(settings), "login_user": "cleaner"}
    try:
        call_module("retention_policy", policies=[{"table": "ord", "column": "at", "keep": "90 days"}], **as_cleaner)
        planned = call_module("cleanup", check_mode=True, **freely, **as_cleaner)
        assert "public.refund (ord_id), which this role may not read" in " ".join(planned["findings"]), planned
    finally:
        user_sql.execute("DROP OWNED BY cleaner CASCADE; DROP ROLE cleaner")


def test_a_reference_that_comes_while_it_runs(user_sql: Any, settings: Any, call_module: Any, freely: Any) -> None:
    """The row that another session is about to refer to is stepped around, and found to be referenced afterwards."""
    user_sql.execute(ORDERS)
    call_module("retention_policy", policies=[{"table": "ord", "column": "at", "keep": "90 days"}], **login(settings))
    with closing(psycopg2.connect(**settings.parameters())) as other:
        other.cursor().execute("INSERT INTO refund VALUES (77, 1)")
        timer = threading.Timer(0.15, other.commit)
        timer.start()
        done = call_module("cleanup", **freely, **login(settings))
        timer.join()
    assert not done.get("failed"), done
    result = done["results"][0]
    assert (result["deleted"], result["left"], count(user_sql, "ord")) == (4989, 0, 11), result


@pytest.mark.parametrize(
    ("publish", "identity", "refused"),
    [
        ("FOR TABLE evp", "", True),
        ("FOR ALL TABLES", "", True),
        ("FOR TABLES IN SCHEMA public", "", True),
        ("FOR TABLE evp WITH (publish = 'insert')", "", False),
        ("FOR TABLE evp", "ALTER TABLE evp REPLICA IDENTITY FULL", False),
        ("FOR TABLE evp", "ALTER TABLE evp ADD PRIMARY KEY (id)", False),
    ],
)
def test_a_published_table_without_replica_identity_is_found_beforehand(
    user_sql: Any, clean: Any, publish: str, identity: str, refused: bool
) -> None:
    user_sql.execute("CREATE TABLE evp (id int, at timestamptz)")
    user_sql.execute(f"INSERT INTO evp SELECT g, now() - interval '100 days' FROM generate_series(1, 30) g; {identity}")
    user_sql.execute(f"CREATE PUBLICATION p {publish}")
    planned, done = clean(table="evp", column="at")
    assert bool(done.get("failed")) is refused
    assert count(user_sql, "evp") == (30 if refused else 0)
    if refused:
        assert "ALTER TABLE public.evp REPLICA IDENTITY FULL" in planned["msg"]
        user_sql.execute("ALTER TABLE public.evp REPLICA IDENTITY FULL")
        clean(table="evp", column="at")
        assert count(user_sql, "evp") == 0


TOKENS = """
CREATE TABLE tok (id int, expires_at {kind}); INSERT INTO tok SELECT g, now() + g * interval '1 day' FROM generate_series(1, 900) g;
INSERT INTO tok SELECT g, '0001-01-01 00:00:00+00' FROM generate_series(1, 50) g;
INSERT INTO tok SELECT g, '1970-01-01' FROM generate_series(1, 10) g;
INSERT INTO tok SELECT g, '-infinity' FROM generate_series(1, 10) g; INSERT INTO tok SELECT g, 'infinity' FROM generate_series(1, 5) g;
INSERT INTO tok SELECT g, now() - g * interval '2 days' FROM generate_series(1, 7) g
"""


@pytest.mark.parametrize(
    ("kind", "zone"), [("timestamptz", None), ("timestamptz", "Asia/Tokyo"), ("timestamp", "UTC"), ("date", "UTC")]
)
def test_never_is_kept_until_the_policy_says_otherwise(user_sql: Any, clean: Any, kind: str, zone: str | None) -> None:
    user_sql.execute(f"SET timezone = '{zone or 'America/New_York'}'; {TOKENS.format(kind=kind)}")
    policy = {"table": "tok", "column": "expires_at", "keep": "0 seconds", "time_zone": zone}
    planned, done = clean(**policy)
    assert (done["results"][0]["deleted"], done["results"][0]["never_times"]) == (7, 70)
    assert "of 70 rows means 'never'" in planned["findings"][0] and "they are kept" in planned["findings"][0]
    _other, done = clean(never_values="delete", **policy)
    assert (done["results"][0]["deleted"], count(user_sql, "tok")) == (70, 905)


def uuid7(moment: datetime) -> str:
    millis = int(moment.timestamp() * 1000)
    return str(
        uuid.UUID(int=(millis << 80) | (7 << 76) | (uuid.uuid4().int & ((1 << 76) - 1)) & ~(3 << 62) | (2 << 62))
    )


def ulid(moment: datetime) -> str:
    number = (int(moment.timestamp() * 1000) << 80) | (uuid.uuid4().int >> 48)
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> 5 * place & 31] for place in range(25, -1, -1))


FORMATS = {
    "epoch_seconds int": ("int", "epoch_seconds", lambda m: int(m.timestamp()), 0),
    "epoch_seconds bigint": ("bigint", "epoch_seconds", lambda m: int(m.timestamp()), 0),
    "epoch_milliseconds": ("bigint", "epoch_milliseconds", lambda m: int(m.timestamp() * 1000), 0),
    "epoch_microseconds": ("bigint", "epoch_microseconds", lambda m: int(m.timestamp() * 1_000_000), 0),
    "numeric": ("numeric", "epoch_seconds", lambda m: m.timestamp(), 0),
    "uuid7": ("uuid", "uuid7", uuid7, str(uuid.uuid4()).replace("-7", "-4")),
    "uuid7 text": ("varchar(36)", "uuid7", uuid7, "018DBB2A-0000-7000-8000-000000000000"),
    "ulid text": ("text", "ulid", ulid, "not a ulid"),
    "ulid char": ("char(26)", "ulid", ulid, "0" * 26),
    "ulid uuid": ("uuid", "ulid", lambda m: str(uuid.UUID(int=int(m.timestamp() * 1000) << 80)), None),
}


TYPES = {"char(26)": "bpchar", "varchar(36)": "character varying"}


@pytest.mark.parametrize("case", FORMATS)
def test_numbers_and_identifiers_that_hold_a_time(user_sql: Any, clean: Any, case: str) -> None:
    kind, time_format, write, odd = FORMATS[case]
    now = datetime.now(timezone.utc)
    rows = [(n, write(now - timedelta(days=n, minutes=5))) for n in range(3000)]
    user_sql.execute(f"CREATE TABLE t (n int, at {kind}); CREATE INDEX by_time ON t (at)")
    user_sql.execute(
        "INSERT INTO t VALUES " + ", ".join(["(%s, %s)"] * len(rows)), [value for row in rows for value in row]
    )
    user_sql.execute("INSERT INTO t VALUES (-1, %s), (-2, NULL)", (odd,))
    user_sql.execute("ANALYZE t")
    assert (
        "time_format: "
        in clean(refused=f"public.t.at is of type {TYPES.get(kind, kind)}", table="t", column="at")[0]["msg"]
    )
    planned, done = clean(table="t", column="at", keep="2900 days", time_format=time_format)
    assert done["results"][0]["deleted"] == 100, done
    assert "walks index by_time" in planned["results"][0]["reason"]
    user_sql.execute("SELECT max(n), count(*) FROM t")
    assert user_sql.fetchone() == (2899, 2902), "what is no time stays"


UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


@pytest.mark.parametrize("unit", UNITS)
def test_the_wrong_unit_is_refused(user_sql: Any, clean: Any, unit: str) -> None:
    user_sql.execute(
        f"CREATE TABLE t AS SELECT (extract(epoch FROM now()) * {UNITS[unit]})::bigint AS at FROM generate_series(1, 5)"
    )
    advice = "which no time_format reads" if unit == "nanoseconds" else f"set time_format: epoch_{unit}"
    for stated in ("seconds", "milliseconds", "microseconds"):
        if stated != unit:
            clean(refused=advice, table="t", column="at", time_format=f"epoch_{stated}")


def test_the_last_day_that_applications_write_is_no_wrong_unit(user_sql: Any, clean: Any) -> None:
    user_sql.execute(
        "CREATE TABLE t AS SELECT extract(epoch FROM '9999-12-31 23:59:59Z'::timestamptz)::bigint * 1000 + 999 AS at"
    )
    _planned, done = clean(table="t", column="at", time_format="epoch_milliseconds")
    assert not done["changed"]


def test_a_format_for_another_type_is_refused(user_sql: Any, clean: Any) -> None:
    user_sql.execute("CREATE TABLE t (at timestamptz)")
    clean(refused="time_format uuid7 is for uuid", table="t", column="at", time_format="uuid7")
    user_sql.execute("CREATE TABLE written (at text)")
    clean(refused="a date written as text needs a column of a time type", table="written", column="at")
