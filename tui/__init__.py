"""What people see: the screens, the widgets and the shell commands. Speaks to core only."""
