"""A run begun over SSH: it outlives the command, the connection, and the server itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.processes import look, stop, tree
from core.settings import AuthSettings, ServeSettings, TrainingSettings, load_settings
from tests.shell import Shell
from tests.ssh.served import Served, serving_here, settle

pytestmark = pytest.mark.training
LIMIT_S = 600.0


def test_a_run_of_a_served_person_outlives_command_connection_and_server(
    tmp_path: Path, training_env: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    training = TrainingSettings(environment=training_env, model_folders=(tiny_model.parent,))
    base = load_settings(tmp_path / "data", {}, served=True)
    settings = replace(base, auth=AuthSettings(bcrypt_cost=4), training=training, serve=ServeSettings(workers=1))
    asyncio.run(settle(settings))
    rows = [{"instruction": f"What is {n} and {n}?", "input": "", "output": str(2 * n)} for n in range(20)]
    yaml = f"model_name_or_path: {tiny_model}\nstage: sft\ndo_train: true\nfinetuning_type: lora\ntemplate: qwen\ndataset: sums.json\n"
    yaml += "max_steps: 5\nlogging_steps: 1\nuse_swanlab: false\nper_device_train_batch_size: 1\ncutoff_len: 64\n"
    (tmp_path / "client").mkdir(mode=0o700)
    try:
        with serving_here(settings, tmp_path / "client", commands=True) as here:
            for name, text in (("sums.json", json.dumps(rows)), ("tiny.yaml", yaml)):
                _put(here, tmp_path / name, text)
            begun = here.ssh("train", "start", "datasets/tiny.yaml", "--gpus", "0", "--json", name="bob")
            assert begun.returncode == 0, begun.stderr.decode()
            run = json.loads(begun.stdout)
            others = here.ssh("train", "show", run["id"], "--json", name="ann")
            assert others.returncode == 0, "an administrator sees that there is a run"
            assert json.loads(others.stdout)["output_dir"] is None and json.loads(others.stdout)["model"] == ""
            folder = settings.data_dir / "runs" / run["id"] / "1"
            _until(lambda: look(folder).kind == "running")
            refused = here.ssh("train", "start", "../../../../etc/passwd", name="bob")
            assert refused.returncode == 2 and b"root:" not in refused.stdout + refused.stderr
        # The server is gone; the run is not.
        _until(lambda: look(folder).kind == "ended")
        done = look(folder)
        assert done.exit is not None and done.exit.status == 0, (folder / "log.txt").read_text()[-2000:]
        shell = Shell(settings.data_dir, "bob@example.org")
        _until(lambda: shell.run("train", "show", run["id"], "--json").json["state"] == "completed")
    finally:
        for folder in sorted((settings.data_dir / "runs").glob("*/[0-9]*")):
            if tree(folder):
                asyncio.run(stop(folder, grace_s=0))


def _put(here: Served, path: Path, text: str) -> None:
    """Bob copies a file into his own folder, with the client of asyncssh."""
    path.write_text(text)

    async def work() -> None:
        async with await here.connect("bob") as connection, connection.start_sftp_client() as sftp:
            await sftp.put(str(path), f"datasets/{path.name}")

    asyncio.run(work())


def _until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)
