"""Files of others are read as far as this user may."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ansible_collections.titan.database.plugins.module_utils._engine.crontab.readable import (
    files_in,
    is_closed,
    names_in,
    start_of,
)
from ansible_collections.titan.database.plugins.module_utils._engine.host.act_as import acting_for


def test_what_may_not_be_read_is_as_if_it_were_not_there(workdir: Path) -> None:
    closed, open_to_all, pipe = workdir / "closed", workdir / "open", workdir / "pipe"
    closed.mkdir()
    (closed / "secret").write_text("x")
    closed.chmod(0)
    open_to_all.write_bytes(b"#!/bin/sh\n" + b"x" * 100_000)
    os.mkfifo(pipe)
    for path in (workdir, closed) if os.geteuid() == 0 else ():
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    with acting_for([str(workdir)]):
        assert is_closed(str(closed)) and names_in(str(closed)) == files_in(str(closed)) == []
        assert not is_closed(str(workdir)) and not is_closed(str(workdir / "absent"))
        assert names_in(str(workdir)) == ["closed", "open", "pipe"] and files_in(str(workdir)) == [str(open_to_all)]
        assert names_in(str(workdir / "absent")) == []
        assert len(start_of(str(open_to_all))) == 65536
        for path in (closed / "secret", closed, pipe, workdir / "absent"):
            assert start_of(str(path)) == b"", path
    closed.chmod(0o700)
