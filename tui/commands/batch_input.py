"""What a batch is made of on the command line: questions of a file or a set, configurations by name, everything else by options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from core.errors import InvalidInput, NotFound
from core.sanitise import one_line
from tui.commands.common import err
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.types import BatchDraft
    from core.bootstrap import Services
    from core.questions.types import FilePreview, Imported, QuestionSet

_ENDINGS = {".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `plan` and `run`."""

    configurations: Sequence[str]
    name: str = ""
    scorer: str = ""
    judge: str = ""
    rubric: str = ""
    concurrency: int = 16
    requests_per_minute: int | None = None
    retries: int = 3
    cache: bool = True
    repetitions: int = 1
    leave_out_bad: bool = False


async def make_draft(services: Services, principal: Principal, source: str, asked: Asked) -> BatchDraft:
    """What is to be asked. Raises NotFound, InvalidInput."""
    from core.batches.types import BatchDraft, JudgeSetting

    if not asked.configurations:
        raise InvalidInput("configuration", "required")
    by_name = services.configurations.by_name
    ids = tuple([(await by_name(principal, each)).id for each in asked.configurations])
    judge = JudgeSetting((await by_name(principal, asked.judge)).id, asked.rubric) if asked.judge else None
    found = await question_set(services, principal, source, leave_out_bad=asked.leave_out_bad)
    return BatchDraft(
        set_id=found.id,
        version=found.version,
        configuration_ids=ids,
        name=asked.name,
        scorer=asked.scorer,
        judge=judge,
        concurrency=asked.concurrency,
        requests_per_minute=asked.requests_per_minute,
        retries=asked.retries,
        use_cache=asked.cache,
        repetitions=asked.repetitions,
    )


async def question_set(services: Services, principal: Principal, source: str, *, leave_out_bad: bool) -> QuestionSet:
    """The set that `source` names by id or name; of a file of questions a set of that name, in a new version if it changed."""
    questions = services.questions
    if not _looks_like_file(source):
        try:
            return await questions.get(principal, source)
        except NotFound:
            pass  # it may be a file without an ending
    stem = PurePosixPath(source).stem
    page = await questions.sets(principal, query=stem, limit=1000)
    same = next((each for each in page.items if each.name == stem), None)
    made = await questions.import_file(principal, source, into=same.id if same is not None else None, leave_out_bad=leave_out_bad)
    tell_imported(made)
    return made.set


def _looks_like_file(source: str) -> bool:
    return "/" in source or PurePosixPath(source).suffix.lower() in _ENDINGS


def tell_imported(made: Imported) -> None:
    """What came of the file, on standard error."""
    found = made.set
    count = ngettext("{count} question", "{count} questions", found.count).format(count=f"{found.count:,}")
    text = _("Questions: “{name}”, version {version}, {questions}.")
    err(text.format(name=one_line(found.name, 60), version=found.version, questions=count))
    tell_problems(made.preview)


def tell_problems(preview: FilePreview) -> None:
    """What in the file no question could be made of, in a line."""
    if preview.left_out:
        text = ngettext("{count} place of the file was left out.", "{count} places of the file were left out.", preview.left_out)
        err(text.format(count=f"{preview.left_out:,}"))
