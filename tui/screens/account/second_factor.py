"""Setting up the second factor: the QR code, the secret for those who cannot scan it, the code that confirms; the recovery codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size
from textual.widget import Widget

from core.auth.types import Enrolment, SecondFactor
from core.errors import InvalidInput, ModeltrainError
from tui import moments
from tui.errors import describe, remark
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.widgets.dialogs import Dialog
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs
from tui.widgets.qr_code import QrCode

#: Cells for the text beside the code.
_TEXT_WIDTH = 38


def in_groups(secret: str, size: int = 4) -> str:
    """The secret as people type it: in groups of four."""
    return " ".join(secret[start : start + size] for start in range(0, len(secret), size))


def state_of(factor: SecondFactor, zone: Any) -> str:
    """The line of the profile."""
    if not factor.enabled or factor.since is None:
        return _("off")
    text = ngettext(
        "on since {when}, {count} recovery code left", "on since {when}, {count} recovery codes left", factor.recovery_codes_left
    )
    return text.format(when=moments.full(factor.since, zone), count=factor.recovery_codes_left)


class SecondFactorScreen(AreaScreen):
    """Returns the recovery codes once a code of the app was right, None for Esc."""

    AREA = N_("Second factor")
    HELP = N_(
        "Open an authenticator app on your telephone (any that knows TOTP will do), add an account there, and point the camera at the "
        "code. If it cannot be scanned, type the secret into the app instead, as an account that goes by time.\n\n"
        "Then type the six digits that the app shows. Until then nothing changes; Esc leaves everything as it was.\n\n"
        "If the camera does not find the code: Ctrl+R swaps dark and light, and a larger window gives it a wider margin."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", N_("confirm"), id="second_factor.submit", tooltip=N_("Turn the second factor on with this code")),
        Binding("ctrl+r", "invert", N_("swap dark and light"), id="second_factor.invert", tooltip=N_("If the camera does not find it")),
        Binding("escape", "cancel", N_("cancel"), id="second_factor.cancel"),
    ]

    def __init__(self, enrolment: Enrolment) -> None:
        super().__init__()
        self._enrolment = enrolment

    def compose_body(self) -> Iterable[Any]:
        with Horizontal(id="factor"):
            yield QrCode(self._enrolment.uri, id="factor-code")
            with Form(id="factor-form", classes="factor-form"):
                yield Paragraphs(id="factor-intro")
                yield Field(N_("Code"), hint=N_("6 digits"), max_length=100, label_width=8, id="field-code")
                yield Paragraphs(id="factor-message", classes="gap")
                yield Paragraphs(id="factor-secret", classes="gap")

    def on_mount(self) -> None:
        super().on_mount()
        self._draw(self.app.size)
        self.form.field("code").focus()

    @property
    def form(self) -> Form:
        return self.query_one("#factor-form", Form)

    def on_resize(self, event: events.Resize) -> None:
        self._draw(event.size)

    def retranslate(self) -> None:
        super().retranslate()
        self._draw(self.app.size)

    def _draw(self, size: Size) -> None:
        """The code where there is room for it: beside the text, between the two lines of the frame."""
        code = self.query_one(QrCode)
        scannable = code.show_in(Size(size.width - _TEXT_WIDTH, size.height - 2))
        intro = _("Scan the code with an authenticator app, then type the six digits that it shows.")
        if not scannable:
            needed = code.needs()
            intro = _("The code to scan needs a window of {columns} columns and {lines} lines. Or type the secret below into the app.")
            intro = intro.format(columns=needed.width + _TEXT_WIDTH, lines=needed.height + 2)
        self.query_one("#factor-intro", Paragraphs).show((_("A second factor for your sign-in"), "bold"), (intro, "dim"), ("", ""))
        self.query_one("#factor-secret", Paragraphs).show(
            (_("The secret, if you cannot scan:"), "dim"),
            (in_groups(self._enrolment.secret), "text"),
            ("", ""),
            (_("The same for apps on this machine:"), "dim"),
            (self._enrolment.uri, "text"),
        )

    def _say(self, problem: str) -> None:
        self.query_one("#factor-message", Paragraphs).show(*([(problem, "bad")] if problem else []))

    def on_form_changed(self) -> None:
        self._say("")

    def on_form_submitted(self) -> None:
        self.action_submit()

    def action_submit(self) -> None:
        self.start(self._submit, group="submit")

    async def _submit(self) -> None:
        code = self.form["code"].strip()
        if not code:
            self._say(remark("required"))
            return
        try:
            self.dismiss(await self.services.accounts.confirm_second_factor(self.principal, code))
        except InvalidInput as error:
            self._say(remark(error.rule))
        except ModeltrainError as error:
            self._say(describe(error).sentence)

    def action_invert(self) -> None:
        code = self.query_one(QrCode)
        code.inverted = not code.inverted

    def action_cancel(self) -> None:
        self.dismiss(None)


class RecoveryCodes(Dialog[None]):
    """Shows them, once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", N_("copy"), id="recovery.copy"),
        Binding("enter", "cancel", N_("I have kept them"), id="recovery.done"),
        Binding("escape", "cancel", show=False),
    ]

    def __init__(self, codes: tuple[str, ...]) -> None:
        super().__init__(
            _("Your recovery codes"),
            _(
                "Each lets you in once in place of a code from the app, for the day when the telephone is lost. Keep them where you find "
                "them without it: they are shown this one time only."
            ),
        )
        self._codes = codes

    def compose_answer(self) -> Iterable[Widget]:
        half = (len(self._codes) + 1) // 2
        second = [*self._codes[half:], ""]
        yield Paragraphs(*[(f"{one}     {other}".rstrip(), "text") for one, other in zip(self._codes[:half], second, strict=False)])

    def action_copy(self) -> None:
        self.app.copy_to_clipboard("\n".join(self._codes) + "\n")
        text = _("The codes were sent to the terminal's clipboard, if the terminal allows it.")
        self.app.notify(text, timeout=4, markup=False)
