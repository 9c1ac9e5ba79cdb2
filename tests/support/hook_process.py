"""A subscriber's server as a process of its own, which may be killed: it notes what comes, and answers after that.

    python tests/support/hook_process.py PORT FILE

Each notification is a line of the file: its method, its path, and the version of the resource in it, or `-`.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def main(port: int, file: str) -> None:
    """Serve until killed."""
    noted = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            version = json.loads(body)["meta"]["versionId"] if body else "-"
            os.write(noted, f"{self.command} {self.path} {version}\n".encode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_PUT(self) -> None:
            self.do_POST()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
