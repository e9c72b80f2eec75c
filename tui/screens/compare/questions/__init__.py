"""The library of test questions: sets, their questions, versions, files."""
