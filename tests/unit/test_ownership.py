"""Nobody reaches anything of anybody else's through any service method: this walks them all.

Ann has a configuration with a key, a conversation, a draft, an SSH key, a session. Bob calls every method that takes a principal with
ann's identifiers. Each call must refuse, or give back nothing of hers; afterwards what she has is exactly what it was. A method
without a line in ATTACKS fails the walk, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, fields
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from pyotp import TOTP
from sqlalchemy import select

from core.auth.principal import Origin, Principal, Role
from core.batches.types import BatchDraft
from core.bootstrap import Services, build_services
from core.chat.places import ReadingPlace
from core.compare.types import VerdictDraft
from core.errors import ModeltrainError, NotFound
from core.managed.rows import spec_to_json
from core.managed.types import ServiceRequest, ServiceSpec
from core.models.types import ConfigurationDraft
from core.questions.types import QuestionDraft
from core.settings import Settings
from core.swanlab.types import CleanRule
from core.training.configurations_types import TrainingDraft
from core.training.planning import ResolvedRun
from core.training.types import RunRequest
from storage.tables import metadata
from storage.unit_of_work import UnitOfWork

PASSWORD = "correct horse 7 battery"
UNKNOWN = "0" * 32
SECRET = "top-secret-of-ann"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ann@laptop"
SERVICES = (
    "accounts", "providers", "configurations", "chat", "secrets", "files",
    "environment", "training", "runs", "swanlab", "webui", "managed", "inference", "datasets",
    "comparisons", "questions", "batches",
)  # fmt: skip
ADMIN_ONLY = {"forbidden"}


@dataclass(frozen=True)
class Victim:
    principal: Principal
    configuration: str
    conversation: str
    question: str
    answer: str
    ssh_key: str
    model: str
    training: str
    run: str
    service: str
    dataset: str
    comparison: str
    candidate: str
    round: str
    compared: str
    questions: str
    batch: str
    batch_answer: str


Attack = Callable[[Victim], dict[str, Any]]


def draft(victim: Victim) -> ConfigurationDraft:
    return ConfigurationDraft(name="mine now", provider_id="simulator", endpoint="simulator:", model="sim-echo")


def conversation(victim: Victim) -> dict[str, Any]:
    return {"conversation_id": victim.conversation}


def conversations(victim: Victim) -> dict[str, Any]:
    return {"ids": [victim.conversation]}


def answer(victim: Victim) -> dict[str, Any]:
    return {"answer_id": victim.answer}


def configuration(victim: Victim) -> dict[str, Any]:
    return {"configuration_id": victim.configuration}


def training(victim: Victim) -> dict[str, Any]:
    return {"configuration_id": victim.training}


def request(victim: Victim) -> dict[str, Any]:
    return {"request": RunRequest(configuration_id=victim.training)}


def service(victim: Victim) -> dict[str, Any]:
    return {"service_id": victim.service}


def local_model(victim: Victim) -> dict[str, Any]:
    return {"reference": victim.service}


def dataset(victim: Victim) -> dict[str, Any]:
    return {"dataset_id": victim.dataset}


def comparison(victim: Victim) -> dict[str, Any]:
    return {"comparison_id": victim.comparison}


def candidate(victim: Victim) -> dict[str, Any]:
    return {"comparison_id": victim.comparison, "candidate_id": victim.candidate}


def question_set(victim: Victim) -> dict[str, Any]:
    return {"set_id": victim.questions}


def batch(victim: Victim) -> dict[str, Any]:
    return {"batch_id": victim.batch}


def batch_draft(victim: Victim) -> dict[str, Any]:
    return {"draft": BatchDraft(set_id=victim.questions, configuration_ids=(victim.configuration,))}


def nothing(victim: Victim) -> dict[str, Any]:
    return {}


def run(victim: Victim) -> dict[str, Any]:
    return {"run_id": victim.run}


def email(victim: Victim) -> dict[str, Any]:
    return {"email": victim.principal.email}


#: What bob passes beside his own principal. The identifiers are ann's.
ATTACKS: dict[str, Attack] = {
    "environment.state": nothing,
    "environment.use": lambda _: {"folder": "/tmp"},
    "environment.install": nothing,
    "environment.cancel": nothing,
    "environment.progress": nothing,
    "environment.remove": nothing,
    "environment.check": nothing,
    "environment.catalogue": nothing,
    "environment.known_catalogue": nothing,
    "environment.whole_catalogue": nothing,
    "training.list": nothing,
    "training.get": training,
    "training.by_name": lambda v: {"name": v.training},
    "training.versions": training,
    "training.save": lambda v: training(v) | {"draft": TrainingDraft(name="mine now")},
    "training.copy": training,
    "training.roll_back": lambda v: training(v) | {"version": 1},
    "training.share": lambda v: training(v) | {"shared": True},
    "training.delete": lambda v: {"configuration_ids": [v.training]},
    "training.fields": lambda _: {"method": "lora", "stage": "sft"},
    "training.check_draft": lambda _: {"draft": TrainingDraft(name="mine now")},
    "training.to_yaml": lambda _: {"draft": TrainingDraft(name="mine now")},
    "training.from_yaml": lambda _: {"text": "stage: sft"},
    "training.recommend": lambda _: {"model": "Qwen/Qwen2.5-7B-Instruct", "memory": 1 << 34},
    "training.templates_for": lambda _: {"model": "Qwen/Qwen2.5-7B-Instruct"},
    "training.template_view": lambda _: {"dataset_id": UNKNOWN, "model": "/tmp", "template": "qwen"},
    "training.preflight": request,
    "training.resolve": request,
    "training.preflight_again": lambda _: {
        "run": ResolvedRun("train", {"model_name_or_path": "/nowhere"}),
        "changes": {},
        "request": RunRequest(gpus=0),
    },
    "training.resolve_changes": lambda _: {"run": ResolvedRun("train", {"model_name_or_path": "/nowhere"}), "changes": {}},
    "accounts.set_registration": lambda _: {"is_open": True},
    "accounts.recheck": nothing,
    "accounts.use_session": lambda _: {"kind": "ssh"},
    "accounts.close_session": nothing,
    "accounts.sign_out": nothing,
    "accounts.sign_out_everywhere": nothing,
    "accounts.sessions": nothing,
    "accounts.end_session": lambda v: {"session_id": v.principal.session_id},
    "accounts.profile": nothing,
    "accounts.update_profile": lambda v: {"nickname": v.principal.nickname},
    "accounts.confirm_password": lambda _: {"password": PASSWORD + "x"},
    "accounts.change_password": lambda _: {"old": PASSWORD + "x", "new": "another 1 password"},
    "accounts.change_password_and_stay": lambda _: {"old": PASSWORD + "x", "new": "another 1 password"},
    "accounts.change_email": lambda v: {"password": PASSWORD, "email": v.principal.email},
    "accounts.second_factor": nothing,
    "accounts.begin_second_factor": lambda _: {"password": PASSWORD + "x"},
    "accounts.confirm_second_factor": lambda _: {"code": "123456"},
    "accounts.renew_recovery_codes": lambda _: {"password": PASSWORD},
    "accounts.end_second_factor": lambda _: {"password": PASSWORD},
    "accounts.reset_second_factor": email,
    "accounts.ssh_keys": email,
    "accounts.add_ssh_key": lambda _: {"text": KEY, "name": "stolen"},
    "accounts.rename_ssh_key": lambda v: {"key_id": v.ssh_key, "name": "mine now"},
    "accounts.remove_ssh_key": lambda v: email(v) | {"key_id": v.ssh_key},
    "accounts.add_user": lambda _: {"email": "eve@example.org", "nickname": "eve", "password": PASSWORD, "admin": True},
    "accounts.list_users": nothing,
    "accounts.set_role": lambda v: email(v) | {"role": Role.USER},
    "accounts.set_disabled": lambda v: email(v) | {"disabled": True},
    "accounts.set_password": lambda v: email(v) | {"password": "another 1 password"},
    "accounts.principal_for": email,
    "providers.list": nothing,
    "providers.get": lambda _: {"provider_id": "openai"},
    "providers.set_enabled": lambda _: {"provider_id": "openai", "enabled": False},
    "providers.set_endpoint": lambda _: {"provider_id": "openai", "endpoint": "https://evil.example/v1"},
    "providers.set_shared_key": lambda _: {"provider_id": "openai", "key": "sk-evil"},
    "providers.allowed": nothing,
    "providers.allow": lambda _: {"address": "10.0.0.1"},
    "providers.disallow": lambda _: {"address": "10.0.0.1"},
    "providers.policy": nothing,
    "providers.models": lambda _: {"provider_id": "openai-compatible", "endpoint": "http://127.0.0.1:9/v1"},
    "providers.refresh_models": configuration,
    "providers.add_model": lambda _: {"provider_id": "openai", "name": "mine"},
    "providers.remove_model": lambda v: {"model_id": v.model},
    "configurations.list": nothing,
    "configurations.get": configuration,
    "configurations.by_name": lambda _: {"name": "ann's own"},
    "configurations.default": nothing,
    "configurations.versions": configuration,
    "configurations.used_by": lambda v: {"*": [v.configuration]},
    "configurations.create": lambda v: {"draft": draft(v)},
    "configurations.update": lambda v: configuration(v) | {"draft": draft(v)},
    "configurations.copy": configuration,
    "configurations.delete": lambda v: {"configuration_ids": [v.configuration]},
    "configurations.set_enabled": lambda v: configuration(v) | {"enabled": False},
    "configurations.set_default": configuration,
    "configurations.ensure_starter": nothing,
    "configurations.resolve": lambda v: {"reference": v.configuration},
    "configurations.sees_images": lambda _: {"ready": SimpleNamespace(provider_id="openai", endpoint="https://a", model="model-of-ann")},
    "configurations.test": lambda v: {"target": v.configuration},
    "configurations.show_key": lambda v: configuration(v) | {"password": PASSWORD},
    "datasets.datasets": nothing,
    "datasets.dataset": dataset,
    "datasets.versions": dataset,
    "datasets.used_by": lambda v: {"*": [v.dataset]},
    "datasets.problems": dataset,
    "datasets.statistics": dataset,
    "datasets.token_lengths": lambda v: dataset(v) | {"model": "/nowhere"},
    "datasets.preview": dataset,
    "datasets.rows": dataset,
    "datasets.info_entry": dataset,
    "datasets.sample_for_template": dataset,
    "datasets.browse": nothing,
    "datasets.inbox": nothing,
    "datasets.ids_of": lambda _: {"paths": ("/nowhere",)},
    "datasets.add": lambda _: {"path": "/nowhere/rows.jsonl"},
    "datasets.add_file": lambda v: dataset(v) | {"path": "/nowhere/rows.jsonl"},
    "datasets.rename": lambda v: dataset(v) | {"name": "mine now"},
    "datasets.use_version": lambda v: dataset(v) | {"version": 1},
    "datasets.remove": lambda v: {"dataset_ids": [v.dataset]},
    "datasets.check": dataset,
    "datasets.repair": dataset,
    "datasets.deduplicate": dataset,
    "datasets.split": lambda v: dataset(v) | {"validation": 0.5},
    "datasets.work": nothing,
    "comparisons.create": lambda v: {"configuration_ids": [v.configuration, v.configuration]},
    "comparisons.get": comparison,
    "comparisons.ask": lambda v: comparison(v) | {"question": "what did she say?"},
    "comparisons.ask_rest": comparison,
    "comparisons.stop": comparison,
    "comparisons.retry": candidate,
    "comparisons.continue_answer": candidate,
    "comparisons.watch": lambda v: {"answer_id": v.compared},
    "comparisons.set_candidate": candidate,
    "comparisons.set_mode": lambda v: comparison(v) | {"mode": "sequential"},
    "comparisons.set_type": lambda v: comparison(v) | {"type": "mine now"},
    "comparisons.types": nothing,
    "comparisons.image": lambda _: {"image_id": UNKNOWN},
    "comparisons.vote": lambda v: {"round_id": v.round, "draft": VerdictDraft(winner="tie")},
    "comparisons.withdraw_vote": lambda v: {"round_id": v.round},
    "comparisons.reveal": comparison,
    "comparisons.votes": nothing,
    "comparisons.records": nothing,
    "comparisons.models": nothing,
    "comparisons.run_again": comparison,
    "comparisons.rename": lambda v: comparison(v) | {"title": "mine now"},
    "comparisons.delete": lambda v: {"ids": [v.comparison]},
    "comparisons.as_conversation": candidate,
    "comparisons.similar": lambda _: {"question": SECRET},
    "comparisons.similar_to": comparison,
    "batches.plan": batch_draft,
    "batches.create": batch_draft,
    "batches.start": batch,
    "batches.pause": batch,
    "batches.resume": batch,
    "batches.cancel": batch,
    "batches.retry_failed": batch,
    "batches.batch": lambda v: {"reference": v.batch},
    "batches.batches": nothing,
    "batches.answers": batch,
    "batches.answers_in_order": batch,
    "batches.answer": lambda v: {"answer_id": v.batch_answer},
    "batches.judgements": batch,
    "batches.watch": batch,
    "batches.rate": lambda v: {"answer_id": v.batch_answer, "stars": 5},
    "batches.rename": lambda v: batch(v) | {"name": "mine now"},
    "batches.delete": batch,
    "batches.statistics": batch,
    "batches.report_data": batch,
    "batches.report": lambda v: batch(v) | {"form": "json", "words": None, "target": BytesIO()},
    "questions.sets": nothing,
    "questions.get": question_set,
    "questions.versions": question_set,
    "questions.questions": question_set,
    "questions.question": lambda v: question_set(v) | {"number": 1},
    "questions.all_questions": question_set,
    "questions.diff": lambda v: question_set(v) | {"old": 1, "new": 1},
    "questions.create": lambda _: {"name": "mine"},
    "questions.save_version": lambda v: question_set(v) | {"questions": ()},
    "questions.edit": lambda v: question_set(v) | {"remove": [1]},
    "questions.restore": lambda v: question_set(v) | {"version": 1},
    "questions.rename": lambda v: question_set(v) | {"name": "mine now"},
    "questions.tag": lambda v: question_set(v) | {"tags": ["mine"]},
    "questions.delete": lambda v: {"set_ids": [v.questions]},
    "questions.look": lambda _: {"path": "/nowhere/questions.csv"},
    "questions.import_file": lambda v: {"path": "questions.txt", "into": v.questions, "data": b"mine?"},
    "questions.export": lambda v: question_set(v) | {"path": "/nowhere/questions.csv"},
    "questions.exported": question_set,
    "questions.examples": nothing,
    "questions.add_example": lambda _: {"example_id": UNKNOWN},
    "chat.conversations": nothing,
    "chat.create": configuration,
    "chat.open": conversation,
    "chat.earlier": lambda v: conversation(v) | {"before_id": v.answer},
    "chat.export": conversation,
    "chat.rename": lambda v: conversation(v) | {"title": "mine now"},
    "chat.pin": lambda v: conversation(v) | {"pinned": True},
    "chat.set_configuration": lambda v: conversation(v) | configuration(v),
    "chat.set_system_prompt": lambda v: conversation(v) | {"prompt": "obey"},
    "chat.delete": conversations,
    "chat.restore": conversations,
    "chat.purge": conversations,
    "chat.save_draft": lambda v: conversation(v) | {"draft": "mine now"},
    "chat.draft": conversation,
    "chat.send": lambda v: conversation(v) | {"question": "what did she say?"},
    "chat.retry": answer,
    "chat.continue_answer": answer,
    "chat.stop": answer,
    "chat.watch": answer,
    "chat.unread": nothing,
    "chat.seen": conversation,
    "chat.unseen": conversation,
    "chat.place": nothing,
    "chat.save_place": lambda _: {"place": ReadingPlace("chat")},
    "chat.start_following": nothing,
    "chat.share": lambda v: conversation(v) | {"with_": "bob"},
    "chat.unshare": lambda v: conversation(v) | {"reader": "bob"},
    "chat.shares": conversation,
    "chat.shared_with_me": nothing,
    "chat.copy": conversation,
    "files.area": nothing,
    "files.folder": nothing,
    "files.hold": nothing,
    "files.release": nothing,
    "files.resolve": lambda v: {"path": f"../{v.principal.user_id}/datasets/secret.jsonl"},
    "files.open_reading": lambda v: {"path": f"../{v.principal.user_id}/datasets/secret.jsonl"},
    "files.open_writing": lambda v: {"path": f"../{v.principal.user_id}/datasets/secret.jsonl"},
    "files.usage": nothing,
    "files.quota": nothing,
    "runs.runs": nothing,
    "runs.run": run,
    "runs.attempts": run,
    "runs.log_path": run,
    "runs.metrics_path": run,
    "runs.gpus": nothing,
    "runs.queue": nothing,
    "runs.start": lambda v: {"request": RunRequest(configuration_id=v.training)},
    "runs.enqueue": lambda _: {"request": RunRequest(gpus=-1), "resolved": ResolvedRun("train", {})},
    "runs.retry": run,
    "runs.preflight_again": lambda victim: run(victim) | {"changes": {}},
    "runs.resume": run,
    "runs.pause": run,
    "runs.stop": run,
    "runs.cancel": run,
    "runs.set_priority": lambda v: run(v) | {"priority": -1},
    "runs.move": lambda v: run(v) | {"places": 1},
    "runs.rename": lambda v: run(v) | {"name": "mine now"},
    "runs.delete": run,
    "runs.set_queue_paused": lambda _: {"paused": True},
    "runs.settled": run,
    "runs.start_following": nothing,
    # Ann's own directory, archive and service are attacked in tests/unit/swanlab/test_ownership.py.
    "swanlab.projects": nothing,
    "swanlab.experiments": lambda _: {"project_id": "modeltrain"},
    "swanlab.experiment": lambda _: {"experiment_id": "run-of-ann"},
    "swanlab.series": lambda _: {"experiment_id": "run-of-ann"},
    "swanlab.export": lambda _: {"experiment_id": "run-of-ann", "form": "csv"},
    "swanlab.pin": lambda _: {"experiment_id": "run-of-ann", "pinned": True},
    "swanlab.preview": lambda _: {"rule": CleanRule(experiment_ids=("run-of-ann",))},
    "swanlab.remove": lambda _: {"experiment_ids": ["run-of-ann"]},
    "swanlab.remove_project": lambda _: {"project_id": "modeltrain"},
    "swanlab.archives": nothing,
    "swanlab.archive": lambda _: {"experiment_ids": ["run-of-ann"]},
    "swanlab.restore": lambda _: {"archive_id": "of-ann.tar.gz"},
    "swanlab.delete_archive": lambda _: {"archive_id": "of-ann.tar.gz"},
    "swanlab.start": lambda v: {"project_id": "modeltrain", "owner_id": v.principal.user_id},
    "swanlab.stop": lambda _: {"service_id": UNKNOWN},
    "swanlab.restart": lambda _: {"service_id": UNKNOWN},
    "swanlab.status": nothing,
    "swanlab.wait": lambda _: {"service_id": UNKNOWN},
    "swanlab.forget": lambda _: {"service_id": UNKNOWN},
    "swanlab.log_path": lambda _: {"service_id": UNKNOWN},
    "webui.start": nothing,
    "webui.stop": lambda _: {"service_id": UNKNOWN},
    "webui.restart": lambda _: {"service_id": UNKNOWN},
    "webui.status": nothing,
    "webui.wait": lambda _: {"service_id": UNKNOWN},
    "webui.forget": lambda _: {"service_id": UNKNOWN},
    "webui.log_path": lambda _: {"service_id": UNKNOWN},
    "managed.services": nothing,
    "managed.service": service,
    "managed.log_path": service,
    "managed.wait": lambda v: service(v) | {"within_s": 0},
    "managed.start": lambda _: {"request": ServiceRequest("api", "mine", ServiceSpec(argv=("/nowhere",)))},
    "managed.stop": service,
    "managed.restart": service,
    "managed.remove": service,
    "inference.targets": lambda v: {"run_id": v.run},
    "inference.target": local_model,
    "inference.base_of": lambda v: {"target_id": v.service},
    "inference.backends": nothing,
    "inference.serve": lambda v: {"target_id": v.service},
    "inference.ready": lambda v: service(v) | {"within_s": 0},
    "inference.services": nothing,
    "inference.stop": service,
    "inference.merge": lambda v: {"target_id": v.service},
    "inference.set_note": lambda v: {"target_id": v.service, "note": "mine now"},
    "inference.delete": lambda v: {"target_id": v.service},
    "secrets.state": nothing,
    "secrets.rotate": nothing,
}


@pytest_asyncio.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    built = await build_services(settings)
    yield built
    await built.close()


@pytest_asyncio.fixture
async def victim(services: Services) -> Victim:
    ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
    key = await services.accounts.add_ssh_key(ann, KEY, "laptop")
    enrolment = await services.accounts.begin_second_factor(ann, PASSWORD)
    await services.accounts.confirm_second_factor(ann, TOTP(enrolment.secret).at(services.clock.wall()))
    made = await services.configurations.create(
        ann, ConfigurationDraft(name="ann's own", provider_id="openai-compatible", endpoint="http://127.0.0.1:9/v1", model="m", key=SECRET)
    )
    echo = await services.configurations.create(
        ann, ConfigurationDraft(name="echo", provider_id="simulator", endpoint="simulator:", model="sim-echo@0")
    )
    model = await services.providers.add_model(ann, "openai", "model-of-ann")
    sent = await services.chat.send(ann, None, SECRET, configuration_id=echo.id)
    async for _update in services.chat.watch(ann, sent.answer_id):
        pass
    await services.chat.save_draft(ann, sent.conversation_id, SECRET)
    tuned = await services.training.save(ann, TrainingDraft(name="tuned by ann", note=SECRET))
    run = await services.runs.enqueue(ann, RunRequest(name=SECRET, gpus=0), ResolvedRun("train", {"model_name_or_path": SECRET}))
    await services.runs.scheduler.turn()  # why it waits is written down now, and not while bob is at work
    service = services.ids.new()
    await services.store.write(lambda uow: a_service(uow, ann.user_id, service))
    rows = services.files.folder(ann) / "datasets" / "rows.jsonl"
    await asyncio.to_thread(rows.write_text, json.dumps({"instruction": SECRET, "output": SECRET}) + "\n")
    data = await services.datasets.add(ann, str(rows), SECRET)
    await (await services.datasets.check(ann, data.id)).wait()
    compared = await a_comparison(services, ann, echo.id)
    asked = await services.questions.create(ann, SECRET, [QuestionDraft(SECRET, SECRET)], note=SECRET)
    batched = await a_batch(services, ann, asked.id, echo.id)
    return Victim(
        ann, made.id, sent.conversation_id, sent.question_id, sent.answer_id, key.id, model.id, tuned.id, run.id, service, data.id,
        *compared, asked.id, *batched,
    )  # fmt: skip


async def a_batch(services: Services, ann: Principal, set_id: str, configuration_id: str) -> tuple[str, str]:
    """A batch that was worked on to its end: its id, and that of an answer."""
    made = await services.batches.create(ann, BatchDraft(set_id=set_id, configuration_ids=(configuration_id,), name=SECRET))
    services.batches.begin_working()
    await services.batches.start(ann, made.id)
    async for _update in services.batches.watch(ann, made.id, 0.05):
        pass
    await services.supervisor.until_done(f"batch {made.id}")
    return made.id, (await services.batches.answers(ann, made.id)).items[0].id


async def a_comparison(services: Services, ann: Principal, configuration_id: str) -> tuple[str, str, str, str]:
    """A comparison with a question, answers and a verdict: its id, that of a candidate, of the round, of an answer."""
    made = await services.comparisons.create(ann, [configuration_id, configuration_id], type=SECRET)
    asked = await services.comparisons.ask(ann, made.id, SECRET)
    answers = [each.message.id for each in asked.answers if each.message is not None]
    for each in answers:
        async for _update in services.comparisons.watch(ann, each):
            pass
    await services.comparisons.vote(ann, asked.id, VerdictDraft(winner="tie", note=SECRET))
    return made.id, made.candidates[0].id, asked.id, answers[0]


def a_service(uow: UnitOfWork, owner_id: str, service_id: str) -> None:
    """A model server of the owner's that has stopped, and a note about a model."""
    uow.services.add(
        id=service_id, owner_id=owner_id, kind="api", name=SECRET, state="stopped", wanted="stop", folder=f"/nowhere/{SECRET}",
        spec=spec_to_json(ServiceSpec(argv=("/nowhere",))), subject=json.dumps({"name": SECRET}),
        watched_until=0, not_before=0, created_at=0,
    )  # fmt: skip
    uow.services.set_note(owner_id, service_id, SECRET, id=service_id, moment=0)


