"""The log view: any log file, instantly, as one widget that draws its own lines."""

from tui.widgets.log_view.widget import LogView

__all__ = ["LogView"]
