"""Explaining failed runs: rules over made-up ends of logs, with care for hostile ones. The real ones are in tests/training."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.failures import Evidence, Failure, explain, gather, warnings_of
from core.training.failures.rules import RULES
from tui import failure_sentences

TRACEBACK = b'Traceback (most recent call last):\n  File "train.py", line 1, in <module>\n    main()\n'


@dataclass(frozen=True)
class Ended:
    status: int | None = 1
    signal: int | None = None
    reason: str = ""


def said(text: bytes, **values: Any) -> Failure:
    return explain(Evidence(Path("/nowhere"), exit=values.pop("exit", Ended()), log_tail=text, **values))


@pytest.mark.parametrize(
    ("text", "rule", "fields"),
    [
        (b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 1 has a total capacity of 23.64 GiB of which 1.10 GiB is free.",  # noqa: E501
         "cuda_out_of_memory", {"wanted": "2.50 GiB", "gpu": "1", "total": "23.64 GiB", "free": "1.10 GiB"}),
        (b"RuntimeError: CUDA error: out of memory", "cuda_out_of_memory", {}),
        (b"RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "cuda_out_of_memory", {}),
        (b"[rank1]: torch.OutOfMemoryError: HIP out of memory. Tried to allocate 96.00 MiB", "cuda_out_of_memory", {"wanted": "96.00 MiB"}),
        (b"OSError: [Errno 28] No space left on device: '/runs/x'", "disk_full", {}),
        (b"RuntimeError: DataLoader worker (pid 412) is killed by signal: Bus error. It is possible", "shared_memory", {}),
        (b"RuntimeError: DataLoader worker (pid 412) is killed by signal: Killed.", "host_out_of_memory", {}),
        (b"RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", "driver_too_old", {}),
        (b"RuntimeError: CUDA error: no kernel image is available for execution on the device", "gpu_too_old", {}),
        (b"RuntimeError: No CUDA GPUs are available", "no_gpu", {}),
        (b"RuntimeError: CUDA error: an illegal memory access was encountered", "gpu_fault", {"said": "an illegal memory access was encountered"}),  # noqa: E501
        (b"torch.distributed.DistNetworkError: The server socket has failed to listen. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use",  # noqa: E501
         "port_taken", {}),
        (b"torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:2, ncclSystemError", "collective_failed", {}),
        (b"ImportError: FlashAttention2 has been toggled on, but it cannot be used due to the following error", "attention_missing", {}),
        (b"ImportError: transformers>=4.55.0,<=5.6.0 is required for a normal functioning of this module, but found transformers==4.1.", "environment_broken", {}),  # noqa: E501
        (b"ImportError: /env/lib/libc10.so: undefined symbol: _ZN3c10", "environment_broken", {}),
        (b"OSError: You are trying to access a gated repo.", "model_gated", {}),
        (b"IndexError: index out of range in self", "vocabulary_mismatch", {}),
        (b"RuntimeError: Error(s) in loading state_dict for PeftModel:\n\tsize mismatch for base.q_proj.lora_A: copying", "shapes_differ", {"weight": "base.q_proj.lora_A"}),  # noqa: E501
        (b"ValueError: Your setup doesn't support bf16/gpu.", "precision_unsupported", {}),
        (b"PermissionError: [Errno 13] Permission denied: '/data/secret.json'", "no_permission", {"path": "/data/secret.json"}),
        (b"RuntimeError: probability tensor contains either `inf`, `nan` or element < 0", "runaway_numbers", {}),
        (b"jinja2.exceptions.TemplateError: Conversation roles must alternate user/assistant", "template_missing", {}),
        (b"ZeroDivisionError: division by zero", "unknown_error", {"error": "ZeroDivisionError", "said": "division by zero"}),
    ],
)  # fmt: skip
def test_what_the_end_of_a_log_says(text: bytes, rule: str, fields: dict[str, str]) -> None:
    failure = said(b"{'loss': '1.0'}\n" + TRACEBACK + text + b"\n")
    assert failure.rule == rule
    assert {name: failure.fields.get(name) for name in fields} == fields
    assert failure.proof, "there is a line that proves it"
    assert failure_sentences.what(failure) and failure_sentences.remedies(failure)


def test_remedies_of_a_full_gpu_come_in_the_order_of_their_cost() -> None:
    text = TRACEBACK + b"torch.OutOfMemoryError: CUDA out of memory.\n"
    options = {
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": 2,
        "cutoff_len": 4096,
        "disable_gradient_checkpointing": True,
    }
    failure = said(text, options=options, gpus=1)
    assert [(each.code, dict(each.changes)) for each in failure.remedies] == [
        ("smaller_batch", {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 4}),
        ("gradient_checkpointing", {"disable_gradient_checkpointing": False}),
        ("shorter_cutoff", {"cutoff_len": 2048}),
        ("liger_kernel", {"enable_liger_kernel": True}),
        ("qlora", {"quantization_bit": 4, "quantization_method": "bnb"}),
        ("more_gpus", {}),
    ]
    full = said(text, options={"finetuning_type": "full", "per_device_train_batch_size": 1, "cutoff_len": 256}, gpus=4)
    assert [each.code for each in full.remedies] == ["liger_kernel", "lora", "shard_over_gpus"]


def test_the_workers_error_counts_and_not_the_launchers() -> None:
    text = b"[rank0]: " + TRACEBACK + b"[rank0]: ValueError: Template nope does not exist.\n"
    text += TRACEBACK + b"torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n  exitcode  : 1 (pid: 77)\n"
    assert said(text).rule == "unknown_template"
    silent = TRACEBACK + b"torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \nRoot Cause (first observed failure):\n"
    assert said(silent + b"  exitcode  : -9 (pid: 77)\n").rule == "killed_perhaps_memory"
    assert said(silent + b"  exitcode  : 1 (pid: 77)\n").rule in {"worker_died", "unknown_error"}


@pytest.mark.parametrize(
    ("exit_", "oom", "rule"),
    [
        (Ended(-9, 9), True, "host_out_of_memory"),
        (Ended(-9, 9), False, "killed"),
        (Ended(137), None, "killed_perhaps_memory"),
        (Ended(-15, 15), None, "killed"),
        (Ended(-11, 11), None, "crashed"),
        (Ended(-7, 7), None, "shared_memory"),
        (Ended(127), None, "environment_broken"),
        (Ended(None, None, "not_started: No such file or directory"), None, "environment_broken"),
        (None, None, "lost"),
        (Ended(3), None, "unknown"),
    ],
)
def test_how_a_process_ended(exit_: Ended | None, oom: bool | None, rule: str) -> None:
    failure = said(b"{'loss': '1.0'}\n", exit=exit_, oom_killed=oom)
    assert failure.rule == rule
    assert failure_sentences.what(failure) and failure_sentences.remedies(failure)


def test_a_disk_without_a_byte_explains_silence() -> None:
    assert said(b"", disk_free=4096).rule == "disk_full"
    assert said(b"", disk_free=1 << 30).rule == "unknown"


def test_a_stopped_run_is_no_failure_of_anything() -> None:
    assert said(TRACEBACK + b"ValueError: x\n", stopped_by_us=True).rule == "stopped"


def test_samples_that_speak_of_errors_are_not_taken_for_one() -> None:
    """LLaMA-Factory prints samples before it trains; the log after them is long."""
    sample = b"inputs:\nValueError: Template nope does not exist.\nCUDA out of memory. No space left on device\n"
    log = sample + b"".join(b"{'loss': '%d'}\n" % number for number in range(4000)) + TRACEBACK + b"KeyError: 'x'\n"
    assert said(log).rule == "unknown_error"


def metrics(*losses: object) -> bytes:
    return b"".join(json.dumps({"current_steps": step, "loss": loss}).encode() + b"\n" for step, loss in enumerate(losses, 1))


@pytest.mark.parametrize(
    ("losses", "rule", "step"),
    [
        ((2.0, 1.5, float("nan")), "diverged", 3),
        ((2.0, 0.0, 0.0), "diverged", 3),
        ((0.0, 0.0, 0.0), "nothing_to_learn", 2),
        ((2.0, 1.0, 0.0), None, 0),
        ((2.0, "inf"), "diverged", 2),
    ],
)
def test_numbers_that_are_none(losses: tuple[object, ...], rule: str | None, step: int) -> None:
    found = warnings_of(Evidence(Path("/nowhere"), exit=Ended(0), metrics_tail=metrics(*losses)))
    assert [each.rule for each in found] == ([rule] if rule else [])
    if found:
        assert found[0].fields["step"] == step
        assert found[0].severity == "warning"


def test_every_rule_has_its_sentence_and_every_remedy_too() -> None:
    codes = set()
    for rule in RULES:
        assert rule.name in failure_sentences.WHAT, rule.name
        for options in ({}, {"bf16": True, "finetuning_type": "full", "stage": "dpo"}, {"stage": "sft", "save_total_limit": 2}):
            codes |= {each.code for each in rule.remedies(Evidence(Path("/"), options=options, gpus=2), {"package": "deepspeed"})}
    assert codes <= set(failure_sentences.REMEDY), codes - set(failure_sentences.REMEDY)
    for candidates in (*failure_sentences.WHAT.values(), *failure_sentences.REMEDY.values()):
        assert all(re.fullmatch(r"[^{}]*(\{\w+\}[^{}]*)*", text) for text in candidates)


@given(st.binary(max_size=4000), st.sampled_from([None, Ended(1), Ended(0), Ended(-9, 9)]))
def test_no_log_breaks_it(data: bytes, exit_: Ended | None) -> None:
    failure = explain(Evidence(Path("/nowhere"), exit=exit_, log_tail=TRACEBACK + data, metrics_tail=data, log_head=data))
    assert failure.rule
    assert Failure.from_json(failure.to_json()) == failure
    assert "\x1b" not in failure_sentences.what(failure)
    warnings_of(Evidence(Path("/nowhere"), exit=exit_, log_tail=data, metrics_tail=data))


def test_evidence_is_read_from_the_ends_of_files_only(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("wb") as file:
        file.write(b"the beginning\n")
        file.truncate(5 << 30)  # a hole of 5 GB
        file.seek(5 << 30)
        file.write(b"\n" + TRACEBACK + b"ValueError: Template nope does not exist.\n")
    evidence = gather(tmp_path, exit=Ended())
    assert evidence.log_head.startswith(b"the beginning")
    assert evidence.log_tail_offset > 4 << 30
    failure = explain(evidence)
    assert failure.rule == "unknown_template"
    with log.open("rb") as file:
        file.seek(failure.proof[0].offset)
        assert file.readline().decode().rstrip() == failure.proof[0].text


def test_evidence_of_odd_folders(tmp_path: Path) -> None:
    assert explain(gather(tmp_path / "gone", exit=Ended())).rule == "unknown"
    os.mkfifo(tmp_path / "log.txt")
    (tmp_path / "run.yaml").write_text("[: not yaml")
    (tmp_path / "exit.json").write_text('{"oom_killed": true}')
    (tmp_path / "output").mkdir()
    (tmp_path / "output/trainer_state.json").write_text('{"global_step": 3, "max_steps": 6}')
    evidence = gather(tmp_path, exit=Ended(-9, 9))
    assert (evidence.log_tail, evidence.options, evidence.oom_killed, evidence.steps) == (b"", {}, True, (3, 6))
    assert explain(evidence).rule == "host_out_of_memory"
    (tmp_path / "secret").write_text("ValueError: Template nope does not exist.\n")
    (tmp_path / "log.txt").unlink()
    (tmp_path / "log.txt").symlink_to(tmp_path / "secret")
    assert gather(tmp_path, exit=Ended()).log_tail == b"", "no link leads out"
