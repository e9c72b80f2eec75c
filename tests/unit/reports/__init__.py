"""Tests of reports of batches."""
