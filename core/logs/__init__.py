"""Log files of any size: sparse index, search, folded progress bars."""
