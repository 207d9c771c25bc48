"""One small function per event: which objects it makes stale."""
