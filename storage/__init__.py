"""Where things are kept: tables, queries, units of work, secrets. Never imports core or tui."""
