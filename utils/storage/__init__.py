"""Where bytes lie: local folders and addresses."""
