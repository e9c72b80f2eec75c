"""Test questions: sets with versions, read from files and written to them."""
