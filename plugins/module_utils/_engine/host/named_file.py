# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that an option names: what is wrong with the file is wrong with the option's value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import OptionError
from .safe_open import UnsafePathError


@contextmanager
def named_by(option: str, path: str, doing: str = "written", remedy: str = "") -> Iterator[None]:
    """While the block reads or writes what is at the path.

    Args:
        option: Its name.
        path: Its value.
        doing: What cannot be done, as "read".
        remedy: A sentence to add; empty for none.

    Raises:
        OptionError: the block has raised OSError or UnsafePathError.
    """
    try:
        yield
    except UnsafePathError as error:
        raise OptionError(option, path, f"It {error.why}. {error.remedy}") from error
    except OSError as error:
        said = f"It cannot be {doing}: {error.strerror or error}."
        raise OptionError(option, path, f"{said} {remedy}".rstrip()) from error
