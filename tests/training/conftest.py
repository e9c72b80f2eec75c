"""The real training environment (see environment/README.md). Tests that need it are skipped where it was not built.

`MODELTRAIN_REQUIRE_TRAINING=1` (set by .ci/run) makes a missing environment a failure, so that CI never passes by skipping.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).resolve().parent / "environment"


def environment_folder() -> Path:
    """Where the training environment is, or would be."""
    named = os.environ.get("MODELTRAIN_TRAINING_ENV")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "modeltrain" / "training-env-0.9.5"


@pytest.fixture(scope="session")
def training_env() -> Path:
    folder = environment_folder()
    if not (folder / ".complete").exists():
        message = "the training environment is not built: make training-env"
        if os.environ.get("MODELTRAIN_REQUIRE_TRAINING") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def tiny_model(training_env: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model of random weights: its answers are noise, its server is real."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    subprocess.run([training_env / "bin/python", HERE / "make_tiny_model.py", folder], check=True, capture_output=True, timeout=300)
    return folder


@dataclass(frozen=True)
class ModelServer:
    endpoint: str
    key: str
    model: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_served(process: subprocess.Popen[bytes], url: str, key: str, log: Path) -> None:
    """Return once `url` answers; fail with the log's end if the server ends first or takes longer than three minutes."""
    transport = httpx.HTTPTransport(retries=0)
    with httpx.Client(transport=transport, timeout=2, trust_env=False) as client:
        for _ in range(360):
            if process.poll() is not None:
                break
            try:
                if client.get(url, headers={"Authorization": f"Bearer {key}"}).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            try:
                process.wait(0.5)  # a pause that ends early if the server does
            except subprocess.TimeoutExpired:
                continue
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="session")
def llamafactory_api(training_env: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """LLaMA-Factory's own OpenAI-style server over the tiny model, on loopback with a key."""
    folder = tmp_path_factory.mktemp("api")
    port, key, log = free_port(), secrets.token_hex(16), folder / "api.log"
    config = folder / "infer.yaml"
    config.write_text(f"model_name_or_path: {tiny_model}\ntemplate: qwen\ninfer_backend: huggingface\n")
    environment = os.environ | {
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "API_KEY": key,
        "API_MODEL_NAME": "tiny",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [training_env / "bin/llamafactory-cli", "api", config],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_served(process, f"http://127.0.0.1:{port}/v1/models", key, log)
        yield ModelServer(f"http://127.0.0.1:{port}/v1", key, "tiny")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)
