"""What the keys of the chat screen do: which work now, which stay in a narrow key line, the way up and back."""

from __future__ import annotations

from collections.abc import Iterable

from tui.i18n import N_
from tui.screens.base import ScreenCommand
from tui.screens.chat.answers import Answers
from tui.screens.chat.conversations import Conversations
from tui.screens.chat.copying import Copying

#: Which keys stay longest in a narrow key line: while the text is empty, while there is text, in the conversation, in the list.
_ASKED = ("stop", "back", "model", "list", "submit", "newline", "retry", "new", "prompt")
_WRITING = ("submit", "newline", "unfold", "stop", "back", "model", "list", "retry", "new", "prompt")
_READING = ("copy", "write", "stop", "back", "reasoning", "retry", "continue", "save", "adopt", "list", "model", "new", "filter")
_LISTING = ("choose", "filter", "rename", "delete", "back", "others", "new", "share", "write", "list", "model")


#: What changes a conversation.
_NOT_FOR_READERS = ("write", "model", "prompt", "rename", "delete", "pin", "retry", "continue", "stop")


class Keys(Answers, Conversations, Copying):
    """The part of `ChatScreen` for keys."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _NOT_FOR_READERS and self.loaded and self.opened.readonly and not self.side.rows.has_focus:
            return False
        if action == "adopt":
            return self.loaded and self.opened.readonly
        if action == "share":
            return self.loaded and self.own_in_hand() is not None
        if action == "continue":
            return (
                self.loaded
                and not self.opened.readonly
                and self.opened.live is None
                and bool((last := self.opened.last_answer) and last.can_continue)
            )
        if action == "retry":
            return self.loaded and not self.opened.readonly and self.opened.live is None and self.opened.last_answer is not None
        if action == "stop":
            return self.opened.live is not None and not self.opened.readonly and self.focused not in (self.side.rows, self.side.filter)
        if action == "write":
            return self.loaded and not self.composer.has_focus
        if action in ("rename", "delete", "pin"):
            in_list = self.loaded and self.side.rows.has_focus
            return (in_list and not self.others) or (self.loaded and not in_list and self.opened.id is not None)
        return True

    def commands(self) -> Iterable[ScreenCommand]:
        """While text is written plain keys are text, so the palette offers what they would do."""
        yield ScreenCommand(N_("Shared with me: what others let me read, or my own again"), self.action_others, key="o")
        if self.opened.readonly:
            yield ScreenCommand(N_("Continue in a copy of my own"), self.action_adopt, key="c")
        if not self.composer.has_focus:
            return
        if self.opened.id is not None:
            yield ScreenCommand(N_("Share the conversation, or see with whom"), self.action_share, key="S")
            yield ScreenCommand(N_("Rename the conversation"), self.action_rename, key="r")
            yield ScreenCommand(N_("Delete the conversation"), self.action_delete, key="d")
            yield ScreenCommand(N_("Pin the conversation, or no longer"), self.action_pin, key="p")
        if self.opened.last_answer is not None:
            yield ScreenCommand(N_("Copy the last answer"), self.copy_last_answer, key="y")
            yield ScreenCommand(N_("Save the last answer to a file"), self.save_last_answer, key="x")
        yield ScreenCommand(N_("Answers only: hide all reasoning, or show it again"), self.transcript.action_answers_only, key="T")
        yield ScreenCommand(N_("Show or hide times, tokens and cost"), self.transcript.action_figures, key="f")
        yield ScreenCommand(N_("Trash: restore what was deleted"), self.action_trash, key="D")

    def key_rank(self, action: str) -> int:
        """What is likely to be wanted stays longest in a narrow key line: it depends on what has the focus and on what was typed."""
        if not self.loaded:  # the widgets may not be there yet
            return 0
        focused, answer = self.focused, self.opened.last_answer
        order: tuple[str, ...]
        if focused is self.composer:
            order = _WRITING if self.composer.document.text else _ASKED
        else:
            order = _READING if focused is self.transcript else _LISTING
        reading = focused is self.transcript or order is _ASKED
        if action in ("retry", "continue") and reading and answer is not None and answer.state != "complete":
            return 2
        return order.index(action) if action in order else len(order)

    def action_page(self, direction: int) -> None:
        """Read back and forth without leaving the text."""
        self.transcript.action_page(direction)

    def action_stop(self) -> None:
        self.stop_answer()

    def action_back(self) -> None:
        """One level up: text, conversation, list, home."""
        focused = self.focused
        if focused in (self.side.rows, self.side.filter):
            self._leave_list()
        elif focused is self.composer and len(self.transcript.flow):
            self.transcript.focus()
        else:
            self.to_list()

    def _leave_list(self) -> None:
        filter_field = self.side.filter
        if self.side.rows.clear_marks():
            return
        if not filter_field.has_class("hidden"):
            filter_field.value = ""
            filter_field.add_class("hidden")
            self.side.rows.focus()
        elif self.has_class("narrow"):
            # There the list lies over the conversation: the way up is to take it away first.
            self.remove_class("listing")
            self.focus_text()
        else:
            self.app.call_later(self.modeltrain.action_go, "home")

    def to_list(self) -> None:
        self.remove_class("unlisted")
        self.add_class("listing")
        self.side.rows.focus()

    def action_list(self) -> None:
        """Show or hide the list; where it is narrow it lies over the conversation."""
        hidden = not self.side.display or not self.side.size.width
        if hidden:
            self.to_list()
            return
        self.remove_class("listing")
        self.set_class(not self.has_class("narrow"), "unlisted")
        if self.focused in (self.side.rows, self.side.filter):
            self.focus_text()

    def action_write(self) -> None:
        self.remove_class("listing")
        self.focus_text()

    def action_new(self) -> None:
        self.remove_class("listing")
        self.remove_class("readonly")
        self.start(self._open, None, group="open")
        self.composer.focus()

    def action_filter(self) -> None:
        self.to_list()
        self.side.filter.remove_class("hidden")
        self.side.filter.focus()
