"""The composer: where questions are written."""

from tui.widgets.composer.widget import Composer

__all__ = ["Composer"]
