"""Reports: pure functions of run folders. Needs neither torch nor data."""
