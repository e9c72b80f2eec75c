"""What modeltrain does, without a screen: services, rules, wire formats. Never imports textual, rich or asyncssh."""

__version__ = "0.1.0"
