"""Scripts that the training environment's Python runs (never imported here): JSON in, JSON out."""
