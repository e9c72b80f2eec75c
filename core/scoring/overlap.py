"""BLEU and chrF by sacrebleu: of one answer (as its sentence scores), and of many as one corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from core.scoring.text import accepted, language_of
from core.scoring.types import Score

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

#: The longest text that n-grams are counted of, in characters: chrF takes about two kilobytes of memory for each.
LONGEST: Final = 50_000
#: The tokenizer for a language. Japanese and Korean go by characters: sacrebleu's own need a dictionary that is not installed here.
_TOKENIZERS: Final = {"zh": "zh", "ja": "char", "ko": "char", "other": "13a"}
ORDER: Final = 4


def bleu(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Sentence BLEU (exponential smoothing, effective order), from 0 to 1. Details: tokenizer, corpus (what `corpus_values` adds up)."""
    references = accepted(expected, settings)
    if problem := _refused("bleu", answer, references):
        return problem
    tokenizer = settings["tokenizer"]
    if tokenizer == "auto":
        tokenizer = _TOKENIZERS[language_of(references[0])]
    result = _bleu(tokenizer, settings["ignore_case"]).sentence_score(answer, references)
    _forget_texts()
    corpus = {
        "name": f"bleu/{tokenizer}" + ("/ignore_case" if settings["ignore_case"] else ""),
        "counts": [int(result.sys_len), int(result.ref_len), *map(int, result.counts), *map(int, result.totals)],
    }
    value = _share(result.score)
    return Score(value, _passes(value, settings), "bleu", {"tokenizer": tokenizer, "corpus": corpus})


def chrf(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Sentence chrF (chrF++ with `word_order` 2), from 0 to 1. It counts characters, so it needs no tokenizer. Details: corpus."""
    references = accepted(expected, settings)
    if problem := _refused("chrf", answer, references):
        return problem
    words = int(settings["word_order"])
    metric = _chrf(words, settings["ignore_case"])
    value = _share(metric.sentence_score(answer, references).score)
    name = "chrf" + "+" * words + ("/ignore_case" if settings["ignore_case"] else "")
    corpus = {"name": name, "counts": [int(count) for count in metric.counts]}
    return Score(value, _passes(value, settings), "chrf", {"corpus": corpus})


def corpus_values(corpora: Iterable[Mapping[str, Any] | None]) -> dict[str, float]:
    """BLEU and chrF of many answers as one corpus, from 0 to 1, by name: "bleu/13a", "bleu/zh", "chrf", "chrf++". Sacrebleu's own
    numbers for the same texts, without keeping the texts: counts are added up.
    """
    sums: dict[str, list[int]] = {}
    for corpus in corpora:
        if corpus is not None:
            counts = corpus["counts"]
            so_far = sums.setdefault(corpus["name"], [0] * len(counts))
            for at, count in enumerate(counts):
                so_far[at] += count
    return {name: _of_counts(name, counts) for name, counts in sorted(sums.items())}


def _of_counts(name: str, counts: Sequence[int]) -> float:
    if name.startswith("bleu/"):
        from sacrebleu.metrics.bleu import BLEU

        correct, total = list(counts[2 : 2 + ORDER]), list(counts[2 + ORDER :])
        return _share(BLEU.compute_bleu(correct, total, counts[0], counts[1], smooth_method="exp").score)
    words = name.partition("/")[0].count("+")
    return _share(_chrf(words, False).of_counts(counts))


def _share(score: float) -> float:
    """A score from 0 to 100 as a share; rounding may have made it a hair more than 100."""
    return min(1.0, max(0.0, float(score) / 100))


def _passes(value: float, settings: Mapping[str, Any]) -> bool | None:
    return None if settings["pass_at"] is None else value >= settings["pass_at"]


def _refused(scorer: str, answer: str, references: list[str]) -> Score | None:
    if not references:
        return Score(None, None, scorer, problem="no_expected")
    longest = max(len(answer), *map(len, references))
    if longest > LONGEST:
        return Score(None, None, scorer, {"limit": LONGEST, "characters": longest}, "too_long")
    return None


def _bleu(tokenizer: str, ignore_case: bool) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer, lowercase=ignore_case, smooth_method="exp", effective_order=True)


def _forget_texts() -> None:
    """Sacrebleu's tokenizers remember the last 65,536 texts each: long answers would fill the memory."""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    from sacrebleu.tokenizers.tokenizer_char import TokenizerChar
    from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp
    from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

    for kind in (Tokenizer13a, TokenizerChar, TokenizerRegexp, TokenizerZh):
        kind.__call__.cache_clear()


class CountedChrf(Protocol):
    """Sacrebleu's chrF, with the counts it was computed from: for each order of n-grams those of the answer, of the reference, of both."""

    counts: Sequence[int]

    def sentence_score(self, hypothesis: str, references: Sequence[str]) -> Any: ...

    def of_counts(self, counts: Sequence[int]) -> float:
        """The score, from 0 to 100, of counts that were added up."""
        ...


def _chrf(word_order: int, ignore_case: bool) -> CountedChrf:
    return _chrf_class()(word_order=word_order, lowercase=ignore_case)


@cache
def _chrf_class() -> Callable[..., CountedChrf]:
    """Made when first needed: sacrebleu brings numpy."""
    from sacrebleu.metrics.chrf import CHRF, CHRFScore

    class Counted(CHRF):
        counts: Sequence[int] = ()

        def _compute_score_from_stats(self, stats: list[int]) -> CHRFScore:
            self.counts = stats
            return super()._compute_score_from_stats(stats)

        def of_counts(self, counts: Sequence[int]) -> float:
            return float(super()._compute_score_from_stats(list(counts)).score)

    return Counted
