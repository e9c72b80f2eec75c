"""Files of every format, right and broken: for the checks and for LLaMA-Factory itself (tests/training/test_datasets.py)."""

from __future__ import annotations

import json
from typing import Any


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def alpaca(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"instruction": f"Say {number}", "input": "", "output": f"It is {number}"} | more


def talk(*turns: tuple[str, str], role: str = "from", content: str = "value") -> list[dict[str, str]]:
    return [{role: who, content: said} for who, said in turns]


def spoken(*turns: tuple[str, str]) -> list[dict[str, str]]:
    """As OpenAI writes messages."""
    return talk(*turns, role="role", content="content")


CHAT = (("human", "How are you?"), ("gpt", "Well."), ("human", "And now?"), ("gpt", "Still well."))
OPENAI = (("system", "Answer in one word."), ("user", "How?"), ("assistant", "Well."))
TOOL = json.dumps([{"name": "clock", "description": "tells the time", "parameters": {"type": "object", "properties": {}}}])
ASKED = (("user", "q"), ("assistant", "a"))
CALL = json.dumps({"name": "clock", "arguments": {}})

#: File name -> content without a problem.
RIGHT: dict[str, bytes] = {
    "alpaca.jsonl": lines(alpaca(1), alpaca(2, input="more"), alpaca(3, system="Be short.")),
    "alpaca.json": json.dumps([alpaca(1), alpaca(2)], indent=2).encode(),
    "history.jsonl": lines(alpaca(1, history=[["a", "b"], ["c", "d"]]), alpaca(2, history=[])),
    "question.jsonl": lines(*({"question": f"q{n}", "answer": f"a{n}"} for n in range(3))),
    "table.csv": b'instruction,output\nSay a,It is a\n"Say\nb","It ""is"" b"\n',
    "sharegpt.json": json.dumps([{"conversations": talk(*CHAT)}, {"conversations": talk(*CHAT[:2]), "system": "Be kind."}]).encode(),
    "named.jsonl": lines(*({"conversations": talk(("user", f"q{n}"), ("assistant", "a"))} for n in range(3))),
    "tools.jsonl": lines(
        *(
            {
                "conversations": talk(("human", f"Time {n}?"), ("function_call", CALL), ("observation", "noon"), ("gpt", "Noon.")),
                "tools": TOOL,
            }
            for n in range(2)
        )
    ),
    "openai.jsonl": lines(
        {"messages": talk(*OPENAI, role="role", content="content")}, {"messages": talk(*OPENAI[1:], role="role", content="content")}
    ),
    "calls.jsonl": lines(
        *(
            {
                "messages": [
                    {"role": "user", "content": f"Time {n}?"},
                    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "clock", "arguments": "{}"}}]},
                    {"role": "tool", "content": "noon"},
                    {"role": "assistant", "content": "Noon."},
                ]
            }
            for n in range(2)
        )
    ),
    "pairs.jsonl": lines(*({"instruction": f"q{n}", "chosen": "yes", "rejected": f"no {n}"} for n in range(3))),
    "talked-pairs.json": json.dumps(
        [
            {
                "conversations": talk(("human", f"q{n}")),
                "chosen": {"from": "gpt", "value": "yes"},
                "rejected": {"from": "gpt", "value": f"no {n}"},
            }
            for n in range(3)
        ]
    ).encode(),
    "kto.jsonl": lines(*(alpaca(n, kto_tag=bool(n % 2)) for n in range(4))),
    "talked-kto.jsonl": lines(*({"messages": spoken(("user", f"q{n}"), ASKED[1]), "label": n % 2 == 0} for n in range(4))),
    "text.txt": "One line.\n另一行。\nA third.\n".encode(),
    "text.jsonl": lines({"text": "One."}, {"text": "Two."}),
    "crlf.jsonl": lines(alpaca(1), alpaca(2)).replace(b"\n", b"\r\n"),
    "spread.jsonl": b"\n".join(json.dumps(alpaca(n), indent=1).encode() for n in range(3)),
    "bom.jsonl": b"\xef\xbb\xbf" + lines(alpaca(1), alpaca(2)),
}

