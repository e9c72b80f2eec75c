"""What `modeltrain train start` is given: a YAML of one's own, with its datasets by name, by id or as files beside it."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from core.errors import InvalidInput, NotFound
from core.sanitise import one_line
from tui.commands.common import err
from tui.commands.files import NamedFile, is_served
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services

#: What LLaMA-Factory 0.9.5 reads of an entry of dataset_info.json (data/parser.py).
_KEYS = frozenset(
    str.split(
        "hf_hub_url ms_hub_url om_hub_url script_url cloud_file_name file_name formatting ranking subset split folder num_samples "
        "columns tags"
    )
)
#: Bytes of a YAML that are read, and of a dataset_info.json beside it.
LONGEST = 1024 * 1024


def read_yaml_file(file: NamedFile) -> str:
    """The text of the file. Raises EnvironmentProblem (file_not_readable), InvalidInput("yaml", "too_large"), NotFound."""
    text = file.read_text(LONGEST + 1)
    if len(text.encode()) > LONGEST:
        raise InvalidInput("yaml", "too_large", limit=LONGEST)
    return text


async def dataset_ids(services: Services, principal: Principal, file: NamedFile, text: str, named: list[str]) -> tuple[str, ...]:
    """The ids of the datasets of a run: those `named` on the command line, else those that the YAML names.

    A name is one of the account's datasets, or a file: by its path, or by the dataset_info.json of the YAML's folder (`dataset_dir`).
    A file that is no dataset yet becomes one, where it lies. Raises NotFound(kind="dataset"), InvalidInput, ...
    """
    if named:
        return tuple([await _known(services, principal, name) or await _added(services, principal, name, name) for name in named])
    values = _options(text)
    wanted = values.get("dataset")
    names = wanted if isinstance(wanted, list) else str(wanted or "").split(",")
    beside = _Beside(file, values)
    wanted_names = [name for each in names if (name := str(each).strip())]
    return tuple(
        [await _known(services, principal, name) or await _added(services, principal, name, beside.path_of(name)) for name in wanted_names]
    )


def _options(text: str) -> dict[str, Any]:
    from core.training.options_yaml import read_yaml

    return read_yaml(text)


async def _known(services: Services, principal: Principal, name: str) -> str | None:
    try:
        return (await services.datasets.dataset(principal, name)).id
    except NotFound:
        return None


async def _added(services: Services, principal: Principal, name: str, path: str | None) -> str:
    if path is None:
        raise NotFound(kind="dataset", reference=name)
    try:
        return (await services.datasets.add(principal, _whole(path))).id
    except NotFound as error:
        # What was written is said, not what became of it.
        raise NotFound(kind="dataset", reference=name) from error


def _whole(path: str) -> str:
    """At the machine itself a name is a path from here on; for somebody over SSH the service looks below their own folders."""
    return path if is_served() else str(Path(path).expanduser().absolute())


def _say_ignored(name: str, entry: dict[str, Any]) -> None:
    """Unknown keys are ignored by LLaMA-Factory without a word, and `format` is what people write for `formatting`."""
    for key in sorted(entry.keys() - _KEYS):
        near = get_close_matches(key, _KEYS, n=1)
        said = (
            _("“{name}” in dataset_info.json: LLaMA-Factory ignores “{key}”; it is called “{near}”. The file itself was looked at.")
            if near
            else _("“{name}” in dataset_info.json: LLaMA-Factory ignores “{key}”. The file itself was looked at.")
        )
        err(said.format(name=one_line(name, 60), key=one_line(key, 60), near=near[0] if near else ""))


class _Beside:
    """Files as the YAML names them, from its own folder on."""

    def __init__(self, file: NamedFile, values: dict[str, Any]) -> None:
        self._folder = "" if file.is_standard else str(PurePosixPath(str(file)).parent)
        self._data_folder = str(values["dataset_dir"]) if isinstance(values.get("dataset_dir"), str) else self._folder
        self._entries: dict[str, Any] | None = None

    def path_of(self, name: str) -> str | None:
        """The path of the file that `name` means; None where it means none."""
        entry = self._info().get(name)
        if isinstance(entry, dict) and isinstance(entry.get("file_name"), str):
            _say_ignored(name, entry)
            return self._joined(self._data_folder, entry["file_name"])
        if "/" in name or PurePosixPath(name).suffix.lower() in {".json", ".jsonl", ".csv", ".txt", ".parquet"}:
            return self._joined(self._folder, name)
        return None

    def _info(self) -> dict[str, Any]:
        if self._entries is None:
            try:
                found = json.loads(NamedFile(self._joined(self._data_folder, "dataset_info.json")).read_text(LONGEST))
            except Exception:  # it need not be there, nor be one
                found = {}
            self._entries = found if isinstance(found, dict) else {}
        return self._entries

    def _joined(self, folder: str, name: str) -> str:
        path = PurePosixPath(name) if name.startswith(("/", "~")) else PurePosixPath(folder or ".") / name
        return str(path)
