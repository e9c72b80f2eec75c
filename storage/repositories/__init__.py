"""Queries, by aggregate. They never commit."""
