"""What the model sees of samples: LLaMA-Factory's own converter, template and masks applied to rows.

{"model", "template", "cutoff", "stage", "entry", "rows", "show", "options"} ->
{"samples": [{"row", "side", "ids", "texts", "trained", "length", "problem"}], "lengths": [...], "truncated", "masked", "dropped"}
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from protocol import Refusal, serve

IGNORED = -100
#: Stands for "no cutoff".
WHOLE = 1 << 30
#: Tokens that may make one character together.
PIECES = 8
#: Tokens of a sample that are shown.
SHOWN = 20_000


def view(question: dict[str, Any]) -> dict[str, Any]:
    from llamafactory.data.template import TEMPLATES

    if question["template"] and question["template"] not in TEMPLATES:
        raise Refusal("template_unknown", template=question["template"])
    tools = Tools(question)
    samples: list[dict[str, Any]] = []
    lengths: list[int] = []
    counts = {"truncated": 0, "masked": 0, "dropped": 0}
    for number, row in enumerate(alike(question["rows"], question["entry"])):
        shown = number < question["show"]
        found = tools.seen(row, number)
        for sample in found:
            if sample["problem"]:
                counts["dropped"] += 1
            else:
                lengths.append(sample["length"])
                counts["truncated"] += sample["length"] > len(sample["ids"])
                counts["masked"] += not any(sample["trained"])
            if shown:
                samples.append(tools.with_texts(sample))
    return {"samples": samples, "lengths": lengths, **counts}


def alike(rows: list[Any], entry: dict[str, Any]) -> list[Any]:
    """The rows with every column that any of them has, as the table that they are loaded into: what is missing is None."""
    names = dict.fromkeys(str(name) for name in (entry.get("columns") or {}).values())
    for row in rows:
        names |= dict.fromkeys(row) if isinstance(row, dict) else {}
    return [names | row if isinstance(row, dict) else row for row in rows]


class Tools:
    """Tokenizer, template, converter and processors, made once."""

    def __init__(self, question: dict[str, Any]) -> None:
        from llamafactory.data.converter import get_dataset_converter
        from llamafactory.data.parser import DatasetAttr
        from llamafactory.data.template import get_template_and_fix_tokenizer
        from llamafactory.hparams import DataArguments, ModelArguments
        from llamafactory.model import load_tokenizer

        stage, options = question["stage"], question.get("options", {})
        try:
            self.tokenizer = load_tokenizer(ModelArguments(model_name_or_path=question["model"]))["tokenizer"]
        except OSError as error:
            raise Refusal("no_tokenizer", message=str(error.__cause__ or error)[:500]) from error
        given = {name: options[name] for name in ("train_on_prompt", "mask_history", "enable_thinking") if name in options}
        self.cut, self.whole = (
            DataArguments(template=question["template"] or None, cutoff_len=length, **given) for length in (question["cutoff"], WHOLE)
        )
        template = get_template_and_fix_tokenizer(self.tokenizer, self.cut)
        attributes = DatasetAttr("file", dataset_name="dataset")
        attributes.join(question["entry"])
        self.stage = "dpo" if attributes.ranking else stage
        self.converter = get_dataset_converter(attributes.formatting, attributes, self.cut)
        self.processors = [_processor(self.stage, template, self.tokenizer, arguments) for arguments in (self.cut, self.whole)]

    def seen(self, row: Any, number: int) -> list[dict[str, Any]]:
        """The samples of one row: two for a preference."""
        try:
            converted = self.converter(row)
        except Exception as error:  # whatever a row makes of it, as when training
            return [_dropped(number, f"not_convertible: {type(error).__name__}: {error}")]
        if any(converted.get(name) for name in ("_images", "_videos", "_audios")):
            return [_dropped(number, "media")]
        batch = {name: [value] for name, value in converted.items()}
        try:
            cut, whole = (processor.preprocess_dataset(batch) for processor in self.processors)
        except Exception as error:
            return [_dropped(number, f"not_encodable: {type(error).__name__}: {error}")]
        sides = [("chosen", "chosen_"), ("rejected", "rejected_")] if "chosen_input_ids" in cut else [("", "")]
        if not cut.get(f"{sides[0][1]}input_ids"):
            return [_dropped(number, "wrong_roles" if converted["_prompt"] else "empty")]
        return [self._sample(number, side, cut, whole, prefix) for side, prefix in sides]

    def _sample(self, number: int, side: str, cut: Any, whole: Any, prefix: str) -> dict[str, Any]:
        ids = list(cut[f"{prefix}input_ids"][0])
        # Text to be read has no labels: every token of it is trained.
        labels = cut[f"{prefix}labels"][0] if f"{prefix}labels" in cut else ids
        length = len(whole[f"{prefix}input_ids"][0])
        return {
            "row": number,
            "side": side,
            "ids": ids,
            "trained": [int(label != IGNORED) for label in labels],
            "length": length,
            "problem": "",
        }

    def with_texts(self, sample: dict[str, Any]) -> dict[str, Any]:
        ids = sample["ids"][:SHOWN]
        return sample | {"ids": ids, "trained": sample["trained"][:SHOWN], "texts": self._texts(ids)}

    def _texts(self, ids: list[int]) -> list[str]:
        """The text of each token; of several that make one character, the first has it and the others have none."""
        pieces = self.tokenizer.convert_ids_to_tokens(ids)
        texts: list[str] = []
        while len(texts) < len(ids):
            start = len(texts)
            for count in range(1, PIECES + 1):
                text = self._decoded(ids[start : start + count])
                if "\ufffd" not in text or start + count > len(ids):
                    break
            else:
                text, count = self._decoded(ids[start : start + 1]), 1
            count = min(count, len(ids) - start)
            blank = isinstance(pieces[start], str) and pieces[start].startswith("\u2581") and not text.startswith(" ")
            texts += [" " + text if blank else text] + [""] * (count - 1)
        return texts

    def _decoded(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _processor(stage: str, template: Any, tokenizer: Any, arguments: Any) -> Any:
    from llamafactory.data import processor as kinds

    made = {
        "pt": kinds.PretrainDatasetProcessor,
        "dpo": kinds.PairwiseDatasetProcessor,
        "rm": kinds.PairwiseDatasetProcessor,
        "kto": kinds.FeedbackDatasetProcessor,
    }.get(stage, kinds.SupervisedDatasetProcessor)
    return made(template=template, tokenizer=tokenizer, processor=None, data_args=arguments)


def _dropped(number: int, problem: str) -> dict[str, Any]:
    return {"row": number, "side": "", "ids": [], "trained": [], "texts": [], "length": 0, "problem": problem[:300]}


if __name__ == "__main__":
    serve(view)
