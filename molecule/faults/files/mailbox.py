# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server that keeps what it gets: one JSON object a mail, in the file named first. Port 2525 of this host."""

from __future__ import annotations

import json
import socketserver
import sys


class Mailbox(socketserver.StreamRequestHandler):
    """Just enough of SMTP for a client that logs in."""

    def handle(self) -> None:
        mail: dict = {"login": False, "to": []}
        self.answer("220 mail.example ready")
        while line := self.rfile.readline():
            said = line.decode(errors="replace").strip()
            word, _space, rest = said.partition(" ")
            word = word.upper()
            if word == "EHLO":
                self.answer("250-mail.example", "250 AUTH PLAIN")
            elif word == "AUTH":
                mail["login"] = True
                self.answer("235 welcome")
            elif word == "MAIL":
                mail["from"] = rest
                self.answer("250 ok")
            elif word == "RCPT":
                mail["to"].append(rest)
                self.answer("250 ok")
            elif word == "DATA":
                self.answer("354 go on")
                mail["text"] = self.text()
                with open(sys.argv[1], "a", encoding="utf-8") as stream:
                    stream.write(json.dumps(mail) + "\n")
                mail = {"login": mail["login"], "to": []}
                self.answer("250 kept")
            elif word == "QUIT":
                self.answer("221 bye")
                return
            else:
                self.answer("250 ok")

    def text(self) -> str:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.decode(errors="replace"))
        return "".join(lines)

    def answer(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 2525), Mailbox).serve_forever()
