"""Log files of any size: lines by their place, levels, folded progress bars, search."""
