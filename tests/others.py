"""Another user's directory, for what root does in it."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = pwd.getpwnam("nobody")
DAEMON = pwd.getpwnam("daemon")


@contextmanager
def directory_of_nobody(name: str, mode: int = 0o755) -> Iterator[Path]:
    """A directory of nobody's, below one of root's that everybody can reach; whoever is not root gets his own."""
    above = Path(tempfile.mkdtemp(prefix="tt-"))
    above.chmod(0o755)
    try:
        folder = above / name
        folder.mkdir()
        folder.chmod(mode)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        yield folder
    finally:
        shutil.rmtree(above)
