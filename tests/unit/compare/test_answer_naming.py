"""Does an answer give away which model wrote it?"""

from __future__ import annotations

import pytest

from core.compare.answer_naming import namings


@pytest.mark.parametrize(
    ("answer", "model", "words"),
    [
        ("I am Qwen, created by Alibaba Cloud.", "Qwen/Qwen2.5-7B-Instruct", ["Qwen", "Alibaba"]),
        ("我是通义千问，由阿里云开发。", "qwen-plus", ["通义千问", "阿里云"]),
        ("As Qwen2.5 would say: no.", "qwen2.5:7b", ["Qwen2.5"]),
        ("I was trained by Google.", "gemini-2.5-pro", ["Google"]),
        ("I'm Claude.", "claude-sonnet-4", ["Claude"]),
        ("我是由百度开发的人工智能助手", "ernie-4.0-8k", ["百度"]),
        ("This is llama3.1:8b speaking", "llama3.1:8b", ["llama3.1:8b"]),
        ("You asked ChatGPT, so: 4.", "gpt-4o", ["ChatGPT"]),
        ("我是深度求索的模型", "deepseek-chat", ["深度求索"]),
    ],
)
def test_an_answer_that_names_its_model_is_found_out(answer: str, model: str, words: list[str]) -> None:
    found = namings(answer, model)
    assert [naming.word for naming in found] == words
    assert all(naming.own and answer[naming.start : naming.end] == naming.word for naming in found)


@pytest.mark.parametrize(
    ("answer", "model"),
    [
        ("Google is a search engine; do a meta analysis.", "gemini-2.5-pro"),
        ("Compare GPT-4 and Claude before you decide.", "qwen3"),
        ("百度是一家公司。由于百度很大，它有很多用户。", "ernie-4.5"),
        ("Android was developed by Google.", "gemini-2.5-pro"),
        ("The next step is to run the command.", "step-2-mini"),
        ("A gptool and a qwenish word", "gpt-4o"),
        ("I think I am done. Claude Monet painted lilies.", "gpt-4o"),
        ("", "gpt-4o"),
        ("4", ""),
    ],
)
def test_ordinary_words_are_no_names(answer: str, model: str) -> None:
    assert namings(answer, model) == ()


def test_an_answer_that_calls_itself_something_else_is_told_apart() -> None:
    found = namings("I'm ChatGPT, a model made by OpenAI.", "qwen3")
    assert [(naming.word, naming.own) for naming in found] == [("ChatGPT", False), ("OpenAI", False)]
    assert [naming.own for naming in namings("我是文心一言。", "my-own-model")] == [False]


def test_the_provider_can_give_a_model_away() -> None:
    assert [naming.word for naming in namings("Greetings from team-gpu-7.", "base", provider="team-gpu-7")] == ["team-gpu-7"]


def test_a_name_at_the_end_of_ten_megabytes_is_found() -> None:
    answer = "长" * 3_000_000 + " I am Claude."
    found = namings(answer, "claude-opus-4")
    assert [answer[naming.start : naming.end] for naming in found] == ["Claude"]
