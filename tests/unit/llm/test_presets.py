"""Presets, profiles, estimates, prices and guesses: what is known beforehand."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from core.errors import NotFound
from core.llm import pricing
from core.llm.answer import Answer, AnswerTooLong
from core.llm.capabilities import guess
from core.llm.endpoints import normalise_endpoint
from core.llm.events import Usage
from core.llm.presets import preset, presets, profile_for
from core.llm.profiles import Profile
from core.llm.request import ChatRequest, Turn
from core.llm.tokens import TokenCounter, estimate_tokens

IDS = (
    "simulator ollama vllm sglang lmdeploy llamacpp openai anthropic deepseek siliconflow ai302 zhipu baichuan openrouter openai-compatible"
)


def test_the_presets_are_those_that_were_promised_in_their_order() -> None:
    assert list(presets()) == IDS.split()


@pytest.mark.parametrize("preset_id", IDS.split())
def test_every_preset_is_whole(preset_id: str) -> None:
    found = preset(preset_id)
    assert found.name
    assert 1 <= len(found.glyph) <= 2
    assert len(found.ascii_glyph) == 1
    assert found.ascii_glyph.isascii()
    assert found.models_path.startswith("/")
    if found.endpoint:
        assert normalise_endpoint(found.endpoint) == found.endpoint
    assert found.endpoint or preset_id == "openai-compatible"
    assert found.local == (not found.needs_key) or preset_id == "openai-compatible"
    assert not found.endpoint.startswith("http://") or found.local


def test_glyphs_tell_presets_apart() -> None:
    assert len({found.glyph for found in presets().values()}) == len(presets())
    assert len({found.ascii_glyph for found in presets().values()}) == len(presets())


def test_an_unknown_preset_is_not_found() -> None:
    with pytest.raises(NotFound):
        preset("nobody")


def test_models_change_the_profile_of_their_provider() -> None:
    assert profile_for(preset("vllm"), "MiniMax-M2").interleaved
    assert not profile_for(preset("vllm"), "qwen3").interleaved
    assert profile_for(preset("simulator"), "sim-forced@200").reasoning == "forced"


def test_a_profile_has_no_other_fields() -> None:
    with pytest.raises(ValueError, match="speed"):
        Profile().with_changes({"speed": 1})


@pytest.mark.parametrize(
    ("name", "capabilities"),
    [
        ("qwen2.5-coder:7b", ("chat", "code")),
        ("text-embedding-3-small", ("embedding",)),
        ("BAAI/bge-m3", ("embedding",)),
        ("deepseek-reasoner", ("chat", "reasoning")),
        ("DeepSeek-R1-Distill-Qwen-7B", ("chat", "reasoning")),
        ("o3-mini", ("chat", "reasoning")),
        ("qwen2.5-vl-7b", ("chat", "vision")),
        ("Qwen2.5VL-7B", ("chat", "vision")),
        ("gpt-4o-mini", ("chat", "vision")),
        ("mistral-small", ("chat",)),
        ("llama3", ("chat",)),
    ],
)
def test_capabilities_told_from_a_name(name: str, capabilities: tuple[str, ...]) -> None:
    assert guess(name) == capabilities


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("a", 1, 1),
        ("The quick brown fox jumps over the lazy dog, and then it sleeps in the sun.", 14, 24),
        ("机器学习是人工智能的一个分支,它使用数据来改进模型。", 14, 28),
        ("def fold(events: list[Event]) -> str:\n    return ''.join(event.text for event in events)\n", 18, 32),
        ("🙂🙂🙂", 1, 9),
    ],
)
def test_estimates_are_near_the_truth(text: str, low: int, high: int) -> None:
    assert low <= estimate_tokens(text) <= high


def test_an_estimate_does_not_depend_on_the_pieces() -> None:
    counter = TokenCounter()
    text = "One, 二, three 🙂. " * 20
    for character in text:
        counter.add(character)
    assert counter.tokens == estimate_tokens(text)


def test_prices_of_known_unknown_and_local_models() -> None:
    usage = Usage(1_000_000, 1_000_000)
    known = pricing.cost("openai", "gpt-4o-mini", usage)
    assert known.currency == "USD"
    assert known.amount is not None
    assert 0 < known.amount < 10
    assert pricing.cost("openai", "no-such-model-anywhere", usage) == (None, "")
    assert pricing.cost("openai", "gpt-4o-mini", usage, endpoint="http://elsewhere") == (None, "")
    assert pricing.cost("siliconflow", "gpt-4o-mini", usage) == (None, "")
    assert pricing.cost("nobody", "gpt-4o-mini", usage) == (None, "")
    for local in ("simulator", "ollama", "vllm"):
        assert pricing.cost(local, "anything", usage) == (Decimal(0), "USD")


@pytest.mark.parametrize(
    ("preset_id", "endpoint", "free"),
    [
        ("simulator", "simulator:", True),
        ("simulator", "http://127.0.0.1:39999/v1", True),
        ("ollama", "http://localhost:11434", True),
        ("vllm", "http://10.0.0.7:8000/v1", True),
        ("vllm", "http://[fd00::7]:8000/v1", True),
        ("vllm", "http://gpu-server:8000/v1", True),
        ("vllm", "http://gpu.lan:8000/v1", True),
        ("vllm", "https://llm.example.com/v1", False),
        ("ollama", "https://ollama.com", False),
        ("sglang", "http://8.8.8.8:30000/v1", False),
        ("openai-compatible", "https://llm.example.com/v1", False),
        ("openai-compatible", "http://127.0.0.1:8000/v1", False),
        ("openai", "http://127.0.0.1:8000/v1", False),
    ],
)
def test_only_what_runs_on_ones_own_machines_costs_nothing(preset_id: str, endpoint: str, free: bool) -> None:
    """A server program that is usually local may be rented in the internet: then nobody here knows the price, and 0 would be a lie."""
    usage = Usage(1_000_000, 1_000_000)
    assert pricing.cost(preset_id, "gpt-4o-mini", usage, endpoint=endpoint) == ((Decimal(0), "USD") if free else (None, ""))
    assert pricing.prices(preset_id, "gpt-4o-mini", endpoint=endpoint) == ((Decimal(0), Decimal(0), "USD") if free else None)


def test_list_prices_are_for_a_million_tokens() -> None:
    found = pricing.prices("openai", "gpt-4o-mini")
    assert found is not None
    assert found.input + found.output == pricing.cost("openai", "gpt-4o-mini", Usage(1_000_000, 1_000_000)).amount
    assert pricing.prices("openai", "no-such-model-anywhere") is None
    assert pricing.prices("baichuan", "Baichuan4") is None


def test_an_answer_has_an_end() -> None:
    answer = Answer(ChatRequest("m", (Turn("user", "a"),)), Profile(), limit=10)
    answer.text("12345")
    answer.reasoning("你")
    with pytest.raises(AnswerTooLong):
        answer.text("678")


def test_nothing_heavy_is_imported_before_a_model_is_asked() -> None:
    code = (
        "import sys, core.llm.client, core.llm.presets, core.llm.endpoints, core.llm.fold, core.llm.pricing\n"
        "heavy = {'httpx', 'httpcore', 'anyio', 'genai_prices', 'idna'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
