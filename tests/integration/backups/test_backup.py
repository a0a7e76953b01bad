# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking backups, proving them, listing them: each in check mode, for real, and again."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import time
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.dump import take
from ansible_collections.titan.database.plugins.module_utils._engine.backups.dump.preflight import require_space
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster, unprivileged_user
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import embedded_programs, free_port, login
from tests.drill_programs import drill_programs

from .helpers import (
    backup,
    command_lines,
    damage,
    drill,
    info,
    needs_zstd,
    picture,
    programs_with,
    restore,
    temporaries,
)

KINDS = [
    ("plain", "gzip", ".sql.gz"),
    pytest.param("plain", "zstd", ".sql.zst", marks=needs_zstd),
    pytest.param("custom", "auto", ".dump.zst", marks=needs_zstd),
    ("custom", "gzip", ".dump"),
    ("directory", "gzip", ".dir"),
]


def test_titan_is_backed_up_and_proven(titan: ConnectionSettings, dest: Path, call_module: Callable[..., Any]) -> None:
    arguments = {
        **login(titan),
        "dest": str(dest),
        "name": "titan_prod",
        "format": "plain",
        "programs": drill_programs(),
    }
    planned = call_module("backup", check_mode=True, **arguments)
    assert planned["changed"] is True and picture(dest) == {}
    assert "titan_prod_YYYYMMDD_HHMMSS.sql.gz" in planned["diff"]["after"]

    done = call_module("backup", **arguments)
    assert done["changed"] is True, done
    path, verified = Path(done["backup"]["path"]), done["backup"]["verified"]
    with connect(titan) as database:
        rows = sum(
            database.value(f"SELECT count(*) FROM public.{row['relname']}")
            for row in database.rows(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        )
    assert (verified["level"], verified["tables"], verified["rows"]) == ("restored", 16, rows)
    assert path.stat().st_mode & 0o777 == 0o600 and (path.parent / f"{path.name}.json").stat().st_mode & 0o777 == 0o600
    assert subprocess.run(["gzip", "-t", path], check=False).returncode == 0
    assert json.loads((path.parent / f"{path.name}.json").read_text())["database"] == titan.database
    assert temporaries(dest) == []

    again = call_module("backup", **arguments)
    assert again["changed"] is True and again["backup"]["path"] != str(path)
    enough = call_module("backup", unless_verified_within="26h", **arguments)
    assert enough["changed"] is False and enough["backup"]["path"] == again["backup"]["path"]

    listed = call_module("backup_info", dest=str(dest), verify="checksum")
    assert listed["changed"] is False and [item["problem"] for item in listed["backups"]] == ["", ""]
    damage(again["backup"]["path"])
    listed = call_module("backup_info", dest=str(dest), verify="checksum")
    assert "SHA-256" in listed["backups"][0]["problem"] and listed["newest_verified"]["path"] == str(path)


@pytest.mark.parametrize(("form", "compression", "extension"), KINDS)
def test_each_kind_is_restored_and_equal(
    small: ConnectionSettings, dest: Path, form: str, compression: str, extension: str
) -> None:
    done = backup(small, dest, verify="restored", format=form, compression=compression)
    found = done.data["backup"]
    assert found["path"].endswith(extension)
    assert (found["verified"]["level"], found["verified"]["rows"]) == ("restored", 4500)
    assert {table["name"]: table["rows"] for table in found["tables"]} == {"users": 500, "orders": 4000}


@pytest.mark.parametrize(("form", "compression", "_extension"), KINDS)
def test_one_flipped_bit_is_found(
    small: ConnectionSettings, dest: Path, form: str, compression: str, _extension: str
) -> None:
    path = backup(small, dest, format=form, compression=compression).data["backup"]["path"]
    damage(next(Path(path).glob("*.dat.gz")) if form == "directory" else path)
    assert "SHA-256" in info(dest, verify="checksum").data["backups"][0]["problem"]
    with pytest.raises(TitanError) as caught:
        drill(source=path)
    assert "SHA-256" in caught.value.message


def test_a_drill_finds_what_a_checksum_cannot(small: ConnectionSettings, dest: Path) -> None:
    """A dump that is whole, but not of this content: the manifest's checksum made to fit."""
    first = backup(small, dest).data["backup"]
    with connect(small) as database:
        database.execute("UPDATE public.users SET email = 'changed' WHERE id = 7; DROP VIEW public.busy")
        database.execute("DELETE FROM public.orders WHERE id <= 10")
    second = backup(small, dest).data["backup"]
    os.replace(second["path"], first["path"])
    manifest_path = Path(first["path"] + ".json")
    manifest = json.loads(manifest_path.read_text())
    manifest_path.write_text(json.dumps({**manifest, "sha256": second["sha256"], "size": second["size"]}))
    with pytest.raises(TitanError) as caught:
        drill(source=first["path"])
    assert "public.users has as many rows as the source (500), but other content" in caught.value.message
    assert "public.orders has 3990 rows after the restore, 4000 in the source" in caught.value.message
    assert info(dest).data["newest_verified"] is None
    assert "public.users" in info(dest, name="small").data["backups"][-1]["problem"]


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_the_proof_by_a_second_dump_finds_other_rows(small: ConnectionSettings, dest: Path, form: str) -> None:
    """As many rows as there were: only the rows' text can tell."""
    first = backup(small, dest, verify="restored", format=form, compression="gzip", proof="redump").data["backup"]
    assert first["verified"]["level"] == "restored" and {table["hash"] for table in first["tables"]} == {""}
    dest.parent.chmod(0o755)
    other = programs_with(dest.parent / "bin", "pg_dump", '"$REAL" "$@" | sed s/user7@/user8@/')
    with pytest.raises(TitanError, match="a dump of the restored database has other rows for table public.users"):
        drill(source=first["path"], programs=other)


def test_a_drill_on_any_old_backup_marks_it_verified(first: str, dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert info(dest).data["newest_verified"] is None
    done = drill(dest=str(dest))
    assert "2 tables, 4500 rows compared after restore" in done.summary
    assert info(dest).data["newest_verified"]["path"] == first


def test_names_are_unique_within_one_second_and_when_the_clock_is_set_back(
    small: ConnectionSettings, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = datetime(2026, 10, 25, 1, 0, 0, tzinfo=timezone.utc)
    ticks = iter(range(1000))
    monkeypatch.setattr(take, "utc_now", lambda: stopped + timedelta(seconds=next(ticks) // 3))
    paths = {backup(small, dest).data["backup"]["path"] for _run in range(3)}
    assert len(paths) == 3 and len(info(dest).data["backups"]) == 3


def test_keep_removes_what_it_planned_and_counts_what_is_gone(small: ConnectionSettings, dest: Path) -> None:
    paths = [backup(small, dest).data["backup"]["path"] for _run in range(3)]
    planned = backup(small, dest, check=True, keep={"last": 2})
    assert planned.data["removed"] == paths[:2] and len(info(dest).data["backups"]) == 3
    done = backup(small, dest, keep={"last": 2})
    assert done.data["removed"] == paths[:2]
    left = [item["path"] for item in info(dest).data["backups"]]
    assert left == [done.data["backup"]["path"], paths[2]]
    assert not any(os.path.basename(paths[0])[:22] in name for name in os.listdir(dest))


def test_an_emptied_database_removes_nothing(small: ConnectionSettings, dest: Path) -> None:
    good = backup(small, dest).data["backup"]["path"]
    with connect(small) as database:
        database.execute("TRUNCATE public.orders, public.users")
    done = backup(small, dest, keep={"last": 1})
    assert done.data["removed"] == [] and os.path.exists(good)
    assert "0 rows" in done.warnings[0]


def test_another_database_under_the_same_name_removes_nothing(
    small: ConnectionSettings, dest: Path, server: Cluster
) -> None:
    good = backup(small, dest).data["backup"]["path"]
    done = backup(server.settings("postgres"), dest, keep={"last": 1})
    assert done.data["removed"] == [] and os.path.exists(good)
    assert "is of database 'postgres'" in done.warnings[0]


def test_files_of_others_are_listed_drilled_and_age_out(small: ConnectionSettings, dest: Path) -> None:
    other = Path(backup(small, dest, format="plain").data["backup"]["path"])
    adopted = dest / "small_20250101_020000.sql.gz"
    other.rename(adopted)
    adopted.chmod(0o644)
    Path(f"{other}.json").unlink()
    listed = info(dest, verify="checksum").data["backups"][0]
    assert (listed["adopted"], listed["verified_level"], listed["problem"]) == (True, "none", "")
    assert "counted" in drill(source=str(adopted)).summary
    assert stat.S_IMODE(adopted.stat().st_mode) == 0o600
    assert info(dest).data["newest_verified"] is None
    done = backup(small, dest, keep={"days": 30}, verify="restored")
    assert done.data["removed"] == [str(adopted)]


def test_the_drill_of_a_dead_run_is_swept(first: str, dest: Path, workdir: Path) -> None:
    drills = workdir / "d"
    drills.mkdir()
    workdir.chmod(0o755)  # root's clusters run as somebody else
    stuck = programs_with(workdir / "bin", "pg_restore", "touch $HOME/stuck; exec sleep 60")
    code = (
        "import sys; sys.path[:0] = ['collections', '.']\n"
        "from tests.integration.backups.helpers import drill\n"
        f"drill(source={first!r}, drill_dir={str(drills)!r}, programs={stuck!r})"
    )
    env = {**os.environ, "HOME": str(workdir)}
    with subprocess.Popen([os.sys.executable, "-c", code], env=env, start_new_session=True) as process:  # type: ignore[attr-defined]
        deadline = time.monotonic() + 30
        while not (workdir / "stuck").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    (left,) = drills.iterdir()
    assert (left / "data" / "postmaster.pid").exists()
    drill(source=first, drill_dir=str(drills))
    assert list(drills.iterdir()) == []
    assert not [line for line in command_lines() if str(left).encode() in line and line.startswith(b"/")]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"name": "../x"}, "'name'"),
        ({"programs": "/usr/share"}, "'programs'"),
        ({"jobs": 0}, "'jobs'"),
        ({"keep": {"days": -1}}, "keep.days"),
        ({"unless_verified_within": "soon"}, "unless_verified_within"),
        ({"verify": "restored", "drill_dir": "/tmp/" + "x" * 90}, "'drill_dir'"),
    ],
)
def test_bad_options_are_named_and_nothing_is_written(
    small: ConnectionSettings, dest: Path, given: dict[str, Any], word: str
) -> None:
    with pytest.raises(TitanError) as caught:
        backup(small, dest, **given)
    assert word in caught.value.message
    assert [item for item in picture(dest) if not item.endswith(".lock")] == []


def test_a_directory_that_others_can_write_is_refused(small: ConnectionSettings, dest: Path) -> None:
    with pytest.raises(TitanError, match="cannot be used"):
        backup(small, dest / "missing")
    dest.chmod(0o770)
    with pytest.raises(TitanError, match="chmod 0700"):
        backup(small, dest)
    dest.chmod(0o700)
    link = dest.parent / "link"
    link.symlink_to(dest)
    with pytest.raises(TitanError, match="symbolic link"):
        backup(small, link)


def test_a_clear_sentence_without_room(small: ConnectionSettings, dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": 1 << 20})())
    with pytest.raises(TitanError, match="Not enough room"):
        backup(small, dest, verify="restored")


@pytest.mark.parametrize(("usage", "files", "words"), [
    (1 << 40, 1200, "takes 1200 more files, and 1300 are needed"), (1 << 40, 1300, ""), (1000, 0, "0 MiB are free"),
])  # fmt: skip
def test_room_for_a_first_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usage: int, files: int, words: str
) -> None:
    """A disk without room for the files of a cluster; one without room for a backup, none being there to compare with."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": usage})())
    monkeypatch.setattr("os.statvfs", lambda path: type("state", (), {"f_files": files, "f_favail": files})())
    source = type("source", (), {"bytes": 50 << 20})()
    with pytest.raises(TitanError, match=words) if words else nullcontext():
        require_space(str(tmp_path), str(tmp_path) if files else None, None, source, is_whole=True)
    require_space(str(tmp_path), None, None, source)


def test_an_unknown_file_is_no_source() -> None:
    with pytest.raises(OptionError, match="source"):
        drill(source="/nowhere/small_20260101_000000.dump")


def test_a_standby_is_backed_up_and_says_so(
    server: Cluster, small: ConnectionSettings, dest: Path, workdir: Path
) -> None:
    with connect(small) as database:
        database.execute("CREATE UNLOGGED TABLE public.unlogged AS SELECT generate_series(1, 9) AS x")
    workdir.chmod(0o755)
    standby = Cluster(server.programs, str(workdir / "standby"), port=free_port(), listen=True)
    try:
        standby.create()
        shutil.rmtree(standby.data)
        command = [f"{server.programs}/pg_basebackup", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
        subprocess.run([*command, "-D", standby.data, "-c", "fast", "-X", "stream"], check=True)
        Path(standby.data, "standby.signal").touch()
        owner = unprivileged_user()
        for path in [workdir / "standby" / "data", *(workdir / "standby" / "data").rglob("*")] if owner else []:
            os.chown(path, owner.pw_uid, owner.pw_gid)  # type: ignore[union-attr]
        source = f"host=127.0.0.1 port={server.port} user=postgres"
        standby.start(
            ["max_connections=200", "max_wal_senders=4", "max_prepared_transactions=4", f"primary_conninfo={source}"]
        )
        done = backup(standby.settings(small.database), dest, verify="restored")
    finally:
        standby.remove()
    assert done.data["backup"]["verified"]["level"] == "restored"
    assert done.data["backup"]["source"]["in_recovery"] is True
    assert "standby" in done.warnings[0] and "unlogged table public.unlogged" in done.warnings[1]
    assert ", without unlogged table public.unlogged;" in done.summary


@pytest.fixture
def key(workdir: Path) -> tuple[str, str]:
    """An age identity's file and its recipient."""
    if not shutil.which("age-keygen"):
        pytest.skip("age is not installed (Debian package age)")
    path = workdir / "key.txt"
    subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True)
    return str(path), subprocess.run(
        ["age-keygen", "-y", str(path)], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("form", "compression"), [("plain", "gzip"), pytest.param("custom", "zstd", marks=needs_zstd), ("custom", "gzip")]
)
def test_an_encrypted_backup_is_readable_with_the_key_only(
    small: ConnectionSettings, dest: Path, key: tuple[str, str], form: str, compression: str
) -> None:
    identity, recipient = key
    given = {"format": form, "compression": compression, "encrypt_to": [recipient]}
    with pytest.raises(OptionError, match="'verify'"):
        backup(small, dest, verify="restored", **given)
    checked = backup(small, dest, **given).data["backup"]
    assert checked["path"].endswith(".age") and checked["verified"]["level"] == "checksum"
    assert Path(checked["path"]).read_bytes().startswith(b"age-encryption.org/v1")
    with pytest.raises(TitanError, match="'identity'"):
        drill(source=checked["path"])
    assert "4500 rows compared" in drill(source=checked["path"], identity=identity).summary
    proven = backup(small, dest, verify="restored", identity=identity, **given).data["backup"]
    assert proven["verified"]["level"] == "restored"
    restore(small, source=proven["path"], identity=identity, into=f"{small.database}_2")
    with connect(small) as admin:
        admin.execute(f"DROP DATABASE {small.database}_2")


