"""Comparisons: two or three models, one question, side by side; verdicts and what follows from them."""
