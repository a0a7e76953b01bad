# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's version: the collection's, as galaxy.yml says it (a test compares them)."""

from __future__ import annotations

VERSION = "0.2.0"