def test_a_copy_elsewhere_is_read_back(first: str, small: ConnectionSettings, dest: Path, workdir: Path) -> None:
    away = workdir / "away; $HOME"
    away.mkdir()
    copy = {"copy_to": ["cp", "{path}", f"{away}/{{file}}"], "copy_back": ["cat", f"{away}/{{file}}"]}
    done = backup(small, dest, **copy).data["backup"]
    name = Path(done["path"]).name
    assert sorted(path.name for path in away.iterdir()) == sorted([name, f"{name}.json", done["globals"]["file"]])
    assert done["copied"]["read_back"] is True and info(away, verify="checksum").data["backups"][0]["problem"] == ""
    with pytest.raises(TitanError, match="does not read back"):
        backup(small, dest, keep={"last": 1}, **{**copy, "copy_back": ["echo", "{file}"]})
    with pytest.raises(TitanError, match="false failed with status 1"):
        backup(small, dest, keep={"last": 1}, copy_to=["false", "{path}"])
    assert os.path.exists(first) and len(info(dest).data["backups"]) == 4


def test_a_cut_file_of_others_is_one_clear_sentence(small: ConnectionSettings, dest: Path) -> None:
    path = Path(backup(small, dest, format="plain", compression="gzip").data["backup"]["path"])
    Path(f"{path}.json").unlink()
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(TitanError, match="is not good"):
        drill(source=str(path))


