"""How a helper talks: one JSON value on standard input, one on the descriptor that was standard output. Standard library only.

Run by the training environment's interpreter. Whatever libraries print goes to standard error, so that the answer stays alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


class Refusal(Exception):
    """An answer that says why not: `rule` is stable, `fields` are plain values."""

    def __init__(self, rule: str, **fields: Any) -> None:
        super().__init__(rule)
        self.rule = rule
        self.fields = fields


def serve(answer: Callable[[dict[str, Any]], Any]) -> None:
    """Answer one question and end. An exception becomes {"error": ...} and exit status 1."""
    channel = os.dup(1)
    os.dup2(2, 1)
    status = 1
    try:
        reply: dict[str, Any] = {"ok": answer(json.load(sys.stdin))}
        status = 0
    except Refusal as refusal:
        reply = {"error": refusal.rule, "fields": refusal.fields}
    except BaseException as error:
        import traceback

        traceback.print_exc()
        reply = {"error": "exception", "fields": {"type": type(error).__name__, "message": str(error)[:2000]}}
    with os.fdopen(channel, "w", encoding="utf-8") as output:
        json.dump(reply, output, allow_nan=False, default=str)
    sys.stdout.flush()
    sys.stderr.flush()
    # Without waiting for what libraries started: threads, worker pools.
    os._exit(status)
