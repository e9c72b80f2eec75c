"""Batches: many questions asked of several configurations, scored, and what came of it."""
