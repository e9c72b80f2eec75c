"""Servers for base models, adapters and merged models of this machine."""
