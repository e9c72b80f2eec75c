"""The wire formats: how each reads a question, and writes answers, errors and lists of models."""
