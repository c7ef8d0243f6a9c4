"""Logging, set up once per process, each line marked with the device of the process."""

import logging


def set_up(label: str, quiet: bool) -> None:
    """Send warnings (and with quiet off, notes) of this process to standard error, marked with `label`."""
    logging.basicConfig(level=logging.WARNING, format=f"[{label}] %(levelname)s %(name)s: %(message)s", force=True)
    for name in ("utils", "models"):
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)
