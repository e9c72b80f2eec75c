"""Talking to language models: presets, wire formats, streams, reasoning, and the simulator."""
