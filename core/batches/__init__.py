"""Batches: a set of questions asked to several configurations, scored and reported."""
