"""Storage of bytes: local folders and addresses."""
