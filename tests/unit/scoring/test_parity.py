"""BLEU, chrF and ROUGE-L are those of sacrebleu and rouge-score, to 1e-6, one by one and as a corpus, in English and Chinese."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from core.scoring.figures import AnswerFigures
from core.scoring.scorers import score
from core.scoring.statistics import summarise
from core.scoring.types import Score, Scored
from tests.unit.scoring.texts import BY_LANGUAGE, CHINESE, ENGLISH

CLOSE = 1e-6
EVERY = [(tokenizer, answer, expected) for tokenizer, pairs in BY_LANGUAGE.items() for answer, expected in pairs]


def scored(scorer: str, answer: str, expected: str, **options: Any) -> Score:
    found = score(answer, Scored(expected, scorer, options))
    assert found.problem is None and found.value is not None
    return found


@pytest.mark.parametrize(("tokenizer", "answer", "expected"), EVERY)
@pytest.mark.parametrize("lowercase", [False, True])
def test_bleu_of_one_answer_is_sacrebleus(tokenizer: str, answer: str, expected: str, lowercase: bool) -> None:
    own = scored("bleu", answer, expected, ignore_case=lowercase)
    theirs = sacrebleu.sentence_bleu(answer, [expected], tokenize=tokenizer, lowercase=lowercase)
    assert own.details["tokenizer"] == tokenizer
    assert own.value == pytest.approx(theirs.score / 100, abs=CLOSE)


@pytest.mark.parametrize(("_tokenizer", "answer", "expected"), EVERY)
@pytest.mark.parametrize("word_order", [0, 2])
def test_chrf_of_one_answer_is_sacrebleus(_tokenizer: str, answer: str, expected: str, word_order: int) -> None:
    own = scored("chrf", answer, expected, word_order=word_order)
    theirs = sacrebleu.sentence_chrf(answer, [expected], word_order=word_order)
    assert own.value == pytest.approx(theirs.score / 100, abs=CLOSE)


@pytest.mark.parametrize(("tokenizer", "pairs"), BY_LANGUAGE.items())
def test_all_answers_as_one_corpus_are_sacrebleus(tokenizer: str, pairs: list[tuple[str, str]]) -> None:
    answers, expected = [answer for answer, _ in pairs], [expected for _, expected in pairs]
    theirs = {
        f"bleu/{tokenizer}": sacrebleu.corpus_bleu(answers, [expected], tokenize=tokenizer).score,
        "chrf": sacrebleu.corpus_chrf(answers, [expected]).score,
        "chrf++": sacrebleu.corpus_chrf(answers, [expected], word_order=2).score,
    }
    rows = []
    for name, scorer, options in (("b", "bleu", {}), ("c", "chrf", {}), ("d", "chrf", {"word_order": 2})):
        for at, (answer, wanted) in enumerate(pairs):
            found = scored(scorer, answer, wanted, **options)
            rows.append(AnswerFigures(f"{name}{at}", "key", "model", value=found.value, corpus=found.details["corpus"]))
    corpus = summarise(rows, rounds=10).models[0].corpus
    assert set(corpus) == set(theirs)
    for name, value in theirs.items():
        assert corpus[name] == pytest.approx(value / 100, abs=CLOSE)


def test_several_references_are_sacrebleus() -> None:
    answer, references = "The cat sat on the mat.", ["A cat is on the mat.", "The cat sat down."]
    own = scored("bleu", answer, references[0], alternatives=references[1:])
    assert own.value == pytest.approx(sacrebleu.sentence_bleu(answer, references).score / 100, abs=CLOSE)
    own = scored("chrf", answer, references[0], alternatives=references[1:])
    assert own.value == pytest.approx(sacrebleu.sentence_chrf(answer, references).score / 100, abs=CLOSE)


@pytest.mark.parametrize(("answer", "expected"), ENGLISH)
def test_rouge_l_of_english_is_rouge_scores(answer: str, expected: str) -> None:
    theirs = RougeScorer(["rougeL"]).score(expected, answer)["rougeL"]
    own = scored("rouge_l", answer, expected)
    assert own.value == pytest.approx(theirs.fmeasure, abs=CLOSE)
    assert own.details["precision"] == pytest.approx(theirs.precision, abs=CLOSE)
    assert own.details["recall"] == pytest.approx(theirs.recall, abs=CLOSE)


class Characters:
    """A tokenizer for rouge-score: Han characters one by one, the words of other scripts."""

    def tokenize(self, text: str) -> list[str]:
        return re.findall(r"[\u3400-\u4dbf\u4e00-\u9fff]|[a-z0-9]+", text.lower())


@pytest.mark.parametrize(("answer", "expected"), CHINESE)
def test_rouge_l_of_chinese_is_rouge_scores_by_characters(answer: str, expected: str) -> None:
    theirs = RougeScorer(["rougeL"], tokenizer=Characters()).score(expected, answer)["rougeL"]
    for measure, value in (("f", theirs.fmeasure), ("precision", theirs.precision), ("recall", theirs.recall)):
        assert scored("rouge_l", answer, expected, measure=measure).value == pytest.approx(value, abs=CLOSE)