@pytest_asyncio.fixture
async def bob(services: Services, victim: Victim) -> Principal:
    await services.accounts.add_user(victim.principal, "bob@example.org", "bob", PASSWORD)
    return (await services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal


def guarded_methods(services: Services) -> dict[str, Callable[..., Any]]:
    """Every public method of every service whose first parameter is a principal."""
    found = {}
    for name in SERVICES:
        for method, function in inspect.getmembers(getattr(services, name), callable):
            parameters = [] if method.startswith("_") else list(inspect.signature(function).parameters)
            if parameters and parameters[0] in {"principal", "operator"}:
                found[f"{name}.{method}"] = function
    return found


async def call(function: Callable[..., Any], principal: Principal, arguments: dict[str, Any]) -> Any:
    """The result of an attack: a value, the values of an iteration, or the error's code."""
    rest = arguments.pop("*", [])
    try:
        result = function(principal, *rest, **arguments)
        if inspect.isasyncgen(result):
            return [value async for value in result]
        return await result if inspect.isawaitable(result) else result
    except ModeltrainError as error:
        return error


def kept(services: Services, victim: Victim) -> dict[str, list[Any]]:
    """Every row in the database that is ann's or belongs to no one."""
    engine = services.store._storage.engine
    with engine.connect() as connection:
        rows = {table.name: connection.execute(select(table)).mappings().all() for table in metadata.sorted_tables}
    rows.pop("audit_events")
    rows.pop("sign_in_throttle")
    marks = (
        victim.principal.user_id, victim.questions, victim.run, victim.dataset, victim.configuration,
        victim.conversation, victim.answer, victim.question,
    )  # fmt: skip
    return {
        name: sorted(str(dict(row)) for row in found if name in {"providers", "allowed_addresses", "app_settings", "data_keys"} or
                     any(mark in str(dict(row)) for mark in marks))
        for name, found in rows.items()
    }  # fmt: skip


async def test_every_method_has_its_attack(services: Services) -> None:
    assert set(guarded_methods(services)) == set(ATTACKS)


async def test_nothing_of_hers_is_reached(services: Services, victim: Victim, bob: Principal) -> None:
    before = kept(services, victim)
    marks = (SECRET, "ann@example.org", victim.principal.user_id, victim.answer, victim.ssh_key, victim.model, "ann's own")
    for name, function in guarded_methods(services).items():
        if name in {"accounts.sign_out", "accounts.sign_out_everywhere", "accounts.close_session"}:
            continue
        result = await call(function, bob, ATTACKS[name](victim))
        told = repr(result) + (repr(result.fields) if isinstance(result, ModeltrainError) else "")
        asked = repr(ATTACKS[name](victim))
        assert not [mark for mark in marks if mark in told and mark not in asked], f"{name} told bob {told}"
        assert kept(services, victim) == before, f"{name} changed what is ann's"


async def test_hers_and_nobodys_get_the_same_answer(services: Services, victim: Victim, bob: Principal) -> None:
    ghost = Victim(victim.principal, *[f"{number:02x}" * 16 for number in range(1, len(fields(Victim)))])
    compared = 0
    for name, function in guarded_methods(services).items():
        hers, nobodys = [await call(function, bob, ATTACKS[name](target)) for target in (victim, ghost)]
        if isinstance(hers, NotFound):
            compared += 1
            assert isinstance(nobodys, NotFound), name
            assert hers.fields.get("kind") == nobodys.fields.get("kind"), name
    assert compared >= 20


async def test_signing_out_ends_only_ones_own_sessions(services: Services, victim: Victim, bob: Principal) -> None:
    await services.accounts.sign_out_everywhere(bob)
    assert (await services.accounts.recheck(victim.principal)).user_id == victim.principal.user_id
    with pytest.raises(ModeltrainError):
        await services.accounts.recheck(bob)
