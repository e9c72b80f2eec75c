"""The Compare area: models asked the same side by side, the records and votes of that, batches, and the library of questions."""