#: File name -> content with problems that repair can do something about.
BROKEN: dict[str, bytes] = {
    "numbers.jsonl": lines(alpaca(1), alpaca(2, output=5), alpaca(3, output=["a", "b"])),
    "all-numbers.jsonl": lines(alpaca(1, output=1), alpaca(2, output=2)),
    "empty.jsonl": lines(alpaca(1), alpaca(2, output=""), alpaca(3, instruction="", input=""), alpaca(4, output=None)),
    "malformed.jsonl": lines(alpaca(1)) + b'{"instruction": broken}\n' + lines(alpaca(2)) + b'{"instruction": "cut o',
    "doubled.jsonl": lines(alpaca(1)) + b'{"instruction": "a", "output": "b", "output": "c"}\n',
    "nan.jsonl": lines(alpaca(1, score=1.5)) + b'{"instruction": "a", "input": "", "output": "b", "score": NaN}\n',
    "surrogate.jsonl": lines(alpaca(1)) + b'{"instruction": "a\\ud800", "output": "b"}\n',
    "quotes.jsonl": lines(alpaca(1)) + b"{'instruction': 'a', 'output': 'b'}\n",
    "types.jsonl": lines(alpaca(1, mark=1), alpaca(2, mark="two"), alpaca(3, mark=3)),
    "wrapped.json": json.dumps({"data": [alpaca(1), alpaca(2)]}).encode(),
    "utf16.jsonl": lines(alpaca(1), alpaca(2)).decode().encode("utf-16"),
    "gbk.jsonl": lines(alpaca(1, output="训练数据的检查"), alpaca(2, output="模型的回答在这里")).decode().encode("gb18030"),
    "latin.csv": "instruction,output\nSay é,It is é\n".encode("latin-1"),
    "mark.json": b"\xef\xbb\xbf" + json.dumps([alpaca(1)]).encode(),
    "words.csv": b"instruction,output\nSay it,NA\nSay,yes\n",
    "digits.csv": b"instruction,output\nSay 1,1\nSay 2,2\n",
    "cells.csv": b"instruction,output\na,b,c\nd,e\n",
    "mixed.jsonl": lines(*(alpaca(n) for n in range(4)), {"conversations": talk(*CHAT[:2])}),
    "roles.jsonl": lines(
        {"conversations": talk(*CHAT)},
        {"conversations": talk(("gpt", "Hello."), *CHAT)},
        {"conversations": talk(*CHAT[:3])},
        {"conversations": talk(CHAT[0], CHAT[0], CHAT[1])},
        {"conversations": talk(CHAT[0], ("system", "Late."), CHAT[1])},
        {"conversations": talk(("user", "q"), ("bot", "a"))},
        {"conversations": talk(("human", "q"), ("stranger", "a"))},
        {"conversations": []},
    ),
    "keys.jsonl": lines({"conversations": talk(*CHAT)}, {"conversations": spoken(*ASKED)}),
    "renamed.jsonl": lines(alpaca(1), alpaca(2), {"instruction": "q", "response": "a"}),
    "list-pairs.jsonl": lines(
        *(
            {
                "chosen": talk(("user", f"q{n}"), ("assistant", "yes"), role="role", content="content"),
                "rejected": talk(("user", f"q{n}"), ("assistant", "no"), role="role", content="content"),
            }
            for n in range(3)
        )
    ),
    "same-pairs.jsonl": lines(*({"instruction": f"q{n}", "chosen": "yes", "rejected": "yes" if n else "no"} for n in range(3))),
    "tags.jsonl": lines(alpaca(1, kto_tag=True), alpaca(2, kto_tag="false"), alpaca(3, kto_tag=1), alpaca(4, kto_tag=None)),
    "tool-lists.jsonl": lines(*({"conversations": talk(*CHAT[:2]), "tools": json.loads(TOOL)} for _n in range(2))),
}
