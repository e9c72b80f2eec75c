"""Datasets: found by looking, checked while streaming, repaired into new versions, previewed."""
