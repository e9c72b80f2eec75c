"""What is done with configurations in their list: copy, default, on and off, delete, asked side by side."""

from __future__ import annotations

from core.compare.types import FEWEST, MOST
from core.models.types import Configuration
from core.sanitise import one_line
from tui.i18n import _, ngettext
from tui.screens.base import AreaScreen
from tui.widgets.dialogs import Confirm
from tui.widgets.rows import Rows


class ConfigurationActions(AreaScreen):
    """The part of the models screen that changes configurations."""

    _configurations: tuple[Configuration, ...]

    @property
    def rows(self) -> Rows:
        """The list."""
        raise NotImplementedError

    @property
    def in_hand(self) -> Configuration | None:
        """The configuration that the cursor is on."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def action_copy(self) -> None:
        if self.in_hand is not None:
            self.start(self._copy, self.in_hand.id, group="change", exclusive=False)

    async def _copy(self, configuration_id: str) -> None:
        made = await self.services.configurations.copy(self.principal, configuration_id)
        self.modeltrain.say(_("Copied as “{name}”.").format(name=one_line(made.name)))
        self.reload(made.id)

    def action_default(self) -> None:
        if self.in_hand is not None:
            self.start(self._make_default, self.in_hand.id, group="change", exclusive=False)

    async def _make_default(self, configuration_id: str) -> None:
        made = await self.services.configurations.set_default(self.principal, configuration_id)
        self.modeltrain.say(_("“{name}” is asked from now on when nothing is chosen.").format(name=one_line(made.name)))
        self.reload()

    async def toggle_configurations(self, ids: list[str]) -> None:
        chosen = [item for item in self._configurations if item.id in ids]
        enable = not all(item.enabled for item in chosen)
        for item in chosen:
            await self.services.configurations.set_enabled(self.principal, item.id, enable)
        self.reload()

    def action_delete(self) -> None:
        if self.rows.selected_ids:
            self.start(self._ask_to_delete, self.rows.selected_ids, group="delete")

    async def _ask_to_delete(self, ids: list[str]) -> None:
        used = await self.services.configurations.used_by(self.principal, *ids)
        names = [one_line(item.name) for item in self._configurations if item.id in ids]
        if len(names) == 1:
            question = _("Delete the configuration “{name}”?").format(name=names[0])
        else:
            question = ngettext("Delete {count} configuration?", "Delete {count} configurations?", len(names)).format(count=len(names))
        lines = []
        if used.conversations:
            lines.append(
                ngettext(
                    "{count} conversation asks it; it keeps its answers and asks the default from now on.",
                    "{count} conversations ask it; they keep their answers and ask the default from now on.",
                    used.conversations,
                ).format(count=used.conversations)
            )
        if used.is_default:
            lines.append(_("It is the default: choose another one afterwards."))
        explanation = "\n".join(lines) or _("Nothing uses it.")

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.configurations.delete(self.principal, ids)
                    self.rows.clear_marks()
                    self.reload()

        self.app.push_screen(Confirm(question, explanation, danger=True), decided)

    def action_compare(self) -> None:
        """The marked ones side by side; with one in hand only, that one and the default."""
        ids = self.rows.selected_ids
        if len(ids) == 1:
            ids += [item.id for item in self._configurations if item.is_default and item.id not in ids]
        if not FEWEST <= len(ids) <= MOST:
            self.modeltrain.say(_("Mark two or three with Space: they answer side by side."))
            return
        from tui.screens.compare.opening import compare_these

        self.app.run_worker(compare_these(self.modeltrain, ids), group="go", exclusive=True)
