"""Texts that attack a terminal or a renderer, and a provider that says nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SEQUENCES = "\x1b]52;c;aGFja2Vk\x07\x1b]0;owned\x07\x1b]8;;https://evil.example/\x1b\\x\x1b]8;;\x1b\\"
SCREEN = "\x1b[2J\x1b[H\x1b[31m\x1b[5m\x1b[38;5;196m\x1b[?1049l\x1b[6n\x1b[777;777H\x1b[48;9999;9999;0;0t\x1b[200~"
STRINGS = "\x1bP+q544e\x1b\\\x1b_Gi=1;AAAA\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\\x1bc\x1b(0\x1b7\x1b#8"
C1 = "\x9b31m\x9d0;c1\x9c\x90q\x9c\x84\x85\x8e"
C0 = "\x01\x05\x07\x08\x0b\x0c\x0e\x0f\x11\x1a\x1c\x7f"
UNFINISHED = "\x1b]52;c;Zm9yZXZlcg"
BIDI = "\u202eesrever\u202c\u2066i\u2069\u200f\u061c\u2028\u2029"
ZERO_WIDTH = "a\u200bb\u200cc\u200dd\u2060e\ufeff\u00ad\U000e0041"
MARKUP = "[/bold][red]x[/][@click=app.quit]y[/][[z]][link=z]{b}%s\\[ [x](javascript:y) <b>&lt;"
RIGHT_TO_LEFT = "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd"
FLOOD = "e" + "\u0301" * 60
EMOJI = "👩\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈👍🏽"
WIDE = "损失为什么不下降？\ufdfd\U0001242b\u3000"

#: What is pasted, by name. The unfinished sequence is last: a terminal would wait for its end.
PASTES = {
    "attacks": MARKUP + BIDI + ZERO_WIDTH + RIGHT_TO_LEFT + SEQUENCES + STRINGS + C1 + C0 + SCREEN + UNFINISHED,
    "wide": FLOOD + EMOJI + WIDE + "\r\nnext\tline\x00",
    "long": "long " * 500,
}
#: What is typed, byte by byte: no control that is a key, but bytes that are no text at all.
TYPED = (C1 + BIDI + ZERO_WIDTH + "[/][@click=app.quit]" + "\u05e9e\u0301\u0301" + EMOJI + "损").encode() + b"\xff\xc0\x80\xed\xa0\xbd\xf5"
#: What comes from outside: everything, and half a character. A few come first, for where only the beginning is shown.
OUTSIDE = "".join(
    ("\x1b[5m\x07\x9b31m\u202e[/]", MARKUP, SEQUENCES, STRINGS, C1, BIDI, ZERO_WIDTH, "\ud83d", EMOJI, WIDE, FLOOD, C0, SCREEN, UNFINISHED)
)


class _Handler(BaseHTTPRequestHandler):
    """Speaks the OpenAI format; what it does depends on the model's name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        # The last one is no name at all; the others are, however they look.
        names = [f"hostile-0{MARKUP}", f"hostile-1{EMOJI}{RIGHT_TO_LEFT}{FLOOD}", f"hostile-2{OUTSIDE}"]
        self._send(200, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": OUTSIDE} for name in names]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked["model"].startswith("refuses"):
            self._send(400, {"error": {"message": f"refused {OUTSIDE}", "type": OUTSIDE, "code": OUTSIDE, "param": OUTSIDE}})
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self._event({"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": f"Thought {OUTSIDE}"}}]})
        for text in ("# Said ", OUTSIDE, "\n\n```py", OUTSIDE, "\n", OUTSIDE, "\n```\n| a | b |\n|---|---|\n| ", OUTSIDE, " | end |\n"):
            self._event({"choices": [{"index": 0, "delta": {"content": text}}]})
        if asked["model"].startswith("breaks"):
            self._event({"error": {"message": f"broke {OUTSIDE}", "code": OUTSIDE}})
        else:
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _send(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing on the terminal of the tests."""


@contextmanager
def hostile_provider() -> Iterator[str]:
    """A provider on loopback; gives its endpoint. Models called refuses* and breaks* fail, with a hostile message."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
