"""Long jobs that outlive whoever started them: a shim, an identity that survives, a stop that leaves nothing."""
