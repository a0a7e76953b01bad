# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two servers of a physical backup's drill: one recovers and talks to nobody, the other one is read and reaches nothing."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
from ansible_collections.titan.database.plugins.module_utils._engine.host.sandbox import why_no_sandbox
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.sandboxed import drill_user
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from .helpers import PROGRAMS, Place


def servers_in(folder: Path) -> list[Path]:
    """The processes below /proc whose arguments name a cluster in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0].endswith(b"/postgres") and any(each.startswith(os.fsencode(folder)) for each in arguments):
            found.append(process)
    return found


def test_the_backups_code_meets_a_sandbox_and_its_subscriptions_nobody(place: Place) -> None:
    user = pwd.getpwnam(drill_user()) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    sandboxed = not why_no_sandbox(str(place.drills), user.pw_uid, user.pw_gid)
    seen: dict[str, list[tuple[int, bool]]] = {}

    def look(name: str) -> None:
        if name in ("drill.recovered", "drill.compare"):
            ours = os.readlink("/proc/self/ns/net")
            seen[name] = [
                (each.stat().st_uid, os.readlink(each / "ns/net") == ours) for each in servers_in(place.drills)
            ]
        if name == "drill.recovered":
            (folder,) = place.drills.iterdir()
            with pytest.raises(DatabaseError, match=r"reject|28000"):
                connect(Cluster(PROGRAMS, str(folder)).settings())

    with socket.create_server(("127.0.0.1", 0)) as publisher:
        port = publisher.getsockname()[1]
        place.prepare()
        place.sql(
            f"CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port={port} dbname=x' PUBLICATION p WITH (connect = false)"
        )
        place.sql("ALTER SUBSCRIPTION s SET (slot_name = s)")
        try:
            place.sql("ALTER SUBSCRIPTION s ENABLE")
            taken = place.backup(verify="checksum").data["backup"]
        finally:
            place.sql("ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE)")
            place.sql("DROP SUBSCRIPTION s")
        publisher.settimeout(0)
        called_by_the_source = 0
        while True:  # what the source's own worker has left waiting
            try:
                publisher.accept()[0].close()
                called_by_the_source += 1
            except BlockingIOError:
                break
        with observed(look):
            drilled = place.drill(source=taken["path"])
        with pytest.raises(BlockingIOError):
            publisher.accept()
    assert called_by_the_source, "the subscription was no live one, so nothing was shown"
    assert seen["drill.recovered"], "no server was seen"
    assert (user.pw_uid, True) not in seen["drill.recovered"] or os.geteuid() != 0
    assert seen["drill.compare"] and {uid for uid, _same in seen["drill.compare"]} == {user.pw_uid}
    verified = drilled.data["backup"]["verified"]
    if sandboxed:
        assert {same for _uid, same in seen["drill.compare"]} == {False}
        assert verified["sandbox"] == "namespaces" and not drilled.warnings
    else:
        assert (
            verified["sandbox"] in (f"user {user.pw_name}", "none") and "cannot create a sandbox" in drilled.warnings[0]
        )
    assert place.record(taken["path"])["verified"]["sandbox"] == verified["sandbox"]
    assert os.listdir(place.drills) == []


def test_a_setting_in_a_database_s_own_encoding_is_no_obstacle(place: Place) -> None:
    """ALTER SYSTEM writes it as the database has it."""
    place.prepare()
    place.sql("CREATE DATABASE western ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with connect(place.settings.to("western")) as database:
            database.execute("ALTER SYSTEM SET log_line_prefix = 'caf\u00e9 '")
        assert b"caf\xe9 " in Path(place.cluster.data, "postgresql.auto.conf").read_bytes()
        assert place.backup(verify="restored").data["backup"]["verified"]["level"] == "restored"
    finally:
        place.sql("ALTER SYSTEM RESET log_line_prefix")
        place.sql("DROP DATABASE western")
