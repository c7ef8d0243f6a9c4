"""Networks made ready to run."""
