"""A server of the tests: answers 200 on /health to who has the key; its words decide what else it does."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization") == f"Bearer {os.environ['THE_KEY']}"
        self.send_response(200 if allowed else 401)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


def main() -> None:
    port, words = int(sys.argv[1]), sys.argv[2:]
    if "broken" in words:
        raise ModuleNotFoundError("No module named 'llamafactory'")
    if "family" in words:
        # A process group of its own, as torchrun's workers have.
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print("child", child.pid, flush=True)
    if "elsewhere" in words:
        port = 0
    if "silent" in words:
        time.sleep(600)
    server = http.server.HTTPServer(("127.0.0.1", port), Handler)
    print(f"serving at http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
