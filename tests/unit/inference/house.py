"""A house for tests of local models: runs that left files behind, and a training environment whose server is a small Python program."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.auth.principal import Principal
from core.errors import NotFound
from core.training.environment_types import EnvironmentState
from core.training.types import Run, RunPage, RunRequest, RunState

#: Stands for `llamafactory-cli api infer.yaml`: an OpenAI-style server that echoes which model it was given.
SERVER = """
import http.server, json, os, sys
if "NEVER" in open(sys.argv[2]).read():
    raise ValueError("Template NEVER does not exist.")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def allowed(self):
        return self.headers.get("Authorization") == "Bearer " + os.environ["API_KEY"]
    def answer(self, body, kind="application/json", status=200):
        self.send_response(status if self.allowed() else 401)
        self.send_header("Content-Type", kind); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(json.dumps({"data": [{"id": os.environ["API_MODEL_NAME"]}]}).encode())
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = ["I", " am ", asked["model"]]
        lines = [json.dumps({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}) for word in words]
        lines.append(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        body = "".join(f"data: {line}\\n\\n" for line in lines) + "data: [DONE]\\n\\n"
        self.answer(body.encode(), "text/event-stream")
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer((os.environ["API_HOST"], int(os.environ["API_PORT"])), Handler).serve_forever()
"""


def write_model(folder: Path, *, adapter_of: str = "", rank: int = 8, dtype: str = "BF16") -> Path:
    """A model (or an adapter) with a real safetensors header and no weights worth the name."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "adapter_model.safetensors" if adapter_of else "model.safetensors"
    header = json.dumps({"__metadata__": {"format": "pt"}, "a": {"dtype": dtype, "shape": [4, 8], "data_offsets": [0, 64]}}).encode()
    (folder / name).write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 64)
    if adapter_of:
        about = {"base_model_name_or_path": adapter_of, "peft_type": "LORA", "r": rank}
        (folder / "adapter_config.json").write_text(json.dumps(about))
    else:
        about = {"architectures": ["TinyForCausalLM"], "max_position_embeddings": 512, "torch_dtype": "bfloat16"}
        (folder / "config.json").write_text(json.dumps(about))
    return folder


def write_output(output: Path, base: str, *, steps: tuple[int, ...] = (3, 6), incomplete: int | None = None) -> Path:
    """The output folder of a LoRA run with its checkpoints and metrics."""
    write_model(output, adapter_of=base)
    lines = [{"current_steps": step, "total_steps": 6, "loss": 2.0 / step, "lr": 1e-4} for step in range(1, 7)]
    (output / "trainer_log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for step in steps:
        folder = write_model(output / f"checkpoint-{step}", adapter_of=base)
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "max_steps": 6}))
        if step == incomplete:
            (folder / "checkpoint-is-incomplete.txt").write_text("")
    return output


def make_run(run_id: str, output: Path, **values: Any) -> Run:
    """A completed LoRA run."""
    common: dict[str, Any] = dict.fromkeys(("configuration_id", "configuration_version", "retry_of", "position", "waiting_for"))
    common |= dict.fromkeys(("exit_status", "failure", "resumed_at_step"))
    common |= {"kind": "train", "state": RunState.COMPLETED, "wanted": "", "owner_name": "ann", "attempt": 1, "attempts": 1, "priority": 0}
    common |= {"gpus_wanted": 0, "gpu_uuids": (), "processes": 1, "slots": ("cpu:0",), "progress": 1.0, "can_resume": False, "step": 6}
    common |= {"total_steps": 6, "created_at": 1_000, "queued_at": 1_000, "started_at": 2_000, "ended_at": 62_000, "changed": 1}
    common |= {"stage": "sft", "method": "lora", "folder": output.parent, "name": "say it", "owner_id": "ann", "model": "tiny"}
    return Run(**{**common, "id": run_id, "output_dir": output, **values})


@dataclass
class FewRuns:
    """What Inference needs of services.runs, over given values: nothing is started."""

    known: dict[str, Run] = field(default_factory=dict)
    asked: list[RunRequest] = field(default_factory=list)

    async def start(self, principal: Principal, request: RunRequest) -> Run:
        self.asked.append(request)
        return make_run(
            "f" * 32, Path("/nowhere"), owner_id=principal.user_id, kind=request.kind, name=request.name, state=RunState.PENDING
        )

    async def runs(self, principal: Principal, *, limit: int = 50) -> RunPage:
        found = tuple(run for run in self.known.values() if run.owner_id == principal.user_id)
        return RunPage(found[:limit], len(found))

    async def run(self, principal: Principal, run_id: str) -> Run:
        run = self.known.get(run_id)
        if run is None or run.owner_id != principal.user_id:
            raise NotFound(kind="run", reference=run_id)
        return run


@dataclass
class SmallEnvironment:
    """A training environment of two files."""

    folder: Path
    versions: Mapping[str, str] = field(default_factory=lambda: {"llamafactory": "0.9.5"})

    def make(self) -> SmallEnvironment:
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "bin/python").symlink_to(sys.executable)
        self.write_server()
        return self

    def write_server(self) -> None:
        (self.folder / "bin/llamafactory-cli").write_text(SERVER)

    async def current(self) -> EnvironmentState:
        python = self.folder / "bin/python"
        return EnvironmentState(self.folder, "ready" if python.exists() else "missing", python, self.versions)
