"""What the keys of the side-by-side screen do: which work now, which stay in a narrow key line, the way up and back, between columns."""

from __future__ import annotations

from collections.abc import Iterable

from core.llm.capabilities import guess
from tui.i18n import N_, _
from tui.screens.base import ScreenCommand
from tui.screens.chat.copying import CopyingAnswers
from tui.screens.compare import texts
from tui.screens.compare.asking import Asking
from tui.screens.compare.choosing import Choosing
from tui.screens.compare.export import Exporting
from tui.screens.compare.judging import Judging
from tui.widgets.dialogs import Confirm
from tui.widgets.transcript import Target

#: Which keys stay longest in a narrow key line: while something is written, while there is text, with nothing typed, in a column.
_BUSY = ("back", "submit", "column", "stop", "zoom")
_WRITING = ("submit", "newline", "unfold", "back", "new", "attach", "model")
_ASKED = ("submit", "back", "new", "retry", "continue", "model", "newline", "attach")
_READING = ("verdict", "column", "write", "zoom", "diff", "copy", "retry", "stop", "blind", "continue", "chat", "reasoning", "back", "new")
#: What needs columns, a first question, text that is not being written.
_WITH_COLUMNS = ("model", "parameters", "blind", "mode", "column", "zoom")
_WITH_ROUND = ("verdict", "diff", "chat", "export", "similar")


