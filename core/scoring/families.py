"""Which models are akin, by their names: a judge tends to prefer what its own family writes."""

from __future__ import annotations

import re
from typing import Final

#: Beginnings of words in models' names. A distilled model belongs to both of its families.
_FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    "openai": ("gpt", "chatgpt", "o1", "o3", "o4", "davinci", "codex"),
    "anthropic": ("claude",),
    "google": ("gemini", "gemma", "palm", "bard"),
    "meta": ("llama", "codellama", "vicuna", "alpaca"),
    "qwen": ("qwen", "qwq", "qvq", "tongyi", "通义"),
    "deepseek": ("deepseek",),
    "mistral": ("mistral", "mixtral", "ministral", "codestral", "magistral", "pixtral", "devstral", "mathstral"),
    "zhipu": ("glm", "chatglm", "codegeex", "智谱"),
    "01": ("yi",),
    "baichuan": ("baichuan", "百川"),
    "internlm": ("internlm", "internvl", "书生"),
    "moonshot": ("kimi", "moonshot"),
    "bytedance": ("doubao", "seed", "豆包"),
    "baidu": ("ernie", "wenxin", "文心"),
    "tencent": ("hunyuan", "混元"),
    "minimax": ("minimax", "abab"),
    "microsoft": ("phi", "wizardlm"),
    "cohere": ("command", "aya"),
    "xai": ("grok",),
    "amazon": ("nova", "titan"),
    "nvidia": ("nemotron",),
    "ibm": ("granite",),
    "tii": ("falcon",),
    "openbmb": ("minicpm",),
    "stepfun": ("step",),
    "iflytek": ("spark", "星火"),
}
_WORDS = re.compile(r"[a-z]+(?:[134](?![\d.]))?|[\u4e00-\u9fff]+")


def families_of(name: str) -> frozenset[str]:
    """The families that a model's name tells; empty for an unknown one."""
    base = name.lower().rsplit("/", 1)[-1]
    words = _WORDS.findall(base)
    return frozenset(
        family for family, beginnings in _FAMILIES.items() if any(_begins(word, start) for word in words for start in beginnings)
    )


def _begins(word: str, start: str) -> bool:
    """Short beginnings must be the word, but for a number: "yi", "o1", "phi3"; "step" is not "stepwise"."""
    if not start.isascii():
        return word.startswith(start)
    if word == start or word.rstrip("134") == start:
        return True
    return len(start) >= 4 and start not in ("step", "seed", "nova") and word.startswith(start)


def same_family(judge: str, candidate: str) -> bool:
    """Whether two models' names tell the same family ("gpt-4o" and "openai/gpt-5"), or the same model."""
    if judge.strip().lower() == candidate.strip().lower():
        return bool(judge.strip())
    return bool(families_of(judge) & families_of(candidate))
