"""What is done with experiments in their list: opened, compared, pinned, exported, cleaned up, archived, deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.sanitise import one_line
from core.swanlab.types import CleanPreview, CleanRule, Experiment, ExperimentDetail, Project, Series
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.swanlab import texts
from tui.screens.swanlab.cleaning import AskRule
from tui.widgets.dialogs import Choose, Confirm, Decide
from tui.widgets.line_chart import LineChart
from tui.widgets.line_chart import Series as Line
from tui.widgets.rows import Rows

_ALL = "\0all"
_LONGEST_FILE = 80


class ExperimentActions(AreaScreen):
    """The part of the SwanLab screen that works on experiments."""

    _projects: tuple[Project, ...]
    _project: str | None
    _experiments: tuple[Experiment, ...]

    @property
    def rows(self) -> Rows:
        """The list."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    @property
    def experiment_in_hand(self) -> Experiment | None:
        return next((item for item in self._experiments if item.id == self.rows.current_id), None)

    @property
    def chosen(self) -> list[Experiment]:
        """The marked experiments, or the one in hand."""
        ids = set(self.rows.selected_ids)
        return [item for item in self._experiments if item.id in ids]

    # Looking ---------------------------------------------------------------------------------------------------------

    def action_project(self) -> None:
        self.start(self._choose_project, group="choose")

    async def _choose_project(self) -> None:
        options = [(_ALL, _("All projects"), "")]
        options += [(item.id, one_line(item.name), texts.project_word(item)) for item in self._projects]
        chosen = await self.app.push_screen_wait(Choose(_("Which project?"), options, self._project or _ALL))
        if chosen is not None:
            self._project = None if chosen == _ALL else chosen
            self.rows.clear_marks()
            self.reload()

    def action_compare(self) -> None:
        if self.chosen:
            self.open_experiments([item.id for item in self.chosen])

    def open_experiments(self, ids: Sequence[str]) -> None:
        """Show one experiment, or several over one another."""
        from tui.screens.swanlab.experiment import ExperimentScreen

        found = [item for item in self._experiments if item.id in ids]
        if found:
            self.app.push_screen(ExperimentScreen(found), lambda _nothing: self.reload())

    @staticmethod
    def main_metric(detail: ExperimentDetail) -> str:
        """The curve that says most: a loss if there is one."""
        curves = [item for item in detail.metrics if item.count > 1]
        losses = [item for item in curves if item.name.endswith("loss")]
        return next((item.name for item in [*losses, *curves]), "")

    @staticmethod
    def show_chart(chart: LineChart, name: str, found: Sequence[tuple[Experiment, Series]]) -> None:
        """Draw one metric of these experiments."""
        chart.title = one_line(name)
        chart.show([Line(f"{item.id}/{name}", one_line(item.name, 40), series.steps, series.values) for item, series in found])

    # Pin and export --------------------------------------------------------------------------------------------------

    def action_pin(self) -> None:
        if self.chosen:
            self.start(self._pin, [item.id for item in self.chosen], group="change", exclusive=False)

    async def _pin(self, ids: list[str]) -> None:
        pinned = not all(item.pinned for item in self._experiments if item.id in ids)
        for experiment_id in ids:
            await self.services.swanlab.pin(self.principal, experiment_id, pinned)
        count = len(ids)
        if pinned:
            self.modeltrain.say(ngettext("{count} experiment is pinned.", "{count} experiments are pinned.", count).format(count=count))
        else:
            self.modeltrain.say(ngettext("{count} experiment is let go.", "{count} experiments are let go.", count).format(count=count))
        self.reload()

    def action_export(self) -> None:
        if self.chosen:
            self.start(self._export, self.chosen, group="export")

    async def _export(self, chosen: list[Experiment]) -> None:
        answers = {"c": ("csv", N_("CSV")), "j": ("json", N_("JSON"))}
        question = ngettext("Export {count} experiment as what?", "Export {count} experiments as what?", len(chosen)).format(
            count=len(chosen)
        )
        where = _("The file goes into your folder “exports” on this server: scp and sftp reach it.")
        form = await self.app.push_screen_wait(Decide(question, answers, where))
        if not form:
            return
        for item in chosen:
            text = await self.services.swanlab.export(self.principal, item.id, "csv" if form == "csv" else "json")
            path = f"exports/{file_name(item)}.{form}"
            await self._write(path, text)
            self.modeltrain.say(_("Written to {path}.").format(path=path))

    async def _write(self, path: str, text: str) -> None:
        import asyncio

        def work() -> None:
            upload = self.services.files.open_writing(who, path)
            try:
                upload.write(0, text.encode("utf-8", "replace"))
                upload.commit()
            except BaseException:
                upload.discard()
                raise

        who = self.principal
        await asyncio.to_thread(work)

    # Removing --------------------------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        if self.chosen:
            self.start(self._ask_to_remove, CleanRule(experiment_ids=tuple(item.id for item in self.chosen)), group="remove")
        elif self._project is not None:
            self.start(self._ask_to_remove_project, self._project, group="remove")

    def action_clean(self) -> None:
        self.start(self._clean, group="remove")

    async def _clean(self) -> None:
        rule = await self.app.push_screen_wait(AskRule(self._project))
        if rule is not None:
            await self._ask_to_remove(rule)

    async def _ask_to_remove(self, rule: CleanRule) -> None:
        found = await self.services.swanlab.preview(self.principal, rule)
        if not found.going:
            self.modeltrain.say(_nothing_goes(found))
            return
        count, size = len(found.going), texts.size(found.bytes)
        question = ngettext("Remove {count} experiment for good ({size})?", "Remove {count} experiments for good ({size})?", count).format(
            count=count, size=size
        )
        if await self.app.push_screen_wait(Confirm(question, texts.preview_lines(found), danger=True)):
            done = await self.services.swanlab.remove(self.principal, [item.id for item in found.going])
            self.rows.clear_marks()
            count = len(done.removed)
            text = ngettext("{count} experiment was removed, {size}.", "{count} experiments were removed, {size}.", count)
            self.modeltrain.say(text.format(count=count, size=texts.size(done.bytes)))
            self.reload()

    async def _ask_to_remove_project(self, project_id: str) -> None:
        project = next((item for item in self._projects if item.id == project_id), None)
        if project is None:
            return
        question = _("Remove the project “{name}” with its folder?").format(name=one_line(project.name))
        if await self.app.push_screen_wait(Confirm(question, texts.project_word(project), danger=True)):
            freed = await self.services.swanlab.remove_project(self.principal, project_id)
            self.modeltrain.say(_("The project was removed, {size}.").format(size=texts.size(freed)))
            self.reload()

    # Archiving -------------------------------------------------------------------------------------------------------

    def action_archive(self) -> None:
        if self.chosen:
            self.start(self._archive, self.chosen, group="change", exclusive=False)

    async def _archive(self, chosen: list[Experiment]) -> None:
        count = len(chosen)
        question = ngettext("Put {count} experiment into an archive?", "Put {count} experiments into an archive?", count)
        names = "\n".join(f"{one_line(item.name, 40)}  {texts.size(item.bytes)}" for item in chosen[:12])
        answers = {"m": ("move", N_("move")), "c": ("copy", N_("copy"))}
        explanation = _("m moves them there: they leave the list and can be brought back. c keeps them here as well.")
        answer = await self.app.push_screen_wait(Decide(question.format(count=count), answers, f"{explanation}\n\n{names}"))
        if not answer:
            return
        made = await self.services.swanlab.archive(self.principal, [item.id for item in chosen], remove=answer == "move")
        self.rows.clear_marks()
        text = ngettext("{count} archive was written, {size}.", "{count} archives were written, {size}.", len(made))
        self.modeltrain.say(text.format(count=len(made), size=texts.size(sum(item.bytes for item in made))))
        self.reload()


def _nothing_goes(found: CleanPreview) -> str:
    if not found.spared:
        return _("No experiment is meant by that: nothing would be removed.")
    names = ", ".join(f"{one_line(item.experiment.name, 40)} ({_(texts.SPARED[item.why])})" for item in found.spared[:3])
    return _("Nothing would be removed: {names}.").format(names=names)


def file_name(item: Experiment) -> str:
    """A name for a file of an experiment: what is safe of its own, and its mark."""
    safe = re.sub(r"[^\w.-]+", "-", one_line(item.name), flags=re.UNICODE).strip("-.")[:_LONGEST_FILE]
    return f"{safe or 'experiment'}-{item.id.rsplit('-', 1)[-1][:20]}"
