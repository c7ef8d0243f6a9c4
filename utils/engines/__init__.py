"""Who does the work: processes on this machine."""