class Keys(Asking, Choosing, Judging, Exporting, CopyingAnswers):
    """The part of `SideBySideScreen` for keys."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.loaded:
            return action in ("back", "new", "tab", "write")
        if action in _WITH_COLUMNS and not self.board.columns:
            return False
        if action in _WITH_ROUND and self.board.last is None:
            return False
        if action == "stop":
            return self.column is not None and self.column.live is not None
        if action == "retry":
            return bool(self.to_retry())
        if action == "continue":
            return bool(self.to_continue()) or (self.board.comparison is not None and self.board.comparison.waits)
        if action == "write":
            return not self.composer.has_focus
        return not self.visiting if action == "tab" else action != "zoom" or not self.has_class("narrow")

    @property
    def visiting(self) -> bool:
        """Whether this screen lies on another one, to which Esc leads back."""
        raise NotImplementedError

    def key_rank(self, action: str) -> int:
        """What is likely to be wanted stays longest in a narrow key line."""
        if not self.loaded:
            return 0
        order: tuple[str, ...]
        if self.in_columns:
            order = _READING
        elif self.board.busy:
            order = _BUSY
        else:
            order = _WRITING if self.composer.document.text else _ASKED
        name = action.partition("(")[0]
        return order.index(name) if name in order else len(order)

    def commands(self) -> Iterable[ScreenCommand]:
        """While text is written plain keys are text, so the palette offers what they would do."""
        if not self.composer.has_focus or not self.board.columns:
            return
        if self.board.last is not None:
            yield ScreenCommand(N_("Judge the answers: stars, winner, tie, note"), self.action_verdict, key="v")
            yield ScreenCommand(N_("Where two answers differ, word by word"), self.action_diff, key="w")
            yield ScreenCommand(N_("Continue this column as a conversation"), self.action_chat, key="c")
            yield ScreenCommand(N_("The same question over time, with a chart"), self.action_similar, key="a")
            yield ScreenCommand(N_("Copy the answer of this column"), self.copy_answer, key="y")
            yield ScreenCommand(N_("Save the whole comparison to a file"), self.action_export, key="X")
        yield ScreenCommand(N_("Hide or show the names: blind votes"), self.action_blind, key="b")
        yield ScreenCommand(N_("One column over the whole width, or all"), self.action_zoom, key="z")
        yield ScreenCommand(N_("Ask all at once, or one after the other"), self.action_mode, key="m")
        yield ScreenCommand(N_("Other parameters for this column"), self.action_parameters, key="e")

    # Up, back, between columns ---------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Stop what is being written; from the text to the columns; then back."""
        if self.stop_all():
            return
        if self.composer.has_focus and self.board.last is not None:
            self.transcript(self.current).focus()
        elif self.zoomed:
            self.action_zoom()
        elif self.visiting:
            self.dismiss(None)
        else:
            self.app.call_later(self.modeltrain.action_go, "home")

    def action_write(self) -> None:
        self.composer.focus()

    def action_page(self, direction: int) -> None:
        """Read back and forth without leaving the text."""
        if self.column is not None:
            self.transcript(self.current).action_page(direction)

    def action_column(self, step: int) -> None:
        if self.board.columns:
            self.to_column((self.current + step) % len(self.board.columns))

    def to_column(self, index: int) -> None:
        """Take this column into hand; where the columns have the focus it goes there."""
        raise NotImplementedError

    def action_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self.draw_state()

    # What can be done with answers -----------------------------------------------------------------------------------

    def action_diff(self) -> None:
        from tui.screens.compare.diff_view import DiffScreen, Text

        shown = self.round_in_hand
        if shown is None:
            return
        found = [
            Text(column.label, texts.author_of(self.board, column, answer.message.model), answer.message.content)
            for column in self.board.columns
            if (answer := column.answer(shown)) is not None and answer.message is not None and answer.message.content
        ]
        if len(found) < 2:
            self.modeltrain.say(_("Two answers are needed to see where they differ."))
            return
        mine = self.column.label if self.column is not None else ""
        first = next((index for index, text in enumerate(found) if text.label == mine), 0)
        # The pair of the column in hand and the one beside it: A with B, B with C, C with A.
        self.app.push_screen(DiffScreen(found, {0: 0, 1: 2, 2: 1}.get(first, 0) if len(found) > 2 else 0))

    def action_similar(self) -> None:
        """How this question was answered before."""
        from tui.screens.compare.similar import SimilarScreen

        shown = self.round_in_hand
        if shown is not None:
            self.app.push_screen(SimilarScreen(question=shown.question))

    def action_chat(self) -> None:
        """Continue the column in hand as a conversation of its own."""
        column, comparison = self.column, self.board.comparison
        if column is None or column.candidate is None or comparison is None:
            return
        candidate_id = column.candidate.id
        if not comparison.names_hidden:
            self.start(self._chat, comparison.id, candidate_id, group="chat")
            return

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._chat, comparison.id, candidate_id, True, group="chat")

        question = _("A conversation shows which model it is. Show the names?")
        self.app.push_screen(Confirm(question, _("Verdicts given after that do not count as blind.")), decided)

    async def _chat(self, comparison_id: str, candidate_id: str, reveal: bool = False) -> None:
        if reveal:
            await self.services.comparisons.reveal(self.principal, comparison_id)
        conversation_id = await self.services.comparisons.as_conversation(self.principal, comparison_id, candidate_id)
        await self.modeltrain.open_conversation(conversation_id)

    def copy_answer(self) -> None:
        """What the palette does from the text: copy the last answer of the column in hand."""
        shown, column = self.board.last, self.column
        answer = column.answer(shown) if column is not None and shown is not None else None
        if answer is not None and answer.message is not None:
            transcript = self.transcript(self.current)
            transcript.target = Target(answer.message.id)
            transcript.action_copy()

    # Images ----------------------------------------------------------------------------------------------------------

    def action_attach(self) -> None:
        """Send an image along with the next question; with one attached already it can be taken away, too."""
        from tui.screens.compare.images import ImageScreen

        self.app.push_screen(ImageScreen(), self._attached)

    def _attached(self, image: tuple[str, bytes] | None) -> None:
        if image is not None:
            self.images.append(image)
            self.draw_state()
            blind = [column.label for column in self.board.columns if "vision" not in guess(column.model)]
            if blind and not self.board.names_hidden:
                self.modeltrain.say(
                    _("The name of the model in {labels} does not say that it sees images: it may refuse.").format(labels=", ".join(blind))
                )

    def action_detach(self) -> None:
        """Take the images away again."""
        self.images = []
        self.draw_state()