def test_a_drill_by_root_leaves_nothing_that_the_owner_cannot_use(
    first: str, small: ConnectionSettings, dest: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root writes into other people's directories")
    nobody = pwd.getpwnam("nobody")
    for path in (dest, *dest.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    drill(source=first)
    assert {path.stat().st_uid for path in dest.iterdir()} == {nobody.pw_uid}
    with pytest.raises(TitanError, match="chown it"):
        backup(small, dest)


def test_an_ordinary_owner_backs_up_and_proves(server: Cluster, small: ConnectionSettings, dest: Path) -> None:
    """No superuser anywhere: the role of the application is enough, and what it cannot see is said."""
    with connect(small) as admin:
        admin.execute("DROP ROLE IF EXISTS plain_owner; CREATE ROLE plain_owner LOGIN")
        admin.execute(
            f"ALTER DATABASE {small.database} OWNER TO plain_owner; ALTER TABLE users OWNER TO plain_owner".replace(
                "users", "public.users"
            )
        )
        admin.execute("ALTER TABLE public.orders OWNER TO plain_owner; ALTER VIEW public.busy OWNER TO plain_owner")
        admin.execute("ALTER SEQUENCE public.users_id_seq OWNER TO plain_owner")
    owner = ConnectionSettings(host=small.host, port=small.port, user="plain_owner", database=small.database)
    done = backup(owner, dest, verify="restored")
    assert done.data["backup"]["verified"]["level"] == "restored" and done.data["backup"]["globals"] is not None
    with connect(small) as admin:
        admin.execute(
            f"ALTER DATABASE {small.database} OWNER TO postgres; REASSIGN OWNED BY plain_owner TO postgres; DROP ROLE plain_owner"
        )


def test_a_host_without_the_servers_programs_drills_on_the_server(
    server: Cluster, small: ConnectionSettings, dest: Path, workdir: Path
) -> None:
    client = workdir / "client"
    client.mkdir()
    for name in ("pg_dump", "pg_restore", "psql", "pg_dumpall"):
        (client / name).symlink_to(f"{embedded_programs()}/{name}")
    with pytest.raises(TitanError, match="'programs'.*drill_in: scratch_database"):
        backup(small, dest, verify="restored", programs=str(client))
    with connect(server.settings()) as admin:  # what a dead run left
        admin.execute("CREATE DATABASE titan_drill_20260101_000000_1")
        admin.execute(
            "COMMENT ON DATABASE titan_drill_20260101_000000_1 IS 'titan.database: a restore that has not ended'"
        )
    done = backup(small, dest, verify="restored", programs=str(client), drill_in="scratch_database")
    assert done.data["backup"]["verified"]["rows"] == 4500
    with connect(server.settings()) as admin:
        assert admin.rows("SELECT datname FROM pg_database WHERE datname LIKE 'titan%'") == []
