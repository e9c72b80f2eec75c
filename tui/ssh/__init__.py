"""The application served over SSH."""
