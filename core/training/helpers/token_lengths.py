"""How many tokens texts have.

{"model": folder or name, "texts": [...]} -> {"lengths": [...], "tokenizer": class}. Only the tokenizer is loaded, and no code that comes
with the model is run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from protocol import Refusal, serve

_BATCH = 200


def lengths(question: dict[str, Any]) -> dict[str, Any]:
    """Fast tokenizers by the small library alone; others by transformers, which takes seconds to load."""
    model, texts = Path(question["model"]), question["texts"]
    if (model / "tokenizer.json").is_file():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        found = [len(each.ids) for start in range(0, len(texts), _BATCH) for each in tokenizer.encode_batch(texts[start : start + _BATCH])]
        return {"lengths": found, "tokenizer": "tokenizer.json"}
    from transformers import AutoTokenizer

    try:
        slow = AutoTokenizer.from_pretrained(question["model"], trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise Refusal("no_tokenizer", message=str(error)[:500]) from error
    return {"lengths": [len(slow(text)["input_ids"]) for text in texts], "tokenizer": type(slow).__name__}


if __name__ == "__main__":
    serve(lengths)
