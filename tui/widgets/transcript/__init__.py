"""The transcript: a whole conversation as one widget that draws its own lines."""

from tui.widgets.transcript.views import MessageView, Notice, Target
from tui.widgets.transcript.widget import Transcript

__all__ = ["MessageView", "Notice", "Target", "Transcript"]
