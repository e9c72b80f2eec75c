"""Models: the configurations of this account with their tests beside them, the providers, and the models on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.worker import Worker

from core.events import ConfigurationsChanged, Event, ServicesChanged
from core.models.types import Configuration, ProviderInfo, Sort, TestResult
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.models import lists, local_texts, texts
from tui.screens.models.changes import ConfigurationActions
from tui.screens.models.local import TargetActions
from tui.screens.models.providers import ProviderActions
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Row, Rows
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from textual.events import Resize

    from core.inference.types import Target

CONFIGURATIONS, PROVIDERS, LOCAL = "configurations", "providers", "local"
_WIDE = 100
_ONLY = {
    "new": (CONFIGURATIONS,), "test": (CONFIGURATIONS,), "copy": (CONFIGURATIONS,), "delete": (CONFIGURATIONS,),
    "default": (CONFIGURATIONS,), "sort": (CONFIGURATIONS,), "compare": (CONFIGURATIONS,), "filter": (CONFIGURATIONS, LOCAL),
    "edit": (CONFIGURATIONS, PROVIDERS), "switch": (CONFIGURATIONS, PROVIDERS), "chat": (LOCAL,), "side_by_side": (LOCAL,),
    "serve": (LOCAL,), "merge": (LOCAL,), "log": (LOCAL,), "note": (LOCAL,), "delete_model": (LOCAL,), "results": (LOCAL,),
}  # fmt: skip


class ModelsScreen(ConfigurationActions, ProviderActions, TargetActions):
    """Three views of one list; the detail at the right where there is room."""

    AREA = N_("Models")
    HELP = N_(
        "A configuration is a model at a provider with its key and parameters: what a conversation asks. The default one is asked when "
        "nothing else is chosen.\n\n"
        "t sends a short message to the model in hand (or to all marked ones) and shows the answer with its time, or what is wrong and how "
        "to mend it; Esc stops a test.\n\n"
        "Space marks rows; u switches on and off, d deletes what is marked, after saying what uses it; b asks two or three of them the "
        "same, side by side.\n\n"
        "Left and right change to the providers. Enter opens one with the models it has. Administrators switch them on and off there, set "
        "a key for everybody and the default endpoint, and allow addresses of the inner network for people who come over SSH.\n\n"
        "Right once more are the models on this machine: base models of the model folders, and what your runs brought. Enter or c chats "
        "with one: it is served here, for you only, and becomes a configuration. s starts and stops its server, b asks it and its base "
        "side by side, m merges an adapter into its base."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("new"), id="models.new", tooltip=N_("Make a configuration")),
        Binding("e", "edit", N_("edit"), id="models.edit", show=False, tooltip=N_("Change what is in hand")),
        Binding("t", "test", N_("test"), id="models.test", tooltip=N_("Ask the model something short")),
        Binding("c", "copy", N_("copy"), id="models.copy", tooltip=N_("Make another like it")),
        Binding(
            "asterisk", "default", N_("default"), id="models.default", tooltip=N_("Ask this one when nothing is chosen"), key_display="*"
        ),
        Binding("u", "switch", N_("on/off"), id="models.toggle", tooltip=N_("Enable or disable")),
        Binding("d", "delete", N_("delete"), id="models.delete", tooltip=N_("Delete, after saying what uses it")),
        Binding("slash", "filter", N_("search"), id="models.filter", tooltip=N_("Search in name, model, provider and note")),
        Binding("s", "sort", N_("sort"), id="models.sort", tooltip=N_("Sort by something else")),
        Binding("p", "shared_key", N_("shared key"), id="models.shared_key", tooltip=N_("Set a key that everybody may use")),
        Binding("o", "endpoint", N_("default endpoint"), id="models.endpoint", tooltip=N_("Set where the provider is asked by default")),
        Binding("a", "allowed", N_("allowed addresses"), id="models.allowed", tooltip=N_("Addresses of the inner network")),
        Binding("c", "chat", N_("chat"), id="models.chat", tooltip=N_("Chat with it; it is served first if need be")),
        Binding("s", "serve", N_("serve/stop"), id="models.serve", tooltip=N_("Start or stop its model server")),
        Binding("b", "compare", N_("side by side"), id="models.compare", tooltip=N_("Ask two or three marked ones the same, side by side")),
        Binding("b", "side_by_side", N_("with its base"), id="models.side", tooltip=N_("Ask it and its base side by side")),
        Binding("m", "merge", N_("merge"), id="models.merge", tooltip=N_("Melt the adapter into its base, as a run")),
        Binding("o", "results", N_("results"), id="models.results", tooltip=N_("Everything that its run brought")),
        Binding("l", "log", N_("server log"), id="models.log", tooltip=N_("What its model server said")),
        Binding("e", "note", N_("note"), id="models.note", tooltip=N_("Write down something about it")),
        Binding("d", "delete_model", N_("delete"), id="models.delete_model", tooltip=N_("Delete a checkpoint from the disk")),
        Binding("right", "tab(1)", N_("next view"), show=False),
        Binding("left", "tab(-1)", N_("view before"), show=False),
        Binding("escape", "back", N_("home"), id="models.back", tooltip=N_("Stop the test, clear marks and search, then home")),
    ]

    def compose_body(self) -> Iterable[Any]:
        titles = {CONFIGURATIONS: N_("Configurations"), PROVIDERS: N_("Providers"), LOCAL: N_("On this machine")}
        yield TabLine(titles, id="models-tabs")
        yield Field(hint=N_("search in name, model, provider, note"), id="models-filter", classes="hidden")
        with Horizontal(id="models-body"):
            yield Rows(lists.CONFIGURATION_COLUMNS, markable=True, id="models-rows")
            yield Paragraphs(id="models-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self._configurations: tuple[Configuration, ...] = ()
        self._providers: tuple[ProviderInfo, ...] = ()
        self._loaded = False
        self._wanted: str | None = None
        self._sort: Sort = "name"
        self._results: dict[str, TestResult] = {}
        self._testing: dict[str, Worker[None]] = {}
        self.servers = {}
        self._progress = ""
        self.watch_servers()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#models-rows", Rows)

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#models-tabs", TabLine)

    @property
    def view(self) -> str:
        return self.tabs.active

    @property
    def in_hand(self) -> Configuration | None:
        return next((item for item in self._configurations if item.id == self.rows.current_id), None)

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, ConfigurationsChanged | ServicesChanged):
            self.reload()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")
        self._draw_detail()

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew, beside the screen; then have `keep` in hand, also if another reading takes the place of this one."""
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        query = self.query_one("#models-filter", Field).value
        self._configurations = await self.services.configurations.list(self.principal, query=query, sort=self._sort)
        self._providers = await self.services.providers.list(self.principal)
        if self.view == LOCAL:
            # Folders are read for it: only where somebody looks.
            await self.read_targets(query=query)
        self._loaded = True
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        self.tabs.count(CONFIGURATIONS, len(self._configurations))
        self.tabs.count(PROVIDERS, len(self._providers))
        if not self._loaded:
            return
        if self.view == CONFIGURATIONS:
            self.rows.columns = lists.CONFIGURATION_COLUMNS
            empty = lists.no_configurations(searched=bool(self.query_one("#models-filter", Field).value))
            self.rows.show([self._row(item) for item in self._configurations], empty=empty, keep=keep)
        elif self.view == LOCAL:
            self.tabs.count(LOCAL, len(self.targets))
            self.rows.columns = local_texts.COLUMNS
            searched = bool(self.query_one("#models-filter", Field).value)
            rows = [local_texts.row(each, self.server_of(each), glyphs(self.app)) for each in self.targets]
            self.rows.show(rows, empty=local_texts.nothing(searched, of_run=False), keep=keep)
        else:
            self.rows.columns = lists.PROVIDER_COLUMNS
            self.rows.show([lists.provider_row(item, glyphs(self.app)) for item in self._providers], keep=keep)
        self._draw_remark()
        self._draw_detail()
        self.refresh_bindings()

    def _row(self, item: Configuration) -> Row:
        result, testing = self._results.get(item.id), item.id in self._testing
        return lists.configuration_row(item, self._provider_name(item), result, glyphs(self.app), testing=testing)

    def _provider_name(self, item: Configuration) -> str:
        return lists.provider_name({provider.id: provider for provider in self._providers}, item.provider_id)

    def _draw_remark(self) -> None:
        marked = len(self.rows.marked)
        if marked:
            self.tabs.remark = ngettext(
                "{count} marked: t test, b side by side, u on/off, d delete",
                "{count} marked: t test, b side by side, u on/off, d delete",
                marked,
            ).format(count=marked)
        elif self.view == CONFIGURATIONS:
            query = one_line(self.query_one("#models-filter", Field).value)
            order = _(texts.SORTS[self._sort])
            self.tabs.remark = _("“{query}”, {order}").format(query=query, order=order) if query else order
        else:
            self.tabs.remark = ""

    @property
    def target_in_hand(self) -> Target | None:
        current = self.rows.current_id if self.view == LOCAL else ""
        return next((each for each in self.targets if each.id == current), None)

    def say_progress(self, text: str) -> None:
        if not self.gone:
            self._progress = text
            self._draw_detail()

    def _look_again(self) -> None:
        if self.view == LOCAL:
            super()._look_again()

    def _local_lines(self) -> list[tuple[str, str]]:
        lines = [(self._progress, "accent")] if self._progress else []
        if (target := self.target_in_hand) is not None:
            path_shown = not self.principal.served
            lines += local_texts.details(target, self.server_of(target), glyphs(self.app), path_shown=path_shown)
        return lines

    def _draw_detail(self) -> None:
        item = self.in_hand if self.view == CONFIGURATIONS else None
        narrow = self.has_class("narrow")
        lines = self._local_lines() if self.view == LOCAL else []
        if item is not None:
            lines = texts.summary(item, self._provider_name(item)) if narrow else texts.details(item, self._provider_name(item))
        if item is not None and item.id in self._results:
            lines += [*([] if narrow else [("", "")]), *texts.test_full(self._results[item.id], glyphs(self.app))]
        detail = self.query_one("#models-detail", Paragraphs)
        detail.show(*lines)
        detail.display = bool(lines)

    def on_rows_highlighted(self) -> None:
        self._draw_detail()

    def on_rows_marked(self) -> None:
        self._draw_remark()

    def on_rows_chosen(self) -> None:
        if self.view == LOCAL:
            self.action_chat()
        else:
            self.action_edit()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("shared_key", "endpoint", "allowed") or (action == "switch" and self.view == PROVIDERS):
            return self.view == PROVIDERS and self.is_admin
        return self.view in _ONLY.get(action, (self.view,))

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_tab(self, step: int) -> None:
        self.tabs.step(step)

    def on_tab_line_changed(self) -> None:
        self.rows.clear_marks()
        self.rows.markable = self.view == CONFIGURATIONS
        self.rows.cursor = 0
        self.draw()
        if self.view == LOCAL:
            self.reload()

    def action_back(self) -> None:
        field = self.query_one("#models-filter", Field)
        if self._testing:
            for worker in self._testing.values():
                worker.cancel()
        elif self.rows.clear_marks():
            pass
        elif not field.has_class("hidden"):
            field.value = ""
            field.add_class("hidden")
            self.rows.focus()
        else:
            self.app.call_later(self.modeltrain.action_go, "home")

    def action_filter(self) -> None:
        field = self.query_one("#models-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def on_input_changed(self) -> None:
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_sort(self) -> None:
        orders: list[Sort] = ["name", "model", "provider", "updated"]
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self.reload()

    # Doing -----------------------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        self._open_form(None)

    def action_edit(self) -> None:
        if self.view == PROVIDERS:
            self._open_provider()
        elif self.in_hand is not None:
            self._open_form(self.in_hand)

    @property
    def provider_in_hand(self) -> str:
        return self.rows.current_id if self.view == PROVIDERS else ""

    def _open_provider(self) -> None:
        from tui.screens.models.provider import ProviderScreen

        if self.rows.current_id:
            self.app.push_screen(ProviderScreen(self.rows.current_id), lambda _nothing: self.reload())

    def _open_form(self, configuration: Configuration | None) -> None:
        from tui.screens.models.form import ConfigurationScreen

        names = [item.name for item in self._configurations if configuration is None or item.id != configuration.id]
        self.app.push_screen(ConfigurationScreen(self._providers, configuration, names), self._form_closed)

    def _form_closed(self, saved: Configuration | None) -> None:
        if saved is not None:
            self._results.pop(saved.id, None)
            self.reload(saved.id)

    def action_results(self) -> None:
        if (target := self.target_in_hand) is not None and target.run_id:
            from tui.screens.runs.results import ResultsScreen

            self.app.push_screen(ResultsScreen(target.run_id))
        elif self.view == LOCAL:
            self.modeltrain.say(_("It was not made by a run of yours."))

    def action_test(self) -> None:
        for configuration_id in self.rows.selected_ids:
            if configuration_id not in self._testing:
                self._testing[configuration_id] = self.start(self._test, configuration_id, group=f"test-{configuration_id}")
        self.draw()

    async def _test(self, configuration_id: str) -> None:
        try:
            self._results[configuration_id] = await self.services.configurations.test(self.principal, configuration_id)
        finally:
            self._testing.pop(configuration_id, None)
            self.draw()

    def action_switch(self) -> None:
        if self.view == PROVIDERS:
            self.toggle_provider()
        elif self.rows.selected_ids:
            self.start(self.toggle_configurations, self.rows.selected_ids, group="change", exclusive=False)
