# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that annotations need, and records, without the module typing.

A run of migrations that has nothing to do spends most of its time on imports, and typing with its NamedTuple is the dearest of those that
are our own choice. What such a run imports takes these names from here; everything else takes them from typing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true, as they do typing's
if TYPE_CHECKING:
    from typing import IO, Any, Callable, NamedTuple
else:
    from collections import namedtuple
    from collections.abc import Callable

    Any = IO = object

    class _Record(type):
        """Makes a named tuple of a class with annotated fields, defaults and methods, as typing.NamedTuple does."""

        def __new__(cls, name, bases, body):
            fields = list(body.get("__annotations__", ()))
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key, value in body.items():
                if key not in fields:
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Record, "NamedTuple", (), {})

__all__ = ["IO", "TYPE_CHECKING", "Any", "Callable", "NamedTuple"]
