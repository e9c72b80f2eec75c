"""Line charts in braille: a million points, zoom, smoothing, a crosshair that several charts share."""

from tui.widgets.line_chart.widget import LineChart, Series, Span

__all__ = ["LineChart", "Series", "Span"]
