"""Settings: how the interface looks and speaks, at once and for this account; for administrators also registration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from tui import local
from tui.glyphs import ASCII, UNICODE
from tui.i18n import LANGUAGES, N_, _
from tui.screens.base import AreaScreen
from tui.ssh.colours import AUTO
from tui.themes import THEMES
from tui.widgets.choices import Choice, Toggle
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs

_COLOURS = {AUTO: N_("automatic"), "truecolor": N_("all"), "256": "256", "16": "16", "none": N_("none")}
_SLOW_LINK = {AUTO: N_("automatic"), "on": N_("save bytes"), "off": N_("never save")}


class SettingsScreen(AreaScreen):
    """Every change takes effect and is kept at once; there is nothing to save."""

    AREA = N_("Settings")
    HELP = N_(
        "Left and right (or space) change the value in hand. Every change takes effect at once and is kept with your account; language, "
        "theme and signs also for the sign-in on this machine.\n\n"
        "“Colours of the terminal” draws with the sixteen colours and the background that your terminal is set to.\n\n"
        "“ASCII” draws with plain characters only, for terminals and fonts without others.\n\n"
        "Colours: few terminals say over SSH how many they have. If the colours look coarse, choose all; if they look wrong, choose fewer. "
        "With 16 or none every theme looks like “Colours of the terminal”.\n\n"
        "Slow link: growing answers are drawn twice a second and in 16 colours, so that keys are not kept waiting. Over SSH that begins by "
        "itself where the link is slow. What ssh compresses (ssh -C) needs a tenth of the bytes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.go('home')", N_("home"), id="settings.home"),
    ]

    def compose_body(self) -> Iterable[Any]:
        with Form(id="settings-form"):
            yield Paragraphs(id="settings-heading")
            yield Choice(N_("Language"), dict(LANGUAGES), self.context.locale.language, label_width=28, id="field-language")
            themes = {name: tokens.label for name, tokens in THEMES.items()}
            yield Choice(N_("Theme"), themes, self.app.theme, label_width=28, id="field-theme")
            signs = {"unicode": N_("Unicode"), "ascii": N_("ASCII")}
            yield Choice(N_("Signs"), signs, "ascii" if self.modeltrain.glyphs.ascii else "unicode", label_width=28, id="field-signs")
            yield Choice(N_("Colours"), _COLOURS, self._chosen("colours"), label_width=28, id="field-colours")
            yield Choice(N_("Slow link"), _SLOW_LINK, self._chosen("slow_link"), label_width=28, id="field-slow_link")
            yield Toggle(N_("Figures under each answer"), self._preference("figures", True), label_width=28, id="field-figures")
            if self.is_admin:
                yield Paragraphs(id="settings-admin", classes="gap")
                yield Toggle(N_("Registration open"), label_width=28, id="field-registration")

    def _preference(self, name: str, default: bool = False) -> bool:
        profile = self.context.profile
        return bool(profile is not None and profile.preferences.get(name, default))

    def _chosen(self, name: str) -> str:
        profile = self.context.profile
        return str(profile.preferences.get(name, AUTO)) if profile is not None else AUTO

    @property
    def form(self) -> Form:
        return self.query_one("#settings-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        self._draw()
        self.form.field("language").focus()
        if self.is_admin:
            self.start(self._look_at_registration, group="registration")

    def on_screen_resume(self) -> None:
        if self.form.fields:
            self.form.fill({"language": self.context.locale.language, "theme": self.app.theme})

    async def _look_at_registration(self) -> None:
        self.form.fill({"registration": "yes" if await self.services.accounts.registration_open() else "no"})

    def _draw(self) -> None:
        self.query_one("#settings-heading", Paragraphs).show((_("Changes take effect at once and are kept."), "dim"), ("", ""))
        if self.is_admin:
            self.query_one("#settings-admin", Paragraphs).show((_("For the whole installation"), "accent"))

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()
        self.form.fill({"language": self.context.locale.language})

    async def on_form_changed(self, event: Form.Changed) -> None:
        value = self.form[event.name]
        with self.reporting():
            match event.name:
                case "language":
                    self.modeltrain.switch_language(value)
                    await self.modeltrain.remember(language=value)
                case "theme":
                    self.app.theme = value
                    await self.modeltrain.remember(theme=value)
                case "signs":
                    await self._change_signs(value == "ascii")
                case "colours":
                    self.modeltrain.use_colours(value)
                    await self.modeltrain.remember_preference("colours", value)
                case "slow_link":
                    self.modeltrain.use_link_preference(value)
                    await self.modeltrain.remember_preference("slow_link", value)
                case "figures":
                    await self.modeltrain.remember_preference("figures", value == "yes")
                case "registration":
                    await self.services.accounts.set_registration(self.principal, value == "yes")
            self.form.remember()

    async def _change_signs(self, ascii_only: bool) -> None:
        self.modeltrain.use_glyphs(ASCII if ascii_only else UNICODE)
        if self.context.terminal.kind == "local":
            local.save(self.modeltrain.settings.data_dir, ascii=ascii_only)
        await self.modeltrain.remember_preference("ascii", ascii_only)

    def on_form_submitted(self) -> None:
        self.form.field("language").focus()
