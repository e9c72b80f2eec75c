"""What is done with datasets, in their list and on the pages of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from core.datasets.types import Dataset
from core.datasets.work import Work
from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.screens.data import dialogs, texts
from tui.screens.data.report import export_problems
from tui.screens.data.working import Working
from tui.widgets.dialogs import Confirm, TypeName


class DatasetActions(Working):
    """The part of the data screens that changes datasets. Keys that do not apply to what is in hand are not offered."""

    #: In the order in which they go on from each other: mended, it is trained on; the rest is for now and then.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "repair", N_("repair"), id="data.repair", tooltip=N_("Write a new version with what is wrong put right")),
        Binding("t", "train", N_("train on it"), id="data.train", tooltip=N_("Begin a run with this dataset")),
        Binding("c", "check", N_("check"), id="data.check", tooltip=N_("Check the file again, every row of it")),
        Binding("r", "rename", N_("rename"), id="data.rename", tooltip=N_("Give it another name, or a note")),
        Binding("d", "delete", N_("delete"), id="data.delete", tooltip=N_("Delete, after saying what uses it")),
        Binding("D", "deduplicate", N_("deduplicate"), id="data.deduplicate", tooltip=N_("Write a new version without duplicates")),
        Binding("S", "split", N_("split"), id="data.split", tooltip=N_("Set rows aside to validate with")),
        Binding("x", "export", N_("export problems"), id="data.export", tooltip=N_("Write the problems into your exports as JSON lines")),
    ]
    _ON_ONE = ("repair", "train", "rename", "deduplicate", "split", "export", "problems", "preview", "seen", "versions")
    #: How early keys give way where the key line has no room for all.
    RANKS: ClassVar[dict[str, int]] = {"export": 9, "split": 8, "deduplicate": 8, "rename": 7, "delete": 5, "check": 4}

    @property
    def in_hand(self) -> Dataset | None:
        """The dataset that the keys act on."""
        raise NotImplementedError

    @property
    def all_in_hand(self) -> Sequence[Dataset]:
        """Those that keys for several act on: the marked ones, or the one in hand."""
        return [self.in_hand] if self.in_hand is not None else []

    @property
    def dataset_in_hand(self) -> str:
        return self.in_hand.id if self.in_hand is not None else ""

    def key_rank(self, action: str) -> int:
        return self.RANKS.get(action, 0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        item = self.in_hand
        if action in ("check", "delete"):
            return bool(self.all_in_hand)
        if action not in self._ON_ONE:
            return True
        if item is None or (action in ("repair", "deduplicate", "split", "check") and self.work_of(item.id) is not None):
            return False
        summary = item.current.summary
        match action:
            case "repair":
                return item.verdict == "repairable" and not item.current.missing
            case "train":
                return texts.usable(item)
            case "deduplicate":
                return summary is not None and summary.statistics is not None and summary.statistics.duplicates > 0
            case "split":
                return texts.usable(item) and summary is not None and summary.usable > 1
            case "export":
                return summary is not None and bool(summary.problems + summary.remarks)
        return True

    # Work ------------------------------------------------------------------------------------------------------------

    def _begin(self, starting: Callable[[], Awaitable[Work]]) -> None:
        self.start(self.begin, starting, group="work", exclusive=False)

    def action_check(self) -> None:
        for item in self.all_in_hand:
            if self.work_of(item.id) is None:
                self._begin(partial(self.services.datasets.check, self.principal, item.id))

    def action_repair(self) -> None:
        item = self.in_hand
        if item is None or item.current.summary is None:
            return
        question = _("Repair “{name}”?").format(name=one_line(item.name))
        self.app.push_screen(
            Confirm(question, dialogs.repair_words(item, item.current.summary)), partial(self._begin_if, "repair", item.id)
        )

    def action_deduplicate(self) -> None:
        item = self.in_hand
        if item is None or item.current.summary is None or item.current.summary.statistics is None:
            return
        count = item.current.summary.statistics.duplicates
        question = ngettext(
            "Take {count} duplicate out of “{name}”?", "Take {count} duplicates out of “{name}”?", count
        ).format(count=f"{count:,}", name=one_line(item.name))  # fmt: skip
        text = _("Version {number} is written; the file stays as it is, and you can go back.").format(number=item.versions + 1)
        self.app.push_screen(Confirm(question, text), partial(self._begin_if, "deduplicate", item.id))

    def _begin_if(self, what: str, dataset_id: str, yes: bool | None) -> None:
        if yes:
            self._begin(partial(getattr(self.services.datasets, what), self.principal, dataset_id))

    def action_split(self) -> None:
        item = self.in_hand
        if item is None:
            return

        def decided(split: dialogs.Split | None) -> None:
            if split is not None:
                split_it = self.services.datasets.split
                self._begin(partial(split_it, self.principal, item.id, validation=split.validation, seed=split.seed, name=split.name))

        self.app.push_screen(dialogs.SplitDataset(item), decided)

    # Name, report, end -----------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        item = self.in_hand
        if item is None:
            return

        async def decided(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                with self.reporting():
                    await self.services.datasets.rename(self.principal, item.id, answer[0], note=answer[1])
                    self.reload(item.id)

        self.app.push_screen(dialogs.NameDataset(item), decided)

    def action_export(self) -> None:
        if self.in_hand is not None:
            self.start(self._export, self.in_hand, group="export")

    async def _export(self, item: Dataset) -> None:
        name, count = await export_problems(self.services, self.principal, item)
        text = ngettext("{count} problem is in {file} of your files.", "{count} problems are in {file} of your files.", count)
        self.modeltrain.say(text.format(count=f"{count:,}", file=name))

    def action_delete(self) -> None:
        items = list(self.all_in_hand)
        if items:
            self.start(self._ask_to_delete, items, group="delete")

    async def _ask_to_delete(self, items: list[Dataset]) -> None:
        ids = [item.id for item in items]
        used = await self.services.datasets.used_by(self.principal, *ids)
        name = one_line(items[0].name)
        if len(items) == 1:
            question = _("Delete the dataset “{name}”?").format(name=name)
        else:
            question = ngettext("Delete {count} dataset?", "Delete {count} datasets?", len(items)).format(count=len(items))
        versions = [version for item in items for version in await self.services.datasets.versions(self.principal, item.id)]
        own = sum(not version.linked for version in versions)
        explanation = dialogs.deletion_words(used, own)

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.datasets.remove(self.principal, ids)
                    self.deleted(ids)

        # What others use, or what exists nowhere else, is not thrown away by one key.
        dangerous = not used.nothing or own > 0
        typed = name if len(items) == 1 else str(len(items))
        self.app.push_screen(TypeName(question, typed, explanation) if dangerous else Confirm(question, explanation, danger=True), decided)

    def deleted(self, dataset_ids: Sequence[str]) -> None:
        """These are gone now."""
        self.reload()

    # Training --------------------------------------------------------------------------------------------------------

    def action_train(self) -> None:
        """A new run on it, with the model whose eyes it was looked at with last."""
        from tui.screens.data.viewing import remembered_view
        from tui.screens.runs.new import open_new_run

        item, seen_as = self.in_hand, remembered_view(self.context)
        if item is not None:
            open_new_run(self.modeltrain, dataset_id=item.id, model=seen_as.model, template=seen_as.template)
