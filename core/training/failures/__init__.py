"""Why a run failed: rules, the log lines that prove them, what to change."""
