# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down every request on port 9009 of this host: one JSON object a line in the file named first."""

from __future__ import annotations

import http.server
import json
import sys


class Hearer(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        with open(sys.argv[1], "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"path": self.path, "body": body}) + "\n")
        self.send_response(200)
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


http.server.ThreadingHTTPServer(("127.0.0.1", 9009), Hearer).serve_forever()
