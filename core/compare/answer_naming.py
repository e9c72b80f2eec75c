"""Does an answer give away which model wrote it? A blind vote is worth less then, and the voter is told so.

Names of models and families (Qwen, 通义千问, Claude, ...) count wherever they stand if they are the answer's own; names of makers that
are also ordinary words of answers (Google, Meta, 百度), and names of other models, only where the answer speaks of itself ("I was
developed by Google", "我是由百度开发的").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

#: Characters at the beginning and at the end of an answer that are read: who introduces itself does so there.
_READ = 20_000
#: How far before a name an answer may begin to speak of itself, in characters.
_REACH = 60


@dataclass(frozen=True, slots=True)
class Naming:
    """`word`: as it stands in the answer, at characters start to end.

    `own`: it is a name of the model that wrote it or of its maker; otherwise the answer calls itself something else (as models taught
    by another's answers do).
    """

    word: str
    start: int
    end: int
    own: bool


@dataclass(frozen=True, slots=True)
class _Family:
    """`of`: what names of its models contain. `names`: tell at once. `makers`: tell where the answer speaks of itself."""

    of: tuple[str, ...]
    names: tuple[str, ...]
    makers: tuple[str, ...] = ()


_FAMILIES = (
    _Family(("gpt", "chatgpt", "o1", "o3", "o4", "davinci"), ("ChatGPT", "GPT"), ("OpenAI",)),
    _Family(("claude",), ("Claude",), ("Anthropic",)),
    _Family(
        ("qwen", "qwq", "qvq", "tongyi"),
        ("Qwen", "QwQ", "QVQ", "Tongyi Qianwen", "通义千问", "千问"),
        ("通义", "Alibaba", "阿里巴巴", "阿里云"),
    ),
    _Family(("deepseek",), ("DeepSeek", "深度求索")),
    _Family(("glm", "chatglm", "zhipu"), ("ChatGLM", "GLM", "智谱清言"), ("Zhipu", "智谱", "Z.ai", "清华")),
    _Family(("llama",), ("Llama",), ("Meta",)),
    _Family(("gemini", "gemma", "palm"), ("Gemini", "Gemma"), ("Google", "DeepMind", "谷歌")),
    _Family(("mistral", "mixtral", "magistral", "codestral", "ministral"), ("Mistral", "Mixtral", "Magistral", "Codestral", "Ministral")),
    _Family(("kimi", "moonshot"), ("Kimi", "Moonshot"), ("月之暗面",)),
    _Family(("doubao", "seed"), ("Doubao", "豆包"), ("ByteDance", "字节跳动", "字节")),
    _Family(("hunyuan",), ("Hunyuan", "混元"), ("Tencent", "腾讯")),
    _Family(("ernie", "wenxin"), ("ERNIE Bot", "文心一言", "文心"), ("ERNIE", "Baidu", "百度")),
    _Family(("yi",), ("零一万物", "01.AI"), ("Yi",)),
    _Family(("baichuan",), ("Baichuan", "百川智能"), ("百川",)),
    _Family(("internlm", "internvl"), ("InternLM", "InternVL", "书生浦语", "书生·浦语"), ("上海人工智能实验室", "Shanghai AI Laboratory")),
    _Family(("minimax", "abab"), ("MiniMax",)),
    _Family(("grok",), ("Grok",), ("xAI",)),
    _Family(("phi",), (), ("Phi", "Microsoft", "微软")),
    _Family(("command", "aya", "cohere"), ("Cohere",), ("Command", "Aya")),
    _Family(("nemotron",), ("Nemotron",), ("NVIDIA", "英伟达")),
    _Family(("step",), ("阶跃星辰", "StepFun"), ("跃问",)),
    _Family(("spark",), ("讯飞星火", "星火认知"), ("iFlytek", "科大讯飞", "讯飞")),
    _Family(("minicpm",), ("MiniCPM",), ("面壁智能", "ModelBest")),
    _Family(("granite",), ("Granite",), ("IBM",)),
    _Family(("olmo", "tulu"), ("OLMo", "Tülu"), ("Ai2", "Allen Institute")),
    _Family(("falcon",), (), ("Falcon", "TII")),
    _Family(("smollm", "zephyr"), ("SmolLM", "Zephyr"), ("Hugging Face",)),
    _Family(("nova", "titan"), (), ("Nova", "Amazon", "亚马逊")),
)
#: An answer speaks of itself; the name follows within a sentence.
_SELF = re.compile(
    r"\b(?:I am|I['’]m|my name is|call me|as an? (?:AI|large|language)|"
    r"I (?:was|have been) (?:created|made|developed|trained|built|designed)|"
    r"(?:model|assistant|AI|chatbot|LLM)\b[^.!?\n]{0,30}\b(?:created|made|developed|trained|built|designed) by)\b"
    r"|我(?:是|叫|的名字|名叫|由|来自)|本(?:模型|助手)|作为(?:一个|一款|由|来自)|(?:^|[,，。！\n])由(?!于|此)",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.!?](?=\s)|[。！？\n]")


def namings(answer: str, model: str, *, provider: str = "") -> tuple[Naming, ...]:
    """Where `answer` names `model`, its family or its maker, or calls itself by any model's name; () when it keeps silent.

    `model`: as sent to the provider ("Qwen/Qwen2.5-7B-Instruct", "gpt-4o"); `provider`: id or name of who serves it, which gives a model
    away, too. Of a long answer its beginning and end are read. In order of place.
    """
    found = {naming.start: naming for text, shift in _read(answer) for naming in _namings(text, shift, model, provider)}
    return tuple(found[start] for start in sorted(found))


def _read(answer: str) -> Iterator[tuple[str, int]]:
    """What is read of an answer, and where it begins."""
    yield answer[:_READ], 0
    if len(answer) > _READ:
        start = max(_READ, len(answer) - _READ)
        yield answer[start:], start


def _namings(text: str, shift: int, model: str, provider: str) -> Iterator[Naming]:
    tokens = set(_tokens(model))
    own = [family for family in _FAMILIES if any(name in tokens for name in family.of)]
    told = (*_itself(model, provider), *(name for family in own for name in family.names))
    if told:
        for match in _pattern(told).finditer(text):
            yield Naming(match.group(), shift + match.start(), shift + match.end(), True)
    own_words = {name.casefold() for family in own for name in (*family.names, *family.makers)}
    told_words = {name.casefold() for name in told}
    for match in _pattern(_all_names()).finditer(text):
        word = match.group().casefold()
        if word not in told_words and _of_itself(text, match.start()):
            yield Naming(match.group(), shift + match.start(), shift + match.end(), word in own_words)


def _itself(model: str, provider: str) -> tuple[str, ...]:
    """The model's and the provider's own names, where they are no ordinary words."""
    last = model.rsplit("/", 1)[-1]
    names = [name for name in (model, last, re.split(r"[:@]", last)[0]) if re.search(r"[\d-]", name) and len(name) > 3]
    if re.search(r"[\d-]", provider) and len(provider) > 5:
        names.append(provider)
    return tuple(dict.fromkeys(names))


def _tokens(model: str) -> Iterator[str]:
    """The words of a model's name, also without their figures: qwen2.5-7b gives qwen2, 5, 7b, qwen, b."""
    for word in re.findall(r"[^\W_]+", model.casefold()):
        yield word
        yield from re.findall(r"[^\W\d_]+", word)


def _of_itself(text: str, start: int) -> bool:
    """Whether the sentence speaks of whoever answers, before the name at `start`."""
    before = text[max(0, start - _REACH) : start]
    ends = list(_SENTENCE_ENDS.finditer(before))
    return _SELF.search(before, ends[-1].end() if ends else 0) is not None


@lru_cache(maxsize=1)
def _all_names() -> tuple[str, ...]:
    return tuple(name for family in _FAMILIES for name in (*family.names, *family.makers))


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the names, the longest first; Latin ones stand alone or before a figure (Qwen2.5, GPT-4), Chinese ones anywhere."""
    ordered = sorted(set(names), key=len, reverse=True)
    return re.compile("|".join(_one(name) for name in ordered), re.IGNORECASE)


def _one(name: str) -> str:
    edged = re.escape(name)
    if name.isascii():
        return rf"(?<![a-z0-9]){edged}(?![a-z])"
    return edged
